// The world around the phone: a map with what the phone watches, and every way to move it. Each move is reported.
import { colour, whenSheetChanges } from "./colours.js";
import { fill, find } from "./dom.js";
import { attempt, tell } from "./frame.js";
import { fenceStyle, label, openMap } from "./map.js";
import { mine, newId, now, pause, whoAmI } from "./phone_self.js";
import { between, duration, length, metres, off, paced, readGpx } from "./phone_ways.js";
import { FACTS, count, knows, number, say } from "./words.js";

const { L } = window;
const FASTEST_MPS = 95; // the house doubts what is faster than 100 m/s
const ROUNDED_M = 60; // and keeps of the last fix a rounded one, which may be so far from it
const RIDE_MPS = 30; // how fast the phone goes where it is dragged farther than a walk: reports may be under way for different times
const BETWEEN_S = 1.5;
const RETRY_MS = 5000;
const DOUBTED_S = 31; // a fix that was too fast is believed when another one agrees so much later
const STEPS = { n: [1, 0], s: [-1, 0], e: [0, 1], w: [0, -1], stay: [0, 0] };
const ARROWS = { ArrowUp: "n", ArrowDown: "s", ArrowRight: "e", ArrowLeft: "w" };

const names = new Map();
let here = [...FACTS.start];
let target = here;
let again;
let told = null; // {at, ms}: the fix that was reported last
let way = [];
let drawing = false;
let walking = null;
let reporting = Promise.resolve();
let agreements = 0;
let heard = () => {};
let said = () => {};
let map, marker, circles, line, around;

/** Open the map; `moments` is called with what a report led to, `where` with a sentence about the place. */
export function openWorld({ moments, where }) {
  [heard, said] = [moments, where];
  map = openMap(find("#map"), { center: here, zoom: 16 });
  circles = L.layerGroup().addTo(map);
  line = L.polyline([], { color: colour("second"), weight: 3, dashArray: "6 6", interactive: false }).addTo(map);
  around = L.circle(here, { radius: accuracy(), color: colour("second"), weight: 1, fillOpacity: 0.1, interactive: false }).addTo(map);
  const icon = L.divIcon({ className: "phone-marker", iconSize: [28, 44], iconAnchor: [14, 22] });
  marker = L.marker(here, { draggable: true, autoPan: true, icon, title: say("phone_here"), alt: say("phone_here") }).addTo(map);
  marker.on("dragend", () => go(point(marker.getLatLng())));
  marker.getElement().addEventListener("keydown", byArrows);
  map.on("click", ({ latlng }) => (drawing ? add(point(latlng)) : go(point(latlng))));
  whenSheetChanges(() => drawCircles(circles.known || []));
  bindPad();
  bindWalk();
}

/** The map must be told when it was hidden and is shown again. */
export const shown = () => map?.invalidateSize();

const point = ({ lat, lng }) => [Math.max(-90, Math.min(90, lat)), ((lng + 540) % 360) - 180];
const accuracy = () => Number(find("#pad [name=accuracy]").value);

function move(direction) {
  const [north, east] = STEPS[direction];
  const step = Number(find("#pad [name=step]").value);
  go(off(target, north * step, east * step));
}

/** Arrow keys move the phone, on the pad's buttons and on the phone in the map (which does not move the map then). */
function byArrows(event) {
  const direction = event.target.tagName !== "SELECT" && ARROWS[event.key];
  if (!direction) return;
  event.preventDefault();
  event.stopPropagation();
  move(direction);
}

function bindPad() {
  const pad = find("#pad");
  pad.addEventListener("click", (event) => event.target.closest("button") && move(event.target.closest("button").value));
  pad.addEventListener("keydown", byArrows);
  find("[name=accuracy]", pad).addEventListener("change", () => around.setRadius(accuracy()));
}

function bindWalk() {
  find("#draw").addEventListener("click", () => draw(!drawing));
  find("#play").addEventListener("click", () => walk(way, Number(find("#walk [name=speed]").value)));
  find("#stop").addEventListener("click", () => {
    stop();
    find("#play").focus();
  });
  find("#real").addEventListener("click", ({ target }) => real(target));
  find("#walk [name=track]").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    draw(false);
    const read = readGpx(await file.text());
    if (read.length === 0) return tell(say("track_wrong"), { wrong: true });
    plan(read, say("walked_track", { points: count(read.length), minutes: number(duration(read) / 60) }));
    map.fitBounds(line.getBounds(), { maxZoom: 17, padding: [20, 20] });
  });
}

function draw(on) {
  drawing = on;
  find("#draw").setAttribute("aria-pressed", String(on));
  find("#map").classList.toggle("drawing", on);
  if (on) plan([{ at: here, s: 0 }], say("about_walk"));
}

function add(to) {
  const corners = [...(way.corners || [here]), to];
  const made = paced(corners);
  made.corners = corners;
  plan(made, say("walked_way", { points: count(corners.length), metres: count(length(made)) }));
}

function plan(made, text) {
  way = made;
  line.setLatLngs(made.map((each) => each.at));
  find("#play").disabled = made.length < 2;
  fill(find("#walked"), text);
}

function stop() {
  walking?.abort();
  walking = null;
  target = here;
  find("#stop").disabled = true;
}

/** Go somewhere: at once where that is believable, else as fast as it is. */
async function go(to) {
  const begun = told ? told.at : here;
  const long = metres(begun, to);
  const seconds = told ? Math.max(1, (now() - told.ms) / 1000) : 0;
  stop();
  target = to;
  if (!told || long < 1 || long + ROUNDED_M <= 2 * RIDE_MPS * seconds) return report(to);
  place(here);
  return walk(paced([here, to], RIDE_MPS), 1, { aside: true });
}

/** How long (s) to wait between two reports at a speed, so that what is rounded does not make it look faster. */
const betweenReports = (mps) => Math.min(6, Math.max(BETWEEN_S, ROUNDED_M / Math.max(1, FASTEST_MPS - mps)));

async function walk(along, speed, { aside = false } = {}) {
  stop();
  if (!aside) draw(false);
  const mine_ = (walking = new AbortController());
  const wait = betweenReports((length(along) / Math.max(1, duration(along))) * speed);
  target = along[along.length - 1].at;
  find("#stop").disabled = false;
  const begun = performance.now();
  let next = 0;
  while (next < along.length && !mine_.signal.aborted) {
    const s = ((performance.now() - begun) / 1000) * speed;
    const at = along.findIndex((each) => each.s > s);
    const last = at === -1;
    const step = last ? along[along.length - 1].at : within(along[at - 1], along[at], s);
    next = last ? along.length : at;
    if (!aside) fill(find("#walked"), say("walking", { done: count(next), points: count(along.length) }));
    await report(step);
    if (!last) await pause(1000 * wait, mine_.signal);
  }
  if (walking === mine_) stop();
}

const within = (one, other, s) => (one ? between(one.at, other.at, (s - one.s) / (other.s - one.s || 1)) : other.at);

function real(button) {
  stop();
  if (!navigator.geolocation) return tell(say("real_off", { problem: say("real_2") }), { wrong: true });
  button.setAttribute("aria-busy", "true");
  const done = () => button.removeAttribute("aria-busy");
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      done();
      report([coords.latitude, coords.longitude], { accuracy_m: coords.accuracy });
    },
    (error) => (done(), tell(say("real_off", { problem: say(`real_${error.code}`) }), { wrong: true })),
    { enableHighAccuracy: true, timeout: 20000 },
  );
}

/** Report a position, one after the other: a phone has one radio. */
export function report(at, more = {}) {
  place(at, more.accuracy_m);
  told = { at, ms: now().getTime() };
  reporting = reporting.then(() => send(at, more));
  return reporting;
}

/** Report once more from where the phone is. */
export const reportAgain = () => report(here);

function place(at, accuracy_m = accuracy()) {
  here = at;
  marker.setLatLng(at);
  around.setLatLng(at).setRadius(accuracy_m);
  if (!map.getBounds().pad(-0.1).contains(at)) map.panTo(at, { animate: false });
}

async function send(at, { accuracy_m = accuracy() }) {
  if (!whoAmI()) return;
  const [sent, before] = [now(), agreements];
  const fix = { id: newId(), captured_at: sent.toISOString(), lat: at[0], lon: at[1], accuracy_m };
  const app = { foreground: document.visibilityState === "visible", tz: zone() };
  const answer = await attempt(() => mine("POST", "/v1/pings", { body: { sent_at: sent.toISOString(), app, pings: [fix] } }).catch(refused));
  clearTimeout(again);
  if (answer === undefined) again = setTimeout(reportAgain, RETRY_MS); // the house is away or busy: a phone asks once more
  if (!answer) return;
  if (told?.at === at) told.ms = sent.getTime();
  await nameAll(answer.body.watch.circles);
  heard(answer.body.moments);
  if (before !== agreements) return; // what may be watched was said since
  drawCircles(answer.body.watch.circles);
  said(sentence(at, answer.body));
  const doubted = (answer.body.results[0].reason || "").startsWith("teleport");
  again = setTimeout(reportAgain, 1000 * (doubted ? DOUBTED_S : answer.body.watch.next_ping_s));
}

function refused(error) {
  if (error.code !== "consent_required") throw error;
  said(say("no_location"));
  return null;
}

/** From now on the location may be used, or not. */
export function locate(agreed) {
  agreements += 1;
  if (agreed) return reportAgain();
  stop();
  clearTimeout(again);
  drawCircles([]);
  return said(say("no_location"));
}

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || FACTS.zone;

async function nameAll(found) {
  const ids = found.map((each) => each.id).filter((id) => !names.has(id));
  if (ids.length === 0) return;
  const answer = await attempt(() => mine("POST", "/v1/places/names", { body: { ids } }));
  for (const id of ids) names.set(id, null);
  for (const each of answer?.body.items ?? []) names.set(each.id, each.name);
}

function drawCircles(found) {
  circles.clearLayers();
  circles.known = found;
  for (const each of found) {
    const name = names.get(each.id);
    const circle = L.circle([each.lat, each.lon], { radius: each.radius_m, ...fenceStyle(name ? "store" : "fence"), interactive: false });
    if (name) circle.bindTooltip(label(name), { permanent: true, direction: "center", className: "place-name" });
    circle.addTo(circles);
  }
}

/** Say in words what the house answered. */
function sentence(at, { results, watch }) {
  const seconds = count(watch.next_ping_s);
  const doubt = results[0].reason && `doubted_${results[0].reason.split(",")[0]}`;
  if (doubt && knows(doubt)) return say(doubt);
  const inside = watch.circles.filter((each) => metres(at, [each.lat, each.lon]) <= each.radius_m);
  const named = inside.map((each) => names.get(each.id)).find(Boolean);
  if (named) return say("inside", { place: named, seconds });
  if (inside.length) return say("inside_area", { radius: count(inside[0].radius_m), seconds });
  const near = watch.circles.length;
  return near ? say("outside", { count: count(near), seconds }) : say("nothing_near", { seconds });
}

/** Forget what was told: this is another phone now. */
export function forgetWorld() {
  stop();
  clearTimeout(again);
  told = null;
  drawCircles([]);
}

