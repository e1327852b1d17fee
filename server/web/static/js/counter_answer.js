// The answer to a code: a colour, a sign, a word that can be read from two metres away, a sound, and what is to be done.
import { el, fill, find } from "./dom.js";
import { FACTS, knows, money, number, say, time } from "./words.js";

const SIGNS = { good: "✓", wrong: "✕", wait: "?" };
const TONES = { good: [[660, 0, 0.1], [990, 0.11, 0.18]], wrong: [[196, 0, 0.35]], wait: [[440, 0, 0.12], [440, 0.2, 0.12]] };
const SHAKES = { good: [60], wrong: [200, 80, 200], wait: [80, 60, 80] };

let audio;

/** Make the sound of an answer, and shake a phone; nothing where that is not possible or not wanted. */
export function sound(kind, muted) {
  if (muted) return;
  if (navigator.userActivation?.hasBeenActive === false) return; // browsers play nothing to who has not touched the page
  audio ??= "AudioContext" in window ? new AudioContext() : null;
  if (audio === null) return;
  navigator.vibrate?.(SHAKES[kind]);
  audio.resume().catch(() => {});
  for (const [pitch, start, length] of TONES[kind]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.type = kind === "wrong" ? "square" : "sine";
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.18, audio.currentTime + start);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + start + length);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + start);
    tone.stop(audio.currentTime + start + length);
  }
}

/** What a reward gives, in words. */
export function rewardWords(reward) {
  if (!reward) return "";
  const value = reward.value ? money(reward.value) : "";
  if (reward.percent !== undefined) return say("reward_percent", { percent: number(reward.percent, 2) });
  if (reward.points !== undefined) return say("reward_points", { points: number(reward.points, 0) });
  if (reward.type === "amount") return say("reward_amount", { value });
  const what = reward.sku || say(`reward_${reward.type}`);
  return value ? say("reward_worth", { what, value }) : what;
}

/** When something was, with its day where that is not today. */
export function when(instant) {
  const today = (each) => new Intl.DateTimeFormat("en-CA", { timeZone: FACTS.zone }).format(each);
  return time(instant, { date: today(new Date(instant)) !== today(new Date()) });
}

const where = (store) => (store === FACTS.store_id ? say("here") : say("elsewhere"));

const NAMED = [
  ...["already_redeemed", "expired", "voided", "unknown_code", "wrong_store", "not_yet_valid", "held", "too_many_wrong_codes"],
  ...["minimum_not_met", "bad_signature", "chain_broken"],
];

/** Why something was not redeemed, in words; a reason that this page does not know stays as it is. */
export const reasonWords = (code) => (NAMED.includes(code) ? say(code) : code);

/** Words for a refusal of the server: {kind, title, lines}. */
export function refusal(problem) {
  const { code, told } = problem;
  if (code === "already_redeemed") {
    const lines = told.redeemed_at ? [say("used_at", { time: when(told.redeemed_at), where: where(told.store_id) })] : [];
    return { kind: "wrong", title: say("already_redeemed"), lines };
  }
  if (code === "minimum_not_met") return { kind: "wait", title: say("minimum_not_met"), lines: minimumLines(told) };
  if (code === "expired") return { kind: "wrong", title: say("expired"), lines: told.valid_until ? [say("expired_at", { time: when(told.valid_until) })] : [] };
  if (code === "not_yet_valid") return { kind: "wait", title: say("not_yet_valid"), lines: told.valid_from ? [say("valid_from", { time: when(told.valid_from) })] : [] };
  if (code === "log_in_again") return { kind: "wait", title: say("not_redeemed"), lines: [problem.words] };
  const wait = ["held", "too_many_wrong_codes"].includes(code);
  if (knows(`about_${code}`)) return { kind: wait ? "wait" : "wrong", title: reasonWords(code), lines: [say(`about_${code}`)] };
  return { kind: "wait", title: say("not_now"), lines: [problem.words] };
}

function minimumLines(told) {
  return told.minimum_purchase ? [say("minimum_is", { amount: money(told.minimum_purchase) })] : [say("about_minimum")];
}

/** Show an answer: {kind, title, lines, actions: [[word, act]], note}. The first action is the one that Enter does. */
export function show({ kind, title, lines = [], note = "", actions = [], source = "" }) {
  const box = find("#answer");
  box.className = `answer ${kind}`;
  box.dataset.answered = source;
  const buttons = actions.map(([word, act], place) => el("button", { type: "button", class: place ? "quiet" : "", onclick: act }, say(word)));
  fill(
    box,
    el("p", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]),
    el("h2", {}, title),
    lines.filter(Boolean).map((line, place) => el("p", { class: place ? "" : "first" }, line)),
    note && el("p", { class: "small" }, note),
    buttons.length > 0 && el("div", { class: "buttons" }, buttons),
  );
  box.hidden = false;
}

/** The answer was read: on to the next code. */
export function next() {
  find("#answer").hidden = true;
  const camera = !find("#video").hidden; // on a phone the keyboard would lie over its picture
  find(camera ? "#main" : "#code").focus({ preventScroll: camera });
}

/** Say that an answer is being fetched: nothing is left of the one before. */
export function busy() {
  const box = find("#answer");
  box.className = "answer busy";
  fill(box, el("h2", {}, say("asking")));
  box.hidden = false;
}
