// Trying an offer on the recorded past: asked for, watched until it is done, and told day by day.
import { call, Problem } from "./api.js";
import { bars } from "./bars.js";
import { gateName } from "./compared.js";
import { el, fill } from "./dom.js";
import { attempt } from "./frame.js";
import { deed } from "./offer_deeds.js";
import { count, day, FACTS, knows, money, say, share } from "./words.js";
import { wallOf } from "./zone_time.js";

const DAY = 86400000;
const LOOK_MS = 700;
const KEPT = `replay:${FACTS.offer}`;
const OVER = new Set(["done", "failed", "cancelled"]);
const ASSUMES = {
  "Profiles, segments and consents are those of today.": "assume_profiles",
  "The competing offers are those that are live now.": "assume_offers",
  "Fixes beside no fence are not looked at: they set nothing off.": "assume_fixes",
  "A moment that did not come out then counts as delivered.": "assume_delivered",
  "The offer's dates (active) are not asked: it is not live yet, or no more.": "assume_dates",
  "Where no live offer wants to be as near, the middle of the fix's cell stands for the fix.": "assume_near",
};

/** Put the panel into a node. */
export function mountReplay(node) {
  if (!FACTS.replay_days) return fill(node, el("p", { class: "note" }, say("replay_not")));
  const answer = el("div", { class: "replayed", role: "status", "aria-live": "polite" });
  const today = (back) => dateOf(Date.now() - back * DAY);
  const bounds = { type: "date", required: true, min: today(FACTS.replay_days - 1), max: today(0) };
  const start = el("button", { type: "submit" }, say("replay_start"));
  const form = el("form", { class: "span" },
    el("label", {}, say("replay_first"), el("input", { ...bounds, name: "first", value: today(Math.min(6, FACTS.replay_days - 1)) })),
    el("label", {}, say("replay_last"), el("input", { ...bounds, name: "last", value: today(0) })),
    start);
  form.addEventListener("input", ({ currentTarget: { elements: { first, last } } }) => {
    last.setCustomValidity(last.value < first.value ? say("replay_order") : "");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    deed(() => replay(form, answer), start, "replay_");
  });
  if (sessionStorage.getItem(KEPT)) deed(() => resume(answer), start, "replay_");
  return fill(node,
    el("p", { class: "note" }, say("replay_about", { version: FACTS.version }), " ", say("replay_days", { days: FACTS.replay_days })), form, answer);
}

const after = (date) => new Date(Date.parse(`${date}T12:00Z`) + DAY).toISOString().slice(0, 10);

const dateOf = (instant) => wallOf(new Date(instant), FACTS.zone).date;

async function replay(form, node) {
  const span = { from: form.elements.first.value, to: after(form.elements.last.value) };
  const { body } = await call("POST", `/v1/offers/${FACTS.offer}/replay`, { body: span });
  sessionStorage.setItem(KEPT, body.id);
  await watch(body, node);
}

/** Go on with what was asked for before the page was left; what is kept no more is not missed. */
async function resume(node) {
  try {
    await watch((await call("GET", `/v1/replays/${sessionStorage.getItem(KEPT)}`)).body, node);
  } catch (error) {
    if (error.status !== 404) throw error;
    sessionStorage.removeItem(KEPT);
  }
}

async function watch(first, node) {
  const path = `/v1/replays/${first.id}`;
  let body = first;
  while (!OVER.has(body.state)) {
    showProgress(node, body, path);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    try {
      ({ body } = await call("GET", path));
    } catch (error) {
      if (!(error instanceof Problem) || (error.status > 0 && error.status < 500)) throw error;
      node.querySelector(".told").textContent = say("replay_lost"); // it goes on in the server
    }
  }
  if (body.state !== "done") sessionStorage.removeItem(KEPT);
  fill(node, draw(body));
}

function showProgress(node, { state, progress }, path) {
  const told = state === "queued" ? say("replay_queued") : say("replay_running", { share: share(progress) });
  const bar = node.querySelector("progress");
  if (bar) {
    bar.value = progress;
    node.querySelector(".told").textContent = told;
    return;
  }
  const cancel = el("button", { type: "button", class: "quiet", onclick: ({ currentTarget: busy }) => attempt(() => call("DELETE", path), { busy }) }, say("replay_cancel"));
  fill(node, el("progress", { max: 1, value: progress, "aria-label": say("replay") }), el("span", { class: "told", "aria-live": "off" }, told), cancel);
}

function draw(result) {
  if (result.state === "cancelled") return el("p", {}, say("replay_cancelled"));
  if (result.state === "failed") return el("p", { class: "complaint" }, say("replay_failed", { reason: result.reason ?? "" }));
  const of = { offer: result.offer, first: day(dateOf(result.from)), last: day(dateOf(Date.parse(result.to) - 1)) };
  return [
    el("h3", {}, say("replay_of", of)),
    result.suppressed ? el("p", { class: "note" }, say("minimum", { least: FACTS.least })) : null,
    result.moments === 0 ? el("p", {}, say("replay_none")) : null,
    figures(result),
    result.by_day.length ? byDay(everyDay(result.by_day)) : null,
    listed("replay_displaced", result.displaced.map((each) => say("replay_displaced_one", { offer: each.offer, count: told(each.moments) }))),
    listed("replay_gates", Object.entries(result.gates).map(([gate, looks]) => `${gateName(gate)}: ${told(looks)}`)),
    el("details", {}, el("summary", {}, say("replay_assumes")), el("ul", {}, result.assumes.map((each) => el("li", {}, knows(ASSUMES[each]) ? say(ASSUMES[each]) : each)))),
  ];
}

const told = (value) => (value === null || value === undefined ? say("replay_few") : count(value));

function figures(result) {
  const shown = { customers: told(result.customers), moments: told(result.moments), cost: result.cost ? money(result.cost) : "–", held_out: told(result.held_out), pings: told(result.pings) };
  return el("dl", { class: "figures" }, Object.entries(shown).map(([name, value]) => el("div", {}, el("dt", {}, say(`replay_${name}`)), el("dd", {}, value))));
}

/** The days between, on which nothing would have been, are told too. */
function everyDay(days) {
  const told = new Map(days.map((each) => [each.day, each]));
  const whole = [];
  for (let date = days[0].day; date <= days.at(-1).day; date = after(date))
    whole.push(told.get(date) ?? { day: date, moments: 0, customers: 0, cost: null });
  return whole;
}

function byDay(days) {
  const values = days.map((each) => each.moments);
  const best = days.reduce((found, each) => ((each.moments ?? 0) > (found.moments ?? 0) ? each : found), days[0]);
  const total = values.reduce((sum, each) => sum + (each ?? 0), 0);
  const meaning = say("replay_chart", { total: count(total), most: told(best.moments), day: day(best.day) });
  const head = ["replay_day", "replay_moments", "replay_customers", "replay_cost"].map((key, at) => el("th", { scope: "col", class: at ? "number" : null }, say(key)));
  const rows = days.map((each) => el("tr", {}, el("th", { scope: "row" }, day(each.day)), [told(each.moments), told(each.customers), each.cost ? money(each.cost) : "–"].map((text) => el("td", { class: "number" }, text))));
  return [
    el("h3", {}, say("replay_by_day")),
    bars(values, meaning, days.map((each) => `${day(each.day)}: ${told(each.moments)}`)),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("replay_by_day") },
      el("table", { class: "list" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows))),
  ];
}

const listed = (title, lines) => (lines.length ? [el("h3", {}, say(title)), el("ul", {}, lines.map((each) => el("li", {}, each)))] : null);
