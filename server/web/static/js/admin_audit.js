// Who changed what: searched, page by page, its chain checked, and as a file.
import { actors, button, cell, table } from "./admin_parts.js";
import { call } from "./api.js";
import { el, fill } from "./dom.js";
import { attempt } from "./frame.js";
import { count, say, time } from "./words.js";

const ACTIONS = ["user", "session", "key", "till_key", "webhook", "delivery", "offer", "store", "geofence", "segment", "programme", "customer", "pass", "export", "secret"];
const PORTION = 50;
const DAY_MS = 86_400_000;
const state = { names: new Map(), items: [], next: null, query: "", who: null };

/** Show the newest deeds, and a form to search in all. */
export async function show(place) {
  state.names = (await actors()).set("command line", say("command_line"));
  const list = el("section", { class: "panel", "aria-live": "polite" });
  fill(place, form(list), list, chain());
  await look(list);
}

function form(list) {
  const who = el("select", { name: "actor" }, el("option", { value: "" }, say("anybody")), [...state.names].map(([id, name]) => el("option", { value: id }, name)));
  state.who = who;
  const kinds = el("datalist", { id: "kinds" }, ACTIONS.map((each) => el("option", { value: each })));
  const what = el("input", { name: "action", list: "kinds", maxlength: 200, placeholder: say("any_deed"), autocomplete: "off" });
  const named = el("datalist", { id: "named" }, [...state.names].filter(([id]) => id.includes(":")).map(([id, name]) => el("option", { value: id }, name)));
  const object = el("input", { name: "object", list: "named", maxlength: 200, autocomplete: "off" });
  const first = el("input", { name: "from", type: "date" });
  const last = el("input", { name: "to", type: "date" });
  const csv = el("a", { class: "button quiet", download: "audit.csv", href: "/v1/audit/export" }, say("csv"));
  const made = el(
    "form",
    { class: "panel" },
    el("div", { class: "grid" }, ...[["who", who], ["what", what], ["to_what", object], ["first_day", first], ["last_day", last]].map(([name, control]) => el("label", {}, say(name), control))),
    kinds,
    named,
    el("div", { class: "buttons spaced" }, el("button", {}, say("seek")), csv),
  );
  csv.addEventListener("click", (event) => {
    if (!event.isTrusted || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault(); // a refusal would be saved as a file: it is asked for first whether anybody is logged in still
    attempt(async () => {
      await call("GET", "/v1/audit?limit=1");
      csv.click();
    });
  });
  made.addEventListener("input", () => last.setCustomValidity(first.value && last.value && last.value < first.value ? say("wrong_span") : ""));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    state.query = queryOf(new FormData(made));
    csv.href = `/v1/audit/export?${state.query}`;
    attempt(() => look(list), { busy: event.submitter });
  });
  return made;
}

function queryOf(data) {
  const query = new URLSearchParams();
  for (const [name, value] of data) if (value.trim()) query.set(name, value.trim());
  const called = [...state.names].filter(([, name]) => name === query.get("object")); // the list shows names where it knows them
  if (called.length === 1) query.set("object", called[0][0]);
  if (query.has("to")) query.set("to", new Date(new Date(`${query.get("to")}T00:00Z`).getTime() + DAY_MS).toISOString().slice(0, 10));
  return query.toString();
}

async function look(list, cursor = null) {
  const page = cursor ? `&cursor=${cursor}` : "";
  const { body } = await call("GET", `/v1/audit?limit=${PORTION}${page}${state.query && `&${state.query}`}`);
  state.items = cursor ? [...state.items, ...body.items] : body.items;
  state.next = body.next;
  offer(body.items.map(({ actor }) => actor));
  const heads = [say("when"), say("who"), say("what"), say("to_what"), say("from_where")];
  fill(
    list,
    table(heads, state.items.map(row), { empty: say("no_deeds") }),
    state.next && el("p", {}, button(say("show_more"), (event) => attempt(() => look(list, state.next), { busy: event.target }))),
  );
}

/** Whoever did something can be chosen, also when they are gone by now. */
function offer(actors) {
  const there = new Set([...state.who.options].map(({ value }) => value));
  const more = [...new Set(actors)].filter((each) => !there.has(each));
  state.who.append(...more.map((each) => el("option", { value: each }, each)));
}

function row(item) {
  return el(
    "tr",
    {},
    cell(say("when"), time(item.at, { seconds: true }), el("small", {}, `#${item.seq}`)),
    el("th", { scope: "row" }, state.names.get(item.actor) ?? item.actor),
    cell(say("what"), el("code", {}, item.action)),
    cell(say("to_what"), state.names.get(item.object) ?? el("code", {}, item.object)),
    cell(say("from_where"), item.address ?? "–"),
  );
}

function chain() {
  const told = el("p", { role: "status" });
  const go = button(say("check_chain"), () => attempt(() => check(told), { busy: go }));
  return el("section", { class: "panel" }, el("h2", {}, say("chain")), told, el("p", {}, go));
}

async function check(told) {
  let cursor = null;
  do {
    const { body } = await call("GET", `/v1/audit/verification${cursor ? `?cursor=${cursor}` : ""}`);
    cursor = body.next;
    const broken = body.broken_at !== null;
    told.classList.toggle("complaint", broken);
    const text = broken ? say("chain_broken", { row: count(body.broken_at) }) : say("chain_good", { rows: count(body.rows), hash: body.hash.slice(0, 12) });
    fill(told, cursor ? say("checking", { rows: count(body.rows) }) : text);
  } while (cursor);
}
