// What leaves the house: how each way stands, and dead letters, retried or dropped.
import { button, cell, table } from "./admin_parts.js";
import { call, Problem } from "./api.js";
import { all, el, fill, find } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { ago, count, knows, say, time } from "./words.js";

const WAYS = ["apns", "fcm", "webpush", "apple_wallet", "google_wallet"];
const PORTION = 100;
const parts = {}; // made once: whoever is at the field or at a button stays there while the list changes
let shown = { way: "", next: null }; // what the list is of, and where it goes on
let turn = 0;

/** Show the ways, and the newest dead letters. */
export async function show(place) {
  const [ways, letters] = await Promise.all([call("GET", "/v1/outbox"), lettersOf("")]);
  const options = WAYS.map((each) => el("option", { value: each }, nameOf(each)));
  const whole = el("input", { type: "checkbox", onchange: () => picks().forEach((each) => (each.checked = whole.checked)) });
  parts.ways = el("section", { class: "panel" });
  parts.field = el("select", { onchange: choose }, el("option", { value: "" }, say("all_ways")), options);
  parts.whole = whole;
  parts.deeds = el("div", { class: "buttons" });
  parts.list = el("div", { onchange: fit });
  parts.wait = el("div", { class: "note", role: "status" });
  const line = el("div", { class: "line" }, el("label", {}, say("way"), parts.field), parts.deeds);
  fill(place, parts.ways, el("section", { class: "panel", id: "dead" }, el("h2", {}, say("dead")), line, parts.wait, parts.list));
  fill(parts.ways, standing(ways.body.items));
  draw("", letters);
}

const nameOf = (way) => (knows(`way_${way}`) ? say(`way_${way}`) : way);

function standing(ways) {
  const heads = ["way", "waiting", "sending", "waits", "dead"].map((each) => say(each));
  const rows = ways.map((each) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, nameOf(each.way)),
      cell(say("waiting"), count(each.waiting)),
      cell(say("sending"), count(each.sending)),
      cell(say("waits"), waits(each.waits_since)),
      cell(say("dead"), each.dead ? el("strong", {}, count(each.dead)) : count(0)),
    ),
  );
  return table(heads, rows, { empty: say("out_empty") });
}

function waits(since) {
  const seconds = since ? (new Date(since) - Date.now()) / 1000 : 0;
  return seconds < 0 ? ago(seconds) : "–";
}

/** Dead letters of a way, or those behind `cursor`; null where something else was asked for meanwhile, whatever came of it. */
async function lettersOf(way, cursor = null) {
  const mine = (turn += 1);
  const query = new URLSearchParams({ state: "dead", limit: PORTION, ...(way ? { way } : {}), ...(cursor ? { cursor } : {}) });
  try {
    const { body } = await call("GET", `/v1/deliveries?${query}`);
    return mine === turn ? body : null;
  } catch (error) {
    if (mine === turn || !(error instanceof Problem)) throw error;
    return null;
  }
}

/** Have the list be of what the field says; where that is refused, the field says what the list is of. */
async function choose() {
  const way = parts.field.value;
  fill(parts.wait, say("loading"));
  parts.list.hidden = true;
  const letters = await attempt(() => lettersOf(way));
  if (letters === null) return; // whoever asked later says what is shown
  if (letters) draw(way, letters);
  else parts.field.value = shown.way;
  fill(parts.wait);
  parts.list.hidden = false;
  fit();
}

function draw(way, { items, next }) {
  const heads = [el("span", { class: "unseen" }, say("choose")), say("way"), say("reason"), say("tries"), say("made"), say("until")];
  shown = { way, next };
  fill(parts.list, table(heads, items.map(row), { empty: say("dead_empty"), kind: "picking" }), next && el("p", {}, button(say("show_more"), onMore)));
  if (!items.length) fill(parts.deeds);
  else if (!parts.deeds.childElementCount) parts.deeds.append(...choices());
  fit();
}

const choices = () => [
  el("label", { class: "tick" }, parts.whole, say("choose_all")),
  button(say("retry_chosen"), (event) => act("retry", event.target), ""),
  button(say("drop_chosen"), (event) => act("drop", event.target)),
];

/** The boxes of the letters that are seen: while others are on their way, there are none. */
const picks = () => (parts.list.hidden ? [] : all(".pick", parts.list));

function fit() {
  const boxes = all(".pick", parts.list);
  parts.whole.checked = boxes.length > 0 && boxes.every((each) => each.checked);
}

function row(item) {
  const way = nameOf(item.way ?? item.channel);
  return el(
    "tr",
    {},
    el("td", {}, el("input", { type: "checkbox", class: "pick", value: item.id, "aria-label": `${say("choose")}: ${way}, ${time(item.created_at)}` })),
    el("th", { scope: "row" }, way),
    cell(say("reason"), item.reason ?? "–"),
    cell(say("tries"), count(item.attempts)),
    cell(say("made"), time(item.created_at)),
    cell(say("until"), time(item.deliver_by)),
  );
}

async function onMore({ target }) {
  const letters = await attempt(() => lettersOf(shown.way, shown.next), { busy: target });
  if (!letters) return;
  const rows = letters.items.map(row);
  find("tbody", parts.list).append(...rows);
  shown.next = letters.next;
  fit();
  if (shown.next) return;
  if (rows.length) find(".pick", rows[0]).focus();
  target.parentElement.remove();
}

async function act(deed, busy) {
  const ids = picks().filter((each) => each.checked).map((each) => each.value);
  if (!ids.length) return tell(say("choose_first"), { wrong: true });
  if (deed === "drop" && !(await ask(say("sure_drop", { count: ids.length })))) return undefined;
  return attempt(async () => {
    const told = { done: 0, left: 0 };
    for (let from = 0; from < ids.length; from += PORTION) {
      const { body } = await call("POST", `/v1/deliveries/${deed}`, { key: true, body: { ids: ids.slice(from, from + PORTION) } });
      told.done += body.done.length;
      told.left += body.left.length;
    }
    tell(say(`done_${deed}`, told));
    const [ways] = await Promise.all([call("GET", "/v1/outbox"), choose()]);
    fill(parts.ways, standing(ways.body.items));
  }, { busy });
}
