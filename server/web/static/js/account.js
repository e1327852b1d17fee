// One's own account: the log-ins there are, and the second factor.
import { call } from "./api.js";
import { oneTimeCodes, setUp } from "./account_second.js";
import { el, fill, find } from "./dom.js";
import { ask, attempt, shown, tell } from "./frame.js";
import { FACTS, say, time } from "./words.js";

async function showSessions() {
  const { items } = (await call("GET", "/v1/account/sessions")).body;
  const heads = ["browser", "network", "since", "seen", "ends"].map((name) => el("th", { scope: "col" }, say(name)));
  const table = el(
    "table",
    { class: "list cards" },
    el("thead", {}, el("tr", {}, heads, el("th", {}, el("span", { class: "unseen" }, say("end"))))),
    el("tbody", {}, items.map(sessionRow)),
  );
  fill(find("#sessions"), table);
}

function sessionRow(item) {
  const browser = item.browser ?? say("unknown_browser");
  const end = el("button", { class: "quiet", type: "button", onclick: () => endSession(item, browser, end) }, say("end"));
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, browser, item.current && [" ", el("span", { class: "badge good" }, say("this_one"))]),
    el("td", { "data-label": say("network") }, item.network ?? "–"),
    ...["created_at", "seen_at", "ends_at"].map((name, place) =>
      el("td", { "data-label": say(["since", "seen", "ends"][place]) }, time(item[name])),
    ),
    el("td", { class: "deed" }, item.current ? null : end),
  );
}

async function endSession(item, browser, busy) {
  if (!(await ask(say("sure_end", { browser })))) return;
  await attempt(
    async () => {
      await call("DELETE", `/v1/account/sessions/${item.id}`);
      tell(say("ended"));
      await showSessions();
    },
    { busy },
  );
}

function showSecond(second) {
  if (!second.on) {
    const begin = el("button", { type: "button", onclick: () => attempt(() => setUp(find("#second"), kept), { busy: begin }) }, say("set_up"));
    fill(find("#second"), el("p", {}, say("second_off"), second.required && ` ${say("second_required")}`), el("p", {}, begin));
    return;
  }
  const fresh = el("button", { type: "button", class: "quiet", onclick: () => freshCodes(fresh) }, say("new_codes"));
  const off = el("button", { type: "button", class: "quiet", onclick: () => turnOff(off, second) }, say("turn_off"));
  fill(
    find("#second"),
    el("p", {}, el("span", { class: "badge good" }, say("second_on", { since: time(second.since) }))),
    el("p", {}, say("codes_left", { left: second.recovery_codes_left })),
    el("div", { class: "buttons" }, fresh, off),
  );
}

const kept = () => attempt(settled);

async function settled() {
  const { body } = await call("GET", "/v1/account");
  showSecond(body.second_factor);
  document.querySelector(".wanted")?.remove();
  await showSessions();
}

async function freshCodes(busy) {
  if (!(await ask(say("sure_codes")))) return;
  await attempt(
    async () => {
      const { body } = await call("POST", "/v1/account/second-factor/recovery-codes");
      oneTimeCodes(find("#second"), body.recovery_codes, kept);
    },
    { busy },
  );
}

async function turnOff(busy, { required }) {
  if (!(await ask(say(required ? "sure_off_required" : "sure_off")))) return;
  await attempt(
    async () => {
      await call("DELETE", "/v1/account/second-factor");
      tell(say("turned_off"));
      await settled();
    },
    { busy },
  );
}

showSecond(FACTS.account.second_factor);
shown(find("#sessions"), showSessions);
