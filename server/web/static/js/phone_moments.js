// Moments as a phone shows them: banner, card, interstitial, inbox; and what is done with one is told to the house.
import { el, fill, find } from "./dom.js";
import { attempt, tell } from "./frame.js";
import { deed } from "./phone_deeds.js";
import { bindOver, closeOver, openOver } from "./phone_over.js";
import { showPass } from "./phone_passes.js";
import { mine, newId, now, whoAmI } from "./phone_self.js";
import { badge, openDetail, showTab } from "./phone_tabs.js";
import { askAfterwards, bindTold, forgetTold, inform, untold } from "./phone_told.js";
import { FACTS, say, time } from "./words.js";

const BANNER_MS = 15000;
const STEPS = ["created", "delivered", "opened", "clicked", "dismissed", "accepted", "redeemed", "expired"];
const ENDED = new Set(["dismissed", "accepted", "redeemed", "expired"]);
const UNREAD = new Set(["created", "delivered"]);
const ASKED = 50;
const PORTION = 200;

const known = new Map(); // every moment by its id: one object for each, so that whoever holds it sees what became of it
const shown = new Set(); // those that this page has presented
let detail = null; // {moment, until}: the one that is open
let hiding;

/** Make it work: what was kept without a network is told later, and Escape closes what fills the screen. */
export function bindMoments() {
  bindTold(readInbox);
  bindOver();
}

const isBefore = (one, other) => STEPS.indexOf(one) < STEPS.indexOf(other);

function keep(told) {
  const moment = known.get(told.id) ?? {};
  for (const name of Object.keys(moment)) delete moment[name]; // what is not told any more is not so any more
  known.set(told.id, Object.assign(moment, told));
  return moment;
}

function advance(moment, type) {
  if (isBefore(moment.state, type)) moment.state = type;
}

/** Take a moment that came, by whichever way: each is presented once. */
export function take(told) {
  const before = known.get(told.id);
  const moment = before && isBefore(told.state, before.state) ? before : keep(told); // it may have been under way for long
  draw();
  if (shown.has(moment.id) || ENDED.has(moment.state) || moment.snoozed_until) return;
  shown.add(moment.id);
  if (UNREAD.has(moment.state)) note(moment, "delivered");
  ({ banner, interstitial, inbox }[moment.placement] || (() => {}))(moment);
}

/** Read the inbox: what was there before is not presented again. */
export async function readInbox() {
  const who = whoAmI();
  const answer = await attempt(() => askAfterwards(() => mine("GET", `/v1/moments?limit=${ASKED}`)));
  if (who !== whoAmI()) return; // this is another phone by now
  for (const told of answer?.body.items ?? []) {
    keep(told);
    if (told.state !== "created") shown.add(told.id);
  }
  for (const each of untold()) if (known.has(each.moment_id)) advance(known.get(each.moment_id), each.type);
  draw();
}

/** Forget all of them. */
export function forgetMoments() {
  known.clear();
  shown.clear();
  forgetTold();
  detail = null;
  hide();
  closeOver();
  draw();
}

/** Tell the house what became of a moment; without a network that is kept, and told later. */
async function note(moment, type) {
  const first = moment.state === "created";
  const event = { id: newId(), moment_id: moment.id, type, at: now().toISOString() };
  const sent = await deed(() => inform(event), { done: (answer) => answer === "told" && type !== "delivered" });
  if (sent === "told" || sent === "kept") advance(moment, type);
  if (sent === "kept" && type === "dismissed") tell(say("told_later"));
  if (sent === "refused" || (sent === "told" && first)) await readInbox(); // from when it came, it is good until its reward ends
  else draw();
}

const newest = () => [...known.values()].sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
const isLive = (each) => !ENDED.has(each.state) && !each.snoozed_until && (!each.expires_at || new Date(each.expires_at) > now());

function draw() {
  const all = newest();
  const cards = all.filter((each) => each.placement === "card" && isLive(each));
  fill(find("#cards"), cards.length ? cards.map(card) : el("p", { class: "empty" }, say("no_cards")));
  fill(find("#inbox"), all.length ? all.map(row) : el("li", { class: "empty" }, say("no_inbox")));
  badge("inbox", all.filter((each) => UNREAD.has(each.state) && isLive(each)).length);
  badge("now", cards.filter((each) => UNREAD.has(each.state)).length);
  if (detail) fill(detail.until, until(detail.moment));
}

const until = (moment) => (moment.expires_at && !ENDED.has(moment.state) ? say("until", { time: time(moment.expires_at) }) : null);
const where = (moment) => moment.place && el("p", { class: "note" }, say("at_place", { place: moment.place.name }));

function card(moment) {
  const image = picture(moment);
  return el("article", { class: "offer" }, image, el("h3", {}, moment.title), el("p", {}, moment.body), where(moment), el("div", { class: "buttons" }, opener(moment), decliner(moment)));
}

function picture(moment) {
  // The policy of these pages asks nobody but the house: a picture from elsewhere is for real apps.
  const own = moment.image_url && new URL(moment.image_url, location.href).origin === location.origin;
  return own && el("img", { src: moment.image_url, alt: "" });
}

function row(moment) {
  const step = moment.snoozed_until ? say("put_off", { time: time(moment.snoozed_until, { date: false }) }) : say(`step_${moment.state}`);
  const unread = UNREAD.has(moment.state);
  const title = el("button", { type: "button", class: unread ? "row unread" : "row", onclick: () => open(moment) }, el("span", {}, moment.title), el("span", { class: "badge" }, step));
  return el("li", {}, title, el("p", { class: "note" }, [time(moment.created_at), moment.channel === "push" && say("came_by_push")].filter(Boolean).join(" · ")));
}

const opener = (moment, after = () => {}) => el("button", { type: "button", onclick: () => (after(), open(moment)) }, say("open"));
const decliner = (moment, after = () => {}) => el("button", { type: "button", class: "quiet", onclick: () => (after(), note(moment, "dismissed")) }, say("no_thanks"));

function banner(moment) {
  fill(find("#banner"), el("p", {}, el("strong", {}, moment.title)), el("p", {}, moment.body), el("div", { class: "buttons" }, opener(moment, hide), decliner(moment, hide)));
  find("#banner").classList.add("there");
  clearTimeout(hiding);
  hiding = setTimeout(hide, BANNER_MS); // it is in the inbox, too
}

function hide() {
  fill(find("#banner"));
  find("#banner").classList.remove("there");
}

function interstitial(moment) {
  openOver(el("h3", { id: "over-title" }, moment.title), el("p", {}, moment.body), where(moment), el("div", { class: "buttons" }, opener(moment, closeOver), decliner(moment, closeOver)));
  note(moment, "opened"); // it fills the screen: who sees it has it open
}

function inbox(moment) {
  tell(say("new_message", { title: moment.title }));
}

/** Open a moment: its words, and what can be done with it. */
export function open(moment) {
  if (UNREAD.has(moment.state)) note(moment, "opened");
  const ended = ENDED.has(moment.state);
  const whys = el("ul", { class: "rows" });
  detail = { moment, until: el("p", { class: "note" }, until(moment)) };
  openDetail(
    "inbox",
    el("h2", { id: "detail-title" }, moment.title),
    el("p", {}, moment.body),
    where(moment),
    detail.until,
    el("div", { class: "buttons" }, ended ? ending(moment) : doing(moment)),
    el("details", { ontoggle: ({ target }) => target.open && tellWhy(moment, whys) }, el("summary", {}, say("why_one")), whys),
  );
}

function ending(moment) {
  const step = el("span", { class: "badge" }, say(`step_${moment.state}`));
  const has = moment.state === "accepted" || moment.state === "redeemed";
  return [step, has && el("button", { type: "button", class: "quiet", onclick: () => showTab("passes") }, say("to_pass"))];
}

function doing(moment) {
  const main = moment.action.type === "pass" ? el("button", { type: "button", onclick: ({ target }) => accept(moment, target) }, say("take")) : link(moment);
  const after = () => showTab("inbox");
  return [main, el("button", { type: "button", class: "quiet", onclick: ({ target }) => later(moment, target) }, say("later")), decliner(moment, after)];
}

function link(moment) {
  if (!/^https?:\/\//i.test(moment.action.url || "")) return null;
  return el("a", { class: "button", href: moment.action.url, target: "_blank", rel: "noopener noreferrer", onclick: () => note(moment, "clicked") }, say("follow"));
}

async function accept(moment, busy) {
  const taking = async () => {
    await note(moment, "clicked");
    return mine("POST", `/v1/moments/${moment.id}/pass`, { body: {}, key: true });
  };
  const answer = await deed(taking, { busy });
  if (!answer) return;
  advance(moment, "accepted");
  draw();
  showPass(answer.body.pass);
}

async function later(moment, busy) {
  const putOff = () => mine("POST", `/v1/moments/${moment.id}/snooze`, { body: { for: "PT1H" } });
  const answer = await deed(() => askAfterwards(putOff), { busy }); // an "opened" that came after it would bring it back at once
  if (!answer) return;
  keep(answer.body);
  shown.delete(moment.id); // it is presented once more when it is back
  draw();
  showTab("inbox");
  tell(say("put_off", { time: time(answer.body.snoozed_until, { date: false, zone: FACTS.zone }) }));
}

async function tellWhy(moment, list) {
  const found = (await attempt(() => receiptsOf(moment))) ?? [];
  fill(list, found.length ? found.map(reason) : el("li", { class: "empty" }, say("no_why")));
}

/** Read back until the decision that made it is found: whoever walked on has many since. */
async function receiptsOf(moment) {
  let cursor = "";
  do {
    const { body } = await mine("GET", `/v1/me/decisions?limit=${PORTION}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    const found = body.items.filter((each) => each.moment_id === moment.id);
    if (found.length) return found;
    cursor = body.next;
  } while (cursor);
  return [];
}

/** One decision in words. */
export function reason(each) {
  return el("li", {}, el("strong", {}, each.offer), " ", el("span", { class: "note" }, time(each.at)), el("p", {}, each.reason));
}
