// An area to be drawn: click to add corners, drag them, remove them, close the ring, undo.
import { degrees, handle } from "./draw_handle.js";
import { say } from "./words.js";

const { L } = window;

const HANDLES = 150;
const APART_PX = 16;
const UNDONE = 100;

/**
 * Draw polygons ([[ring, hole, …], …], rings of [lon, lat], not closed) on the map. With `open`, a click adds a corner to
 * the first ring until it is closed. `changed(polygons, {open, undoable})` hears of every change.
 * Answers {set, undo, close, open, add, drop, end}.
 */
export function drawArea(map, polygons, { style, changed, open = false, fixed = false }) {
  let rings = copy(polygons);
  let adding = open;
  const past = [];
  const shape = L.polygon([], { ...style, interactive: false }).addTo(map);
  const handles = L.layerGroup().addTo(map);

  /** Keep what was, change it, show it. */
  function change(work) {
    past.push(JSON.stringify({ rings, adding }));
    if (past.length > UNDONE) past.shift();
    work();
    show();
  }

  function show({ aloud = true } = {}) {
    outline();
    if (!fixed) grips();
    if (aloud) changed(copy(rings), { open: adding, undoable: past.length > 0 });
  }

  const outline = () => shape.setLatLngs(outlineOf(rings, map.getCenter().lng));

  /** Handles for the corners in view, and for new ones between, where each can be told from the one before. */
  function grips() {
    handles.clearLayers();
    const seen = map.getBounds().pad(0.1);
    const lines = outlineOf(rings, map.getCenter().lng);
    const pixels = (one, other) => map.latLngToContainerPoint(one).distanceTo(map.latLngToContainerPoint(other));
    let [left, last] = [HANDLES, null];
    each(rings, (ring, index, place) => {
      const [polygon, number] = place.split(".");
      const at = lines[polygon][number][index];
      const next = lines[polygon][number][(index + 1) % ring.length];
      if (index === 0) last = null;
      if (left <= 0 || !seen.contains(at) || (last && pixels(last, at) < APART_PX)) return;
      [left, last] = [left - 1, at];
      handles.addLayer(corner(at, ring, index, place));
      if (!adding && ring.length > 2 && pixels(at, next) > 3 * APART_PX) handles.addLayer(between(at, next, ring, index));
    });
  }

  function corner(at, ring, index, place) {
    let kept = null;
    const first = adding && place === "0.0" && index === 0;
    const made = handle(map, at, {
      kind: first ? "corner first" : "corner",
      name: say("corner", { n: index + 1 }),
      moved(to, done) {
        kept ??= JSON.stringify({ rings, adding });
        ring[index] = pair(to);
        outline();
        if (!done) return;
        past.push(kept);
        kept = null;
        changed(copy(rings), { open: adding, undoable: true });
      },
      pressed(event) {
        if (event.key === "Delete" || event.key === "Backspace") change(() => remove(ring, index));
      },
    });
    made.on("click", () => first && ring.length > 2 && api.close());
    made.on("contextmenu", () => change(() => remove(ring, index)));
    return made;
  }

  function between(one, other, ring, index) {
    const middle = L.latLng((one.lat + other.lat) / 2, (one.lng + other.lng) / 2);
    const made = handle(map, middle, { kind: "between", name: say("corner_between", { n: index + 1 }), drag: false });
    made.on("click", () => change(() => ring.splice(index + 1, 0, pair(middle))));
    return made;
  }

  /** A ring that has lost all its corners goes, unless it is the only one. */
  function remove(ring, index) {
    ring.splice(index, 1);
    if (ring.length) return;
    rings = rings.map((polygon) => polygon.filter((each) => each.length)).filter((polygon) => polygon.length);
    if (!rings.length) [rings, adding] = [[[[]]], true];
  }

  const click = (event) => adding && api.add(event.latlng);
  const again = () => !fixed && grips();
  const keys = (event) => {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    api.undo();
  };
  if (!fixed) map.on("click", click).on("moveend", again);
  if (!fixed) map.getContainer().addEventListener("keydown", keys);

  const api = {
    add: (at) => change(() => rings[0][0].push(pair(at))),
    drop: (ring, index) => change(() => remove(rings.flat()[ring], index)),
    close: () => change(() => (adding = false)),
    open: () => change(() => (adding = true)),
    undo() {
      if (past.length) ({ rings, adding } = JSON.parse(past.pop()));
      show();
    },
    set(now) {
      past.push(JSON.stringify({ rings, adding }));
      rings = copy(now);
      show({ aloud: false });
    },
    end() {
      map.off("click", click).off("moveend", again);
      map.getContainer().removeEventListener("keydown", keys);
      shape.remove();
      handles.remove();
    },
  };
  show({ aloud: false });
  return api;
}

const copy = (polygons) => structuredClone(polygons);

const pair = (at) => {
  const { lat, lon } = degrees(at);
  return [lon, lat];
};

/** Call for every corner: its ring, its index, and the ring's place "polygon.ring". */
function each(polygons, work) {
  polygons.forEach((polygon, p) => polygon.forEach((ring, r) => ring.forEach((_, index) => work(ring, index, `${p}.${r}`))));
}

/** Rings as Leaflet draws them: the first corner on the copy of the world around a longitude, the others near to it. */
export function outlineOf(polygons, around) {
  const near = ([lon, lat], to) => L.latLng(lat, lon + 360 * Math.round((to - lon) / 360));
  return polygons.map((polygon) => polygon.map((ring) => ring.map((corner) => near(corner, near(ring[0], around).lng))));
}

/** Polygons of a GeoJSON geometry, without the positions that only close rings. */
export function polygonsOf(geometry) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  return polygons.map((polygon) => polygon.map((ring) => ring.slice(0, -1).map(([lon, lat]) => [lon, lat])));
}

/** The GeoJSON geometry of polygons. */
export function geometryOf(polygons) {
  const closed = polygons.map((polygon) => polygon.map((ring) => (ring.length ? [...ring, ring[0]] : [])));
  return closed.length === 1
    ? { type: "Polygon", coordinates: closed[0] }
    : { type: "MultiPolygon", coordinates: closed };
}
