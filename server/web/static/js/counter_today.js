// What was redeemed here today: the list, its totals, taking one back; and what was given offline and could not be booked.
import { call, everything } from "./api.js";
import { next, reasonWords, rewardWords, when } from "./counter_answer.js";
import { freshId } from "./counter_codes.js";
import { drop } from "./counter_store.js";
import { el, fill, find } from "./dom.js";
import { attempt, tell } from "./frame.js";
import { count, FACTS, knows, money, say, time } from "./words.js";

const SHOWN = 60;
let known = new Map();
let day = "";

/** Read the list anew and show it: the newest page is enough once all of the day is known, unless it is to be `whole`. */
export async function today({ whole = false } = {}) {
  const now = new Intl.DateTimeFormat("en-CA", { timeZone: FACTS.zone }).format(new Date());
  if (whole || day !== now) known = new Map((await everything("/v1/redemptions")).map((each) => [each.id, each]));
  else for (const each of (await call("GET", "/v1/redemptions?limit=50")).body.items) known.set(each.id, each);
  day = now;
  const found = [...known.values()].sort((one, other) => (one.redeemed_at < other.redeemed_at ? 1 : -1));
  const standing = found.filter((each) => !each.reversed);
  fill(find("#total"), say("total", { times: count(standing.length), value: sums(standing) }));
  const rest = found.length > SHOWN && el("li", { class: "empty" }, say("and_more", { times: count(found.length - SHOWN) }));
  fill(find("#today"), found.length ? [found.slice(0, SHOWN).map(row), rest] : el("li", { class: "empty" }, say("none_today")));
}

/** Whether a redemption of today, by its id, was not taken back. */
export async function stands(id) {
  await today({ whole: true });
  return known.get(id)?.reversed === false;
}

function sums(items) {
  const totals = new Map();
  for (const { value } of items) if (value) totals.set(value.currency, (totals.get(value.currency) ?? 0) + value.minor);
  return [...totals].map(([currency, minor]) => money({ minor, currency })).join(" + ") || "–";
}

function row(each) {
  const at = time(each.redeemed_at, { date: false });
  const open = !each.reversed && Date.now() - Date.parse(each.redeemed_at) < FACTS.reversal_s * 1000;
  const what = el(each.reversed ? "s" : "span", {}, rewardWords(each.reward));
  const badges = [
    each.own && el("span", { class: "badge" }, say("own")),
    each.reversed && el("span", { class: "badge wrong" }, say("taken_back_at", { time: when(each.reversed_at) })),
  ];
  const undo = open && el("button", { type: "button", class: "quiet", onclick: () => takeBack(each), "aria-label": say("undo_this", { time: at }) }, say("undo"));
  return el("li", { class: each.reversed ? "over" : "" }, el("time", {}, at), el("div", { class: "what" }, what, badges), undo);
}

/** Ask why, and take a redemption back; the last answer may be about it, and is taken away then. */
export function takeBack(redemption) {
  const dialog = find("#undo");
  const reason = find("#reason");
  reason.value = "";
  dialog.onclose = () => dialog.returnValue === "undo" && reverse(redemption, reason.value.trim());
  dialog.returnValue = "";
  dialog.showModal();
}

async function reverse({ id, serial }, reason) {
  const before = find("#answer").firstElementChild;
  const done = await attempt(() => call("POST", `/v1/redemptions/${id}/reversal`, { body: { reason }, key: freshId() }).catch(refusedUndo));
  if (done === undefined) return;
  tell(say(done.before ? "undo_already_reversed" : "taken_back"));
  usableAgain(serial).catch(() => {}); // a browser that keeps nothing has nothing to forget
  if (find("#answer").firstElementChild === before) next(); // else the next code was taken meanwhile
  await attempt(() => today({ whole: true }));
}

/** Without a network this till would take it for one that was used here. */
const usableAgain = (serial) => Promise.all([serial, serial.replaceAll("-", "")].map((each) => drop("seen", each)));

/** What was taken back before (the answer may have been lost) is as good as done; say of what is refused whom to ask. */
function refusedUndo(problem) {
  if (problem.code === "already_reversed") return { before: true };
  if (knows(`undo_${problem.code}`)) problem.message = say(`undo_${problem.code}`);
  throw problem;
}

/** Show what could not be booked, of this store, with what it came to. */
export async function conflicts() {
  const { body } = await call("GET", "/v1/redemptions/conflicts?limit=20");
  const box = find("#conflicts");
  box.hidden = body.items.length === 0;
  const lost = body.losses.filter((each) => each.cost !== null).map((each) => money(each.cost)).join(" + ");
  const times = body.losses.reduce((sum, each) => sum + each.count, 0);
  fill(find("#lost"), say("lost", { times: count(times), value: lost || "–" }));
  fill(find("#lost-list"), body.items.map((each) => el("li", {}, el("strong", {}, conflictWords(each)), each.reward && el("span", {}, rewardWords(each.reward)))));
}

function conflictWords(each) {
  const cost = each.cost ? money(each.cost) : "–";
  if (each.before_at) return say("served_twice", { before: when(each.before_at), store: each.before_store ?? "–", served: when(each.served_at), cost });
  return say("served_wrongly", { served: when(each.served_at), why: reasonWords(each.code), cost });
}
