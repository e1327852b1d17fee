// The list of offers: searched and filtered by the server, page by page, with a line of redemptions for each.
import { call } from "./api.js";
import { mountDryRun } from "./dry_run_panel.js";
import { el, find, soon } from "./dom.js";
import { attempt } from "./frame.js";
import { sparkline } from "./sparkline.js";
import { redemptionsOf } from "./trend.js";
import { count, day, say } from "./words.js";

const PAGE = 50;
const form = find("#filters");
const list = find("#list");
const body = find("tbody", list);
const more = find("#more");
let next = null;
let asked = 0;

function remember() {
  const kept = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", kept.size ? `?${kept}` : location.pathname);
  return kept;
}

async function load({ further = false } = {}) {
  const mine = (asked += 1);
  const query = remember();
  query.set("order", "newest");
  query.set("limit", PAGE);
  if (further) query.set("cursor", next);
  else more.hidden = true; // it goes on from a list that is on its way out
  const answer = await attempt(() => call("GET", `/v1/offers?${query}`), { busy: further ? more : list });
  if (mine !== asked) return;
  if (!answer) {
    if (!further) none("not_read"); // another list than the one that was asked for tells nothing
    return;
  }
  const { items } = answer.body;
  next = answer.body.next;
  if (!further) body.replaceChildren();
  const lines = items.map(line);
  body.append(...lines);
  list.hidden = false;
  const left = further && document.activeElement === more;
  more.hidden = next === null;
  if (left && more.hidden) lines[0]?.querySelector("a").focus();
  if (!body.children.length) none(form.elements.search.value ? "none_found" : form.elements.status.value ? "none_such" : "none_yet");
  else find("#found").textContent = body.children.length === 1 ? say("found_one") : say("found", { count: count(body.children.length) });
  drawLines(items.map((each) => each.id));
}

function none(why) {
  body.replaceChildren();
  list.hidden = true;
  find("#found").textContent = say(why);
}

function line(offer) {
  const waits = offer.live_version !== null && offer.live_version < offer.version && offer.status !== "ended";
  return el("tr", { dataset: { offer: offer.id } },
    el("th", { scope: "row" }, el("a", { href: `/dashboard/offers/${offer.id}` }, offer.name),
      waits ? el("span", { class: "note" }, say("newer", { version: offer.version })) : null),
    el("td", {}, el("span", { class: offer.status === "live" ? "badge good" : "badge" }, say(`state_${offer.status}`))),
    el("td", { dataset: { label: say("dates") } }, dates(offer.document.active ?? {})),
    el("td", { class: "number", dataset: { label: say("priority") } }, count(offer.document.priority ?? 50)),
    el("td", { class: "trend", dataset: { label: say("redeemed") } }, "…"));
}

function dates({ from, to }) {
  if (from && to) return say("span", { first: day(from), last: day(to) });
  if (from) return say("from_day", { day: day(from) });
  return to ? say("to_day", { day: day(to) }) : say("always");
}

async function drawLines(offers) {
  const found = offers.length ? await redemptionsOf(offers) : null;
  for (const offer of offers) {
    const cell = body.querySelector(`[data-offer="${offer}"] .trend`);
    cell?.replaceChildren(trend(found?.get(offer)));
  }
}

function trend(days) {
  if (!days) return "–";
  const total = days.reduce((sum, each) => sum + (each ?? 0), 0);
  const few = days.includes(null);
  if (!total) return say(few ? "spark_few" : "spark_none");
  const told = { total: count(total), most: count(Math.max(...days)) };
  return few ? sparkline(days, say("spark_least", told), `≥ ${told.total}`) : sparkline(days, say("spark", told), told.total);
}

for (const [name, value] of new URLSearchParams(location.search)) if (form.elements[name]) form.elements[name].value = value.slice(0, 64); // the server's limit of a search
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", soon(() => load()));
more.addEventListener("click", () => load({ further: true }));
document.querySelector("#try")?.addEventListener("toggle", (event) => {
  const node = find("#dry-run");
  if (event.target.open && !node.firstChild) mountDryRun(node);
});
await load();
