// One day of the calendar: its figures in short, and its offers with whom each may reach.
import { el, fill } from "./dom.js";
import { count, day as dayWords, FACTS, say, share } from "./words.js";

/** The figures of a day in its cell. */
export function figures(planned, { over }) {
  if (!planned.offers.length) return el("span", { class: "figure" }, say("no_offer"));
  if (planned.suppressed) return el("span", { class: "figure" }, say("few"));
  return [
    el("span", { class: "figure" }, say("reach", { count: count(planned.audience) })),
    planned.visitors === null ? null : el("span", { class: "figure" }, say("visitors", { count: count(planned.visitors) })),
    planned.capped_share === null ? null
      : el("span", { class: "figure pressure" }, over ? "⚠ " : "", say(over ? "pressure_over" : "pressure", { share: share(planned.capped_share) })),
  ];
}

const ahead = (planned, told) =>
  !planned.offers.length ? say("nothing_planned") : planned.suppressed ? say("minimum", { least: FACTS.least }) : say("of_day", told);

const known = (value, write) => (value === null ? say("unknown") : write(value));

/** Show a day's offers beneath the weeks; of a day that is over, the dashboard tells whom they reached. */
export function drawDay(node, planned, past) {
  const told = { day: dayWords(planned.day), audience: known(planned.audience, count), visitors: known(planned.visitors, count), share: known(planned.capped_share, share) };
  const head = (past ? ["offer", "state"] : ["offer", "state", "audience", "likely", "basis"]).map((key) => el("th", { scope: "col" }, say(key)));
  const rows = planned.offers.map((each) => el("tr", {},
    el("th", { scope: "row" }, el("a", { href: `/dashboard/offers/${each.offer_id}` }, each.name)),
    el("td", {}, say(`state_${each.state}`)),
    past ? null : [
      el("td", {}, each.suppressed ? say("few") : known(each.audience, count)),
      el("td", {}, each.suppressed ? say("few") : known(each.visitors, count)),
      el("td", {}, say(`basis_${each.basis}`)),
    ]));
  node.hidden = false;
  fill(node,
    el("h2", { tabindex: -1 }, told.day),
    el("p", {}, past ? el("a", { href: `/dashboard?first=${planned.day}&last=${planned.day}` }, say("over")) : ahead(planned, told)),
    rows.length ? el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": told.day },
      el("table", { class: "list" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows))) : null);
  node.scrollIntoView({ block: "nearest" });
  node.querySelector("h2").focus({ preventScroll: true });
}
