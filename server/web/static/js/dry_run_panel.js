// Trying a rule: a form, and what would have been. The page needs the words of decision.toml (`words=(…, "decision")`), the sheet
// /static/dry_run.css, and for points on a map Leaflet before its module.
import { call, Problem } from "./api.js";
import { drawAnswer } from "./dry_run_answer.js";
import { contextOf, middleOf } from "./dry_run_context.js";
import { buildForm, calm, complain, showWhatCounts } from "./dry_run_form.js";
import { attachSearch, choosePlace, loadPlaces } from "./dry_run_places.js";
import { el, fill, find } from "./dom.js";
import { attempt, tell } from "./frame.js";
import { FACTS, LANGUAGE, say } from "./words.js";

const SEGMENTS = 40;
let asked = 0;

/**
 * Put the panel into a node: mountDryRun(node, {offerId}) tries that offer as it is saved, drafts too; without an id the live
 * offers against each other. Answers a promise of the panel's form, undefined where it could not be read.
 */
export async function mountDryRun(node, { offerId = null } = {}) {
  fill(node, el("p", { class: "note" }, say("loading")));
  const loaded = await attempt(() => load(offerId));
  if (!loaded) {
    const retry = el("button", { type: "button", class: "quiet", onclick: () => mountDryRun(node, { offerId }) }, say("dry_load"));
    fill(node, el("p", { class: "note" }, say("dry_not_loaded")), retry);
    return undefined;
  }
  const answer = el("div", { class: "dry-answer", role: "status", "aria-live": "polite" });
  const button = (all, kind) => el("button", { type: "submit", class: kind, value: all ? "all" : "one" }, say(all ? "dry_try_all" : "dry_try"));
  const buttons = offerId ? [button(false, ""), button(true, "quiet")] : [button(true, "")];
  const form = buildForm({ ...loaded, zone: FACTS.zone, buttons });
  fill(node, el("p", { class: "note" }, say("dry_about")), form, answer);
  choosePlace(form, loaded);
  attachSearch(form, loaded);
  showWhatCounts(form);
  form.addEventListener("change", () => showWhatCounts(form));
  form.addEventListener("change", () => drawMap(form, loaded.places));
  form.addEventListener("invalid", ({ target }) => target.closest("details")?.setAttribute("open", ""), true);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const path = event.submitter?.value === "one" ? `/v1/offers/${offerId}/dry-run` : "/v1/dry-run";
    run(form, answer, path, loaded.places, event.submitter);
  });
  drawMap(form, loaded.places);
  return form;
}

async function load(offerId) {
  const [segments, offer] = await Promise.all([
    call("GET", `/v1/segments?limit=${SEGMENTS}`),
    offerId ? call("GET", `/v1/offers/${offerId}`) : null,
  ]);
  const named = segments.body.items.map((each) => each.name);
  const document = offer?.body.document;
  return { ...(await loadPlaces(document?.when)), segments: named, when: document?.when, locales: Object.keys(document?.moment.content ?? { "de-DE": 1, "en-US": 1 }) };
}

/** Ask. The clock at a point is known only once the server has said its zone: then it is asked again on that clock. */
async function run(form, node, path, places, busy) {
  const mine = (asked += 1); // of two that were asked for, the answer to the first may come last
  calm(form);
  const place = places.find((each) => each.id === form.elements.place.value);
  const ask = async (zone) => {
    const body = contextOf(form, place, zone);
    return { body, answer: (await call("POST", `${path}?language=${LANGUAGE}`, { body })).body };
  };
  const zone = place?.time_zone ?? FACTS.zone;
  busy?.setAttribute("aria-busy", "true");
  try {
    let { body, answer } = await ask(zone);
    if (!place && answer.zone !== zone) ({ body, answer } = await ask(answer.zone));
    if (mine !== asked) return;
    fill(node, drawAnswer(answer, { place: place?.name, weather: body.weather }));
    node.firstChild.scrollIntoView({ block: "nearest" });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (mine !== asked) return;
    fill(node);
    const left = error.errors.filter((each) => !complain(form, each));
    if (left.length || !error.errors.length) tell(say("failed", { problem: error.words }), { wrong: true });
    form.querySelector("[aria-invalid]")?.focus();
  } finally {
    busy?.removeAttribute("aria-busy");
  }
}

/** Where Leaflet is there, a point is chosen with the map too. */
async function drawMap(form, places) {
  const node = find(".map", form);
  if (form.elements.place.value || node.dataset.drawn) return;
  node.hidden = !window.L;
  if (!window.L) return;
  node.dataset.drawn = "yes";
  const { openMap, fenceStyle, label } = await import("./map.js");
  const first = places[0] ? middleOf(places[0]) : { lat: 51, lon: 10 };
  const map = openMap(node, { center: [first.lat, first.lon], zoom: places.length ? 13 : 5 });
  for (const each of places)
    if (each.lat !== null) window.L.circle([each.lat, each.lon], { radius: each.radius_m, ...fenceStyle(each.store_id ? "store" : "fence") }).bindTooltip(label(each.name)).addTo(map);
  let mark;
  const put = (lat, lon) => {
    mark ??= window.L.circleMarker([lat, lon], { radius: 7 }).addTo(map);
    mark.setLatLng([lat, lon]);
  };
  map.on("click", ({ latlng }) => {
    form.elements.lat.value = latlng.lat.toFixed(6);
    form.elements.lon.value = latlng.wrap().lng.toFixed(6);
    put(latlng.lat, latlng.lng);
  });
  form.addEventListener("change", () => {
    if (form.elements.lat.value !== "" && form.elements.lon.value !== "") put(Number(form.elements.lat.value), Number(form.elements.lon.value));
  });
}
