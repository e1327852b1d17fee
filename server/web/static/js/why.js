// Looking decisions up: by moment, by pass, by offer and time, and for admins by customer.
import { call, Problem } from "./api.js";
import { all, el, fill, find, soon } from "./dom.js";
import { tell } from "./frame.js";
import { drawDecision, grouped } from "./why_decision.js";
import { count, FACTS, LANGUAGE, say } from "./words.js";
import { instantOf, wallOf } from "./zone_time.js";

const PAGE = 20;
const PLAIN = new Set(["place", "trigger"]);
const form = find("#ask");
const fields = form.elements;
const more = find("#more");
const offers = new Map();
let query = null;
let next = null;
let asks = 0;

function showFields() {
  const by = fields.by.value;
  for (const node of all("[data-of]", form)) node.hidden = !node.dataset.of.split(" ").includes(by);
  find("#id-name").textContent = say(`number_${by === "offer_id" ? "moment_id" : by}`);
}

/** Complain at a field, in words. */
function complain(input, text) {
  const told = el("span", { class: "complaint", id: `${input.id}-wrong` }, text);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", told.id);
  input.after(told);
  input.focus();
}

function calm() {
  all(".complaint", form).forEach((each) => each.remove());
  for (const input of all("[aria-invalid]", form)) ["aria-invalid", "aria-describedby"].forEach((name) => input.removeAttribute(name));
}

async function offerNamed(name) {
  if (!offers.has(name)) await suggest(name);
  return offers.get(name);
}

async function suggest(text) {
  const { body } = await call("GET", `/v1/offers?order=newest&limit=20&search=${encodeURIComponent(text)}`);
  for (const each of body.items) offers.set(each.name, each.id);
  fill(find("#offers"), body.items.map((each) => el("option", { value: each.name })));
}

const instant = (text) => instantOf(text.slice(0, 10), text.slice(11, 16), FACTS.zone).toISOString();

/** What the form asks for, as the contract's query; undefined where it asks for nothing that can be. */
async function asked() {
  const by = fields.by.value;
  const found = new URLSearchParams();
  if (by === "offer_id") {
    const id = await offerNamed(fields.offer.value.trim());
    if (!id) return complain(fields.offer, say("no_such_offer"));
    found.set(by, id);
  } else {
    const id = fields.id.value.trim().toLowerCase();
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return complain(fields.id, say("no_number"));
    found.set(by, id);
  }
  if (by === "offer_id" || by === "customer_id") {
    if (fields.first.value) found.set("from", instant(fields.first.value));
    if (fields.last.value) found.set("to", instant(fields.last.value));
    if (fields.first.value && fields.last.value && fields.first.value >= fields.last.value) return complain(fields.last, say("no_span"));
  }
  return found;
}

/** What the server says of the dates, in words, at the date that it is about. */
function datesRefused({ errors }) {
  if (!errors.some(({ field }) => field === "from" || field === "to")) return false;
  if (fields.first.value && !fields.last.value) complain(fields.first, say("not_yet"));
  else complain(fields.last, say(fields.first.value ? "no_span" : "no_first"));
  return true;
}

async function guarded(work, { quietly = false, busy = form } = {}) {
  if (!quietly) busy.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!datesRefused(error)) tell(say("failed", { problem: error.words }), { wrong: true });
  } finally {
    busy.removeAttribute("aria-busy");
  }
}

/** Nothing is asked for; gives the number of what is asked for next. */
function clear() {
  calm();
  fill(find("#decisions"));
  fill(find("#told"));
  more.hidden = true;
  query = null;
  return (asks += 1);
}

/** Ask for what the form says. What was asked for before is one step back in the browser, unless the address was `given`. */
const ask = ({ given = false } = {}) => guarded(async () => {
  const mine = clear();
  const found = await asked();
  if (!found || mine !== asks) return; // something else is asked for by now
  query = found;
  const address = `?${query}`;
  history[given || address === location.search ? "replaceState" : "pushState"](null, "", address);
  await read();
});

/** Read on; plain no's are left out where one wants near things alone. */
async function read({ further = false } = {}) {
  const page = new URLSearchParams(query);
  page.set("language", LANGUAGE);
  page.set("limit", PAGE);
  if (further && next) page.set("cursor", next);
  const mine = asks;
  const { body } = await call("GET", `/v1/decisions?${page}`);
  if (mine !== asks) return;
  next = body.next;
  more.hidden = next === null;
  const listed = query.has("offer_id") || query.has("customer_id");
  const kept = listed && fields.near.checked ? body.items.filter((each) => !PLAIN.has(each.gate)) : body.items;
  find("#decisions").append(...grouped(kept).map((lines) => drawDecision(lines, lookUp, !listed)));
  const shown = all(".decision").length;
  const left = body.items.length - kept.length;
  find("#told").textContent = shown ? say(shown === 1 ? "found_one" : "found", { count: count(shown) }) : left || next ? say("only_plain") : say("none");
}

function lookUp(name, value) {
  fields.by.value = name;
  fields.id.value = value;
  showFields();
  ask();
  scrollTo(0, 0);
}

/** Take over what the address asks for. */
async function restore() {
  const mine = clear();
  const address = new URLSearchParams(location.search);
  const by = [...fields.by.options].map((each) => each.value).find((name) => address.has(name));
  const day = wallOf(new Date(Date.now() - 86400000), FACTS.zone);
  fields.first.value = `${day.date}T${day.time}`;
  fields.last.value = "";
  fields.by.value = by ?? "moment_id";
  fields.id.value = by && by !== "offer_id" ? address.get(by) : "";
  showFields();
  if (!by) return;
  for (const [name, field] of [["from", fields.first], ["to", fields.last]]) {
    const at = new Date(address.get(name) ?? "");
    if (!Number.isNaN(at.getTime())) field.value = Object.values(wallOf(at, FACTS.zone)).join("T");
  }
  if (by === "offer_id") {
    const { body } = await call("GET", `/v1/offers/${encodeURIComponent(address.get(by))}`);
    offers.set(body.name, body.id);
    if (mine !== asks) return;
    fields.offer.value = body.name;
  }
  await ask({ given: true });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
fields.by.addEventListener("change", () => {
  calm();
  showFields();
});
fields.near.addEventListener("change", () => query && ask());
fields.offer.addEventListener("input", soon(() => guarded(() => suggest(fields.offer.value.trim()), { quietly: true })));
more.addEventListener("click", () => guarded(() => read({ further: true }), { busy: more }));
addEventListener("popstate", () => guarded(restore));
await guarded(restore);
