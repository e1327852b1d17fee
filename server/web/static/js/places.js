// The page of places: list and map of the same search, and the form of the one that is open. The address keeps the view.
import { call } from "./api.js";
import { all, el, fill, find, soon } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { openMap } from "./map.js";
import { fenceForm } from "./places_fence.js";
import { openImport } from "./places_import.js";
import { placesList } from "./places_list.js";
import { fitAll, fitOne, inView, showPlaces, told } from "./places_map.js";
import { reason } from "./places_reasons.js";
import { storeForm } from "./places_store.js";
import { FACTS, say } from "./words.js";

const NEW_RADIUS_M = 100;
const CLOSE_UP = 16;

const panel = find("#panel");
const search = find("#search");
const given = new URLSearchParams(location.search);
const sought = { q: given.get("q") ?? "", tag: given.get("tag") ?? "", view: false, kind: given.get("kind") === "fences" ? "fences" : "stores" };
find("#q").value ||= sought.q; // what was typed before this page could listen counts, too
let shown = 0;
const NONE = { end() {}, changed: () => false };
let form = NONE;
let opener = null;
let asked = 0;

const map = openMap(find("#map"));
const query = () => new URLSearchParams(Object.entries({ q: sought.q.trim(), tag: sought.tag.trim() }).filter(([, value]) => value));
const places = showPlaces(map, {
  filter: query,
  pick: (fence) => (fence.store_id ? open("stores", fence.store_id) : open("fences", fence.id)),
  seen(fences) {
    shown = fences;
    fill(find("#counted"), told(fences));
  },
});
const list = placesList({
  query: () => (sought.view ? inView(map, query()) : query()),
  pick: (kind, place) => open(kind, place.id, { fit: true }),
  tagged: (tag) => look({ tag }),
});

/** What was typed and is not looked for yet: whatever else is asked for meanwhile, nobody's words are lost. */
const typed = () => (find("#q").value === sought.q ? {} : { q: find("#q").value });

/** Look for something else; where nothing of it is in view, the map goes there. */
async function look(wish) {
  const change = { ...typed(), ...wish };
  Object.assign(sought, change);
  find("#q").value = sought.q;
  find("#view").checked = sought.view;
  for (const button of all(".tabs button")) button.setAttribute("aria-pressed", String(button.value === sought.kind));
  const tagged = find("#tagged");
  tagged.hidden = !sought.tag;
  fill(tagged, sought.tag && el("button", { type: "button", class: "badge", "aria-label": say("remove_tag", { tag: sought.tag }), onclick: () => look({ tag: "" }) }, sought.tag, " ×"));
  remember();
  await Promise.all([list.load(sought.kind), places.load()]);
  if (("q" in change || "tag" in change) && !sought.view && !shown) await attempt(() => fitAll(map, query()));
}

/** Keep what is looked at in the address, so that it can be sent to somebody. */
function remember(place = {}) {
  const kept = query();
  if (sought.kind === "fences") kept.set("kind", "fences");
  for (const [name, id] of Object.entries(place)) kept.set(name, id);
  const { lat, lng } = map.getCenter();
  history.replaceState(null, "", `?${kept}#${map.getZoom()}/${lat.toFixed(5)}/${lng.toFixed(5)}`);
}

/** Open the form of a place that is there. */
async function open(kind, id, { fit = false } = {}) {
  const from = document.activeElement;
  const mine = (asked += 1);
  const place = await attempt(async () => (await call("GET", kind === "stores" ? `/v1/stores/${id}` : `/v1/geofences/${id}`)).body);
  if (!place || mine !== asked) return; // another one was opened or begun meanwhile
  opener = from;
  if (fit) fitOne(map, place);
  await edit(kind, place);
  remember({ [kind === "stores" ? "store" : "fence"]: id });
}

async function edit(kind, place) {
  form.end();
  tell("");
  const fence = kind === "stores" ? place.geofence_id : place.id;
  const naming = el("div");
  form = (kind === "stores" ? storeForm : fenceForm)(panel, map, place, {
    naming,
    close: leave,
    saved: async (now) => {
      await close();
      await look({});
      settle();
      tell([say("saved", { name: now.name }), ...(now.warnings ?? []).map((each) => `${say(`field_${each.field}`)} ${reason(each.message)}`)].join(" "));
    },
    remove: (gone) => remove(kind, gone, fence),
  });
  turn(true);
  panel.querySelector("h2").focus({ preventScroll: true });
  panel.scrollIntoView({ block: "nearest" });
  await places.edit(fence ?? null);
  if (fence) attempt(async () => nameOffers(naming, await offersOf(fence)));
}

/** Show the form or the list; while something is being written, nothing else is begun. */
function turn(open) {
  panel.hidden = !open;
  search.hidden = open;
  for (const button of all(".head button")) button.disabled = open;
}

/** Close the form; what was written there and is not saved goes only where that was said. */
async function leave() {
  if (!form.changed() || (await ask(say("sure_leave"), { yes: say("throw_away"), no: say("stay") }))) await close();
}

async function close() {
  form.end();
  form = NONE;
  fill(panel);
  turn(false);
  remember();
  if (opener?.isConnected) opener.focus();
  await places.edit(undefined);
}

/** Whoever came from an entry of the list that was drawn anew is still at the list. */
function settle() {
  if ([document.body, find("#main")].includes(document.activeElement)) find(".tabs [aria-pressed=true]").focus({ preventScroll: true });
}

const offersOf = async (fence) => (await call("GET", `/v1/geofences/${fence}/offers?limit=${Math.min(20, FACTS.page)}`)).body;

function nameOffers(node, { items, next }) {
  if (!items.length) return;
  const names = items.map((offer) => el("li", {}, el("a", { href: `/dashboard/offers/${offer.id}` }, offer.name), " ", el("span", { class: "note" }, say(`named_by_${offer.by}`))));
  fill(node, el("details", { class: "more" }, el("summary", {}, say(next ? "offers_many" : "offers_here", { n: items.length })), el("ul", {}, names)));
}

/** Delete a place, once it was said what reaches for it. */
async function remove(kind, place, fence) {
  const offers = await attempt(() => offersOf(fence));
  if (!offers) return;
  const named = offers.items.filter((offer) => offer.by === "id").map((offer) => say("quoted", { name: offer.name })).join(", ");
  const question = [say(kind === "stores" ? "delete_store" : "delete_fence", { name: place.name }), named && say("delete_named", { offers: named })].filter(Boolean).join(" ");
  if (!(await ask(question, { yes: say("delete") }))) return;
  await attempt(async () => {
    await call("DELETE", kind === "stores" ? `/v1/stores/${place.id}` : `/v1/geofences/${place.id}`);
    await close();
    await look({});
    settle();
    tell(say("deleted", { name: place.name }));
  });
}

/** Begin a new place where one is looking. */
function begin(kind, shape) {
  asked += 1;
  opener = document.activeElement;
  if (map.getZoom() < 13) map.setZoom(CLOSE_UP, { animate: false });
  const { lat, lng } = map.getCenter().wrap();
  const here = { lat: Number(lat.toFixed(6)), lon: Number(lng.toFixed(6)), radius_m: NEW_RADIUS_M };
  edit(kind, { name: "", tags: [], hours: null, kind: shape, ...(shape === "area" ? { geometry: null, radius_m: null } : here) });
}

find("#filter").addEventListener("submit", (event) => event.preventDefault());
find("#q").addEventListener("input", soon(() => "q" in typed() && look({})));
find("#view").addEventListener("change", (event) => look({ view: event.target.checked }));
for (const button of all(".tabs button")) button.addEventListener("click", () => look({ kind: button.value }));
find("#all").addEventListener("click", () => attempt(() => fitAll(map, query())));
map.on("moveend", soon(() => {
  if (panel.hidden) remember();
  if (sought.view && panel.hidden) list.load();
}));
if (FACTS.writes) {
  find("#new-store").addEventListener("click", () => begin("stores", "circle"));
  find("#new-circle").addEventListener("click", () => begin("fences", "circle"));
  find("#new-area").addEventListener("click", () => begin("fences", "area"));
  find("#import").addEventListener("click", () => openImport({ done: () => attempt(async () => {
    await look({});
    await fitAll(map, query());
  }) }));
}

window.addEventListener("beforeunload", (event) => {
  if (form.changed()) event.preventDefault();
});

const [zoom, lat, lng] = location.hash.slice(1).split("/").map(Number);
const [store, fence] = [given.get("store"), given.get("fence")];
await attempt(async () => {
  if ([zoom, lat, lng].every(Number.isFinite) && location.hash) map.setView([lat, lng], zoom);
  else await fitAll(map, query());
});
await look({});
if (store || fence) await open(store ? "stores" : "fences", store ?? fence, { fit: true });
