// What leaves the house: how each way stands, and dead letters, retried or dropped.
import { button, cell, table } from "./admin_parts.js";
import { call } from "./api.js";
import { all, el, fill } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { ago, count, knows, say, time } from "./words.js";

const WAYS = ["apns", "fcm", "webpush", "apple_wallet", "google_wallet"];
const PORTION = 100;
const state = { way: "", items: [], next: null, place: null };

/** Show the ways, and the newest dead letters. */
export async function show(place) {
  state.place = place;
  const [ways] = await Promise.all([call("GET", "/v1/outbox"), more(null)]);
  fill(place, standing(ways.body.items), el("section", { class: "panel", id: "dead" }));
  letters();
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
  return el("section", { class: "panel" }, table(heads, rows, { empty: say("out_empty") }));
}

function waits(since) {
  const seconds = since ? (new Date(since) - Date.now()) / 1000 : 0;
  return seconds < 0 ? ago(seconds) : "–";
}

async function more(cursor) {
  const query = new URLSearchParams({ state: "dead", limit: PORTION, ...(state.way ? { way: state.way } : {}), ...(cursor ? { cursor } : {}) });
  const { body } = await call("GET", `/v1/deliveries?${query}`);
  state.items = cursor ? [...state.items, ...body.items] : body.items;
  state.next = body.next;
}

function letters() {
  const ways = el("select", { onchange: pick }, el("option", { value: "" }, say("all_ways")), WAYS.map((each) => el("option", { value: each, selected: each === state.way }, nameOf(each))));
  const whole = el("input", { type: "checkbox", "aria-label": say("choose_all"), onchange: () => all(".pick").forEach((each) => (each.checked = whole.checked)) });
  const heads = [whole, say("way"), say("reason"), say("tries"), say("made"), say("until")];
  fill(
    state.place.querySelector("#dead"),
    el("h2", {}, say("dead")),
    el("div", { class: "line" }, el("label", {}, say("way"), ways), state.items.length > 0 && choices()),
    table(heads, state.items.map(row), { empty: say("dead_empty"), kind: "picking" }),
    state.next && el("p", {}, button(say("show_more"), onMore)),
  );
}

const choices = () =>
  el(
    "div",
    { class: "buttons" },
    button(say("retry_chosen"), (event) => act("retry", event.target), ""),
    button(say("drop_chosen"), (event) => act("drop", event.target)),
  );

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

async function pick(event) {
  state.way = event.target.value;
  await attempt(() => more(null));
  letters();
}

async function onMore(event) {
  await attempt(() => more(state.next), { busy: event.target });
  letters();
}

async function act(deed, busy) {
  const ids = all(".pick").filter((each) => each.checked).map((each) => each.value);
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
    await show(state.place);
  }, { busy });
}
