// The till: a code comes from the camera or the keyboard, its answer fills the screen; without a network the terms decide.
import { Problem } from "./api.js";
import { busy, next, refusal, rewardWords, show, sound, when } from "./counter_answer.js";
import { startCamera } from "./counter_eye.js";
import { grouped, passOf } from "./counter_codes.js";
import * as offline from "./counter_offline.js";
import { isAway, reached, recall, redeemOnce, settle, unanswered } from "./counter_once.js";
import { showRecords, tellUnsent } from "./counter_records.js";
import { drop, tidy } from "./counter_store.js";
import { wish, wishFor } from "./counter_wishes.js";
import { conflicts, takeBack, today } from "./counter_today.js";
import { el, fill, find } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { pageNow } from "./token.js";
import { FACTS, LANGUAGE, money, say } from "./words.js";

const AGAIN_MS = 3000;
const READ_MS = 1000;
const TERMS_MS = 600_000;
const RETRY_MS = 15_000;
const MOST_MINOR = 10 ** 15; // as much as the server takes for an amount
const MAYBE = ["unchecked", "off", "stale", "keyless", "full"]; // what this till refuses, and the server may have taken

let terms = null;
let working = false;
let taken = {}; // the fields as they were when the code was taken: what is typed after that is the next customer's
let answeredAt = 0;
let last = { pass: "", at: 0 };

// A pass that is held before the camera is one scan, however often it is seen and if its code changes meanwhile. Another one
// waits until the answer was read.
function scanned(text) {
  const now = Date.now();
  const pass = passOf(text);
  const again = pass === last.pass && now - last.at < AGAIN_MS;
  if (pass === last.pass) last.at = now;
  if (again || working || now - answeredAt < READ_MS) return;
  last = { pass, at: now };
  take(text);
}

/** Take a code: look at it or redeem it, and show what is to be done. Never two at once. */
async function take(code, { sure = wish("check") !== "1" } = {}) {
  if (!code.trim()) return;
  if (working) return tell(say("one_at_a_time"), { wrong: true });
  taken = typed();
  const purchase = bought();
  if (purchase === null) return unreadable(code);
  working = true;
  performance.mark("scan");
  fill(find("#said"));
  busy();
  try {
    await (sure ? redeem(code, purchase) : look(code, purchase));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    answer({ kind: "wait", title: say("not_now"), lines: [error.words], source: code });
  } finally {
    working = false;
  }
}

/** What was bought, as it was typed: undefined where nothing was, null where it is no amount (nothing is taken then). */
function bought() {
  const typed = find("#amount").value.replace(/\s/g, "").replace(",", ".");
  const order = find("#order").value.trim().normalize("NFC"); // as the server reads it: it is signed
  if (!typed && !order) return undefined;
  const currency = find("#currency").value;
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  const [, part = ""] = typed.split(".");
  if (!/^\d+\.?\d*$/.test(typed) || part.length > digits) return null;
  const minor = Math.round(Number(typed) * 10 ** digits);
  return minor > MOST_MINOR ? null : { amount: { minor, currency }, ...(order ? { order_id: order } : {}) };
}

function unreadable(code) {
  answer({ kind: "wait", title: say("amount_wrong"), lines: [say("about_amount_wrong")], source: code, actions: [["again", () => take(code)], ["next", next]] });
  wantAmount();
}

async function redeem(code, purchase) {
  try {
    done(code, await redeemOnce(code, purchase));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (isAway(error)) await without(code, purchase, error.id);
    else refused(code, error);
  }
}

/** Look first: what would it be, and keep the pass for this till meanwhile. */
async function look(code, purchase) {
  const { body } = await reached("/v1/redemptions/check", { code, purchase, hold: "PT2M" }).catch((error) => {
    if (error instanceof Problem && isAway(error)) return { body: null };
    if (error instanceof Problem) return { body: { would: error.status, code: error.code, detail: error.message, ...error.told } };
    throw error;
  });
  if (body === null) return without(code, purchase, null, { only: true });
  if (body.code === "already_redeemed" && unanswered(code).length) return redeem(code, purchase); // by this till, perhaps
  if (body.would !== 201) return refused(code, new Problem(body.would, body));
  const lines = [rewardWords(body.reward), uses(body.uses_left)];
  return answer({ kind: "wait", title: say("would_redeem"), lines, source: code, actions: [["redeem", () => take(code, { sure: true })], ["next", next]] });
}

const uses = (left) => (left > 1 ? say("uses_left", { left }) : left === 1 ? say("use_left") : "");

function done(code, body) {
  const lines = [rewardWords(body.reward), uses(body.uses_left)];
  answer({ kind: "good", title: say("redeemed"), lines, source: code, actions: [["next", next], ["undo", () => takeBack(body)]] });
  clearForm();
  if (body.uses_left === 0) offline.remember(code, terms).catch(() => {});
  attempt(() => today());
  online();
}

function refused(code, problem) {
  if (problem.code === "log_in_again") logInAgain();
  const said = refusal(problem);
  const again = problem.code === "minimum_not_met";
  answer({ ...said, source: code, actions: again ? [["again", () => take(code)], ["next", next]] : [["next", next]] });
  if (again) wantAmount(problem.told.minimum_purchase?.currency);
}

/** The log-in is over: said beside the last answer, which stays. */
function logInAgain() {
  find("#away").hidden = true;
  fill(find("#nobody"), say("log_in_again"), " ", say("log_in_why"), " ", el("a", { href: "/login?to=/counter" }, say("log_in")));
  find("#nobody").hidden = false;
}

function wantAmount(currency) {
  if (currency && [...find("#currency").options].some((each) => each.value === currency)) find("#currency").value = currency;
  find("#purchase").open = true;
  find("#amount").focus({ preventScroll: true }); // the answer says why, and stays in sight
}

/** Without the server: what this till may do by itself. `only` looks and takes nothing. */
async function without(code, purchase, id, { only = false } = {}) {
  setOnline(false);
  const { verdict, why, told, at } = await offline.judge(code, purchase?.amount, terms);
  const value = offline.worth(told, purchase?.amount);
  const worth = value ? say("worth", { value: money(value) }) : "";
  const about = say(`offline_${why}`, { time: at ? when(at) : "" });
  if (verdict === "refuse") {
    const kind = why === "unchecked" || why === "minimum" ? "wait" : "wrong";
    const note = navigator.onLine && MAYBE.includes(why) && unanswered(code).length ? say("offline_maybe") : "";
    answer({ kind, title: say("offline_no"), lines: [about], note, source: code, actions: [["next", next]] });
    if (why === "minimum") wantAmount(told.signed.currency);
    return undefined;
  }
  const kind = verdict === "genuine" ? "good" : "wait";
  if (only) return answer({ kind: "wait", title: say(`offline_title_${verdict}`), lines: [worth], note: about, source: code, actions: [["redeem", () => take(code, { sure: true })], ["next", next]] });
  await offline.keep(id, code, purchase, told, terms);
  settle(id); // as a record, from now on
  answer({ kind, title: say(`offline_title_${verdict}`), lines: [worth], note: `${about} ${say("booked_later")}`, source: code, actions: [["next", next]] });
  clearForm();
  return showRecords();
}

function answer(said) {
  show(said);
  performance.mark("answer");
  answeredAt = Date.now();
  if (find("#code").value === taken["#code"] && !document.activeElement.closest("#purchase")) find("#code").select();
  sound(said.kind, wish("mute") === "1");
}

const typed = () => Object.fromEntries(["#code", "#amount", "#order"].map((name) => [name, find(name).value]));

function clearForm() {
  for (const [name, value] of Object.entries(taken)) if (find(name).value === value) find(name).value = "";
}

let wasOnline = true;

function setOnline(now) {
  wasOnline = now;
  find("#away").hidden = now;
}

/** There is a network: ask for the terms now and then, send what waits. */
async function online() {
  setOnline(true);
  try {
    if (terms === null || Date.now() - terms.asked > TERMS_MS) terms = await offline.prepare();
    const { sent, missing, stuck } = await offline.send(terms);
    if (stuck !== null) tell(say("stuck"), { wrong: true });
    if (missing > 0) tell(say("missing", { times: missing }), { wrong: true });
    if (sent.length) await Promise.all([tellUnsent(sent), today({ whole: true }), conflicts()]);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (isAway(error)) setOnline(false);
    else if (error.code === "log_in_again") logInAgain();
    else tell(say("failed", { problem: error.words }), { wrong: true });
  }
  await showRecords();
}

/** A page that was opened without a network has no token: the page of now has one, if somebody is logged in. */
async function wake() {
  if (find("meta[name=csrf]").content) return online();
  const now = await pageNow({ path: "/counter" });
  if (now === null) return setOnline(false);
  if (!now.token) return logInAgain();
  if (now.who !== FACTS.till || ((await offline.unsent()).length === 0 && find("#answer").hidden)) return location.reload();
  find("meta[name=csrf]").content = now.token;
  FACTS.who = now.who;
  return online();
}

function wire() {
  const code = find("#code");
  code.addEventListener("input", () => {
    if (code.selectionStart === code.value.length) code.value = grouped(code.value);
  });
  find("#typed").addEventListener("submit", (event) => {
    event.preventDefault();
    code.select(); // a hand scanner types: what it reads next takes the place of this code
    take(code.value);
  });
  document.addEventListener("keydown", intoCode);
  for (const name of ["check", "mute"]) {
    const box = find(`#${name}`);
    box.checked = wish(name) === "1";
    box.addEventListener("change", () => wishFor(name, box.checked ? "1" : "0"));
  }
  find("#start").addEventListener("click", () => startCamera(scanned));
  find("#send").addEventListener("click", () => attempt(wake, { busy: find("#send") }));
  document.querySelector("form.leave")?.addEventListener("submit", leave);
  window.addEventListener("online", wake);
  window.addEventListener("offline", () => setOnline(false));
}

/** What a hand scanner types while nothing has the focus is a code, from its first character on. */
function intoCode({ key, ctrlKey, altKey, metaKey }) {
  const code = find("#code");
  const nowhere = [document.body, find("#main")].includes(document.activeElement) && !document.querySelector("dialog[open]");
  if (!nowhere || key.length !== 1 || key === " " || ctrlKey || altKey || metaKey) return;
  code.focus({ preventScroll: true }); // a code that was answered is still selected, and gives way
}

/** Nobody leaves without knowing that something was not sent; what a browser knows of the till goes with them. */
async function leave(event) {
  event.preventDefault();
  const waiting = await offline.unsent();
  if (waiting.length && !(await ask(say("leave_unsent", { times: waiting.length }), { yes: say("leave_anyway") }))) return;
  await drop("kept", "terms");
  event.target.submit();
}

async function begin() {
  wire();
  terms = await offline.terms();
  if (FACTS.till === null && terms !== null) {
    Object.assign(FACTS, { till: terms.till_id, store_id: terms.store_id, zone: terms.time_zone ?? FACTS.zone, store: terms.store });
    fill(find("#store"), terms.store);
  }
  FACTS.who ??= FACTS.till;
  FACTS.reversal_s ??= terms?.reversal_s ?? 0;
  if (terms !== null && FACTS.till !== null && terms.till_id !== FACTS.till) terms = null;
  find("#nobody").hidden = FACTS.till !== null;
  await recall();
  await showRecords();
  if (wish("camera") === "1") startCamera(scanned);
  keepFiles().catch(() => {}); // a browser that keeps nothing still works while there is a network
  await (find("meta[name=csrf]").content ? lookRound() : wake());
  document.body.dataset.ready = "";
  setInterval(async () => (wasOnline ? (await offline.unsent()).length && wake() : wake()), RETRY_MS);
  await tidy();
}

/** A page that came from the server: what there is to know is asked anew. */
async function lookRound() {
  if (terms !== null) terms.asked = 0;
  await online();
  if (wasOnline) await attempt(() => Promise.all([today({ whole: true }), conflicts()]));
}

/** Have a service worker keep the page's files, in the page's language. */
async function keepFiles() {
  await navigator.serviceWorker.register("/counter-worker.js", { scope: "/counter" });
  const { active } = await navigator.serviceWorker.ready;
  if (wish("language") !== LANGUAGE) active.postMessage("shell");
  wishFor("language", LANGUAGE);
  document.body.dataset.kept = "";
}

begin();
