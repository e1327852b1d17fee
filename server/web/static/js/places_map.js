// Places in view: one by one where they are few enough to be told apart, else in heaps that say how many lie there.
import { call } from "./api.js";
import { whenSheetChanges } from "./colours.js";
import { soon } from "./dom.js";
import { outlineOf, polygonsOf } from "./draw.js";
import { attempt } from "./frame.js";
import { fenceStyle, label } from "./map.js";
import { FACTS, count, say } from "./words.js";

const { L } = window;

const DOT = 5;

/**
 * Show places on the map. `filter()` gives the query of what is looked for, `pick(fence)` hears which one was clicked,
 * `seen(fences)` how many are in view. Answers {load, edit}: while one is edited (null: a new one), it is left out here, and
 * the others only lie there: a click goes to the map. `edit(undefined)` ends it.
 */
export function showPlaces(map, { filter, pick, seen }) {
  const layer = L.layerGroup().addTo(map);
  let asked = 0;
  let edited;
  let known = { items: [], cells: [] };

  async function load() {
    const mine = ++asked;
    const query = inView(map, filter());
    const { fences, cells } = (await call("GET", `/v1/geofences/cells?${query}`)).body;
    const each = fences > 0 && fences <= FACTS.page;
    const items = each ? (await call("GET", `/v1/geofences?${query}`)).body.items : [];
    if (mine !== asked) return;
    known = { items, cells: each ? [] : cells };
    draw();
    seen(fences);
  }

  function draw() {
    layer.clearLayers();
    for (const fence of known.items) if (fence.id !== edited) layer.addLayer(drawn(fence));
    for (const cell of known.cells) layer.addLayer(heap(cell));
  }

  function drawn(fence) {
    const still = edited !== undefined && FACTS.writes;
    const style = { ...fenceStyle(fence.store_id ? "store" : "fence"), interactive: !still, ...(still && { opacity: 0.45, fillOpacity: 0.07 }) };
    const shape =
      fence.kind === "circle"
        ? L.circle(nearTo(map, fence), { radius: fence.radius_m, ...style })
        : L.polygon(outlineOf(polygonsOf(fence.geometry), map.getCenter().lng), style);
    const middle = fence.kind === "circle" ? nearTo(map, fence) : shape.getBounds().getCenter();
    const dot = L.circleMarker(middle, { ...style, radius: DOT, fillOpacity: still ? 0.4 : 0.9 });
    const both = L.featureGroup([shape, dot]);
    if (still) return both;
    both.bindTooltip(label(fence.name), { direction: "top" });
    both.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      pick(fence);
    });
    return both;
  }

  function heap(cell) {
    const node = label(count(cell.fences));
    const size = 24 + 8 * node.textContent.length;
    const kind = cell.stores * 2 >= cell.fences ? "heap" : "heap others";
    const icon = L.divIcon({ className: kind, iconSize: [size, 30], html: node });
    const made = L.marker(nearTo(map, cell), { icon, keyboard: false });
    return made.on("click", () => map.setView(made.getLatLng(), Math.min(map.getMaxZoom(), map.getZoom() + 3)));
  }

  const again = soon(() => attempt(load), 150);
  map.on("moveend", again);
  whenSheetChanges(again);
  return {
    load: () => attempt(load),
    edit(id) {
      edited = id;
      draw(); // at once: until the answer is there, a click would meet a place that is no longer for clicks
      return attempt(load);
    },
  };
}

/** The query of what is looked for within the map's view. */
export function inView(map, query) {
  const bounds = map.getBounds();
  const [west, east] = [bounds.getWest(), bounds.getEast()];
  const wide = east - west >= 360;
  const turn = (lon) => ((((lon + 180) % 360) + 360) % 360) - 180;
  const box = [wide ? -180 : turn(west), Math.max(-90, bounds.getSouth()), wide ? 180 : turn(east), Math.min(90, bounds.getNorth())];
  const made = new URLSearchParams(query);
  made.set("bbox", box.map((each) => each.toFixed(6)).join(","));
  return made;
}

/** A position on the copy of the world that the map shows. */
export const nearTo = (map, { lat, lon }) => L.latLng(lat, lon + 360 * Math.round((map.getCenter().lng - lon) / 360));

/** Show all that is looked for, or where most of it lies if it is spread too widely; answers whether there is anything. */
export async function fitAll(map, query) {
  const { bbox, cells } = (await call("GET", `/v1/geofences/cells?${query}`)).body;
  if (!bbox) return false;
  const [west, south, east, north] = bbox;
  const [least, view] = [map.getMinZoom(), map.getSize()];
  const span = map.project([south, east], least).subtract(map.project([north, west], least));
  if (span.x > view.x || span.y > view.y) map.setView(cells[0], least);
  else map.fitBounds([[south, west], [north, east]], { maxZoom: 16, padding: [20, 20] });
  return true;
}

/** Bring one place into view. */
export const fitOne = (map, fence) => map.fitBounds(L.latLngBounds(corners(fence)).pad(0.6), { maxZoom: 17 });

/** Two opposite corners of what a place covers. */
function corners(place) {
  const around = place.geometry && polygonsOf(place.geometry);
  const box = around ? L.latLngBounds(outlineOf(around, around[0][0][0][0]).flat(2)) : L.latLng(place.lat, place.lon).toBounds(2 * (place.radius_m ?? 1000));
  return [box.getSouthWest(), box.getNorthEast()];
}

/** What is said under the map. */
export const told = (fences) => (fences > FACTS.page ? say("more_in_view", { n: count(fences) }) : say("in_view", { n: count(fences) }));
