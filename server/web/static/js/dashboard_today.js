// Today at a glance: what happened since midnight, as it happens, and whether the connection is there.
import { call } from "./api.js";
import { el, fill, find } from "./dom.js";
import { live } from "./live.js";
import { count, say, time } from "./words.js";

const FIGURES = ["pings", "moments", "opens", "passes", "redemptions"];

// A stream ends now and then, and comes back by itself: that is nothing to tell.
const BLINK_MS = 6000;

/** Show the figures, and keep them in step. */
export async function showToday(node) {
  const state = find("#now-state");
  const figures = Object.fromEntries(FIGURES.map((name) => [name, el("dd", {}, "–")]));
  fill(node, el("dl", {}, FIGURES.map((name) => el("div", {}, el("dt", {}, say(`now_${name}`)), figures[name]))));
  let at = null;
  const show = (today) => {
    at = today.at;
    for (const name of FIGURES) change(figures[name], count(today[name]));
  };
  const away = () => mark(state, "away", at ? say("away", { time: time(at, { date: false, seconds: true }) }) : say("never"));
  let waiting = null;
  const tell = (up) => {
    if (!up) return void (waiting ??= setTimeout(away, BLINK_MS));
    clearTimeout(waiting);
    waiting = null;
    mark(state, "up", say("live"));
  };
  const { body } = await call("GET", "/v1/reports/today");
  show(body);
  live("/v1/reports/today/stream", { today: show }, { state: tell });
}

function mark(state, kind, text) {
  state.className = `state ${kind}`;
  if (state.textContent !== text) fill(state, text);
}

function change(node, text) {
  if (node.textContent === text) return;
  if (node.textContent !== "–") node.animate?.([{ color: "var(--accent)" }, {}], { duration: still() ? 0 : 1500 });
  fill(node, text);
}

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
