// A map that asks nobody: countries as outlines, or the tiles of the server that the house has set.
// The page must load /static/vendor/leaflet/leaflet.css, leaflet.js and topojson-client.min.js before its module.
import { colour, whenSheetChanges } from "./colours.js";
import { FACTS, say } from "./words.js";

const { L, topojson } = window;

/** Put a map into an element (which needs a height); answers Leaflet's map. */
export function openMap(node, { center = [51, 10], zoom = 6 } = {}) {
  node.setAttribute("role", "region");
  node.setAttribute("aria-label", say("map_hint"));
  const map = L.map(node, { center, zoom, minZoom: 2, maxZoom: 19, zoomAnimation: false, fadeAnimation: false });
  map.attributionControl.setPrefix(false);
  L.control.scale({ imperial: false }).addTo(map);
  if (FACTS.tiles) L.tileLayer(FACTS.tiles, { maxZoom: 19, attribution: escaped(FACTS.tiles_credit) }).addTo(map);
  else drawCountries(map);
  return map;
}

/** Text for the few options of Leaflet that take markup (tooltips, popups, attribution): give them a node, or this. */
export function escaped(text) {
  const node = document.createElement("span");
  node.textContent = text;
  return node.innerHTML;
}

/** A node with a text, for bindTooltip and bindPopup. */
export function label(text) {
  const node = document.createElement("span");
  node.textContent = text;
  return node;
}

async function drawCountries(map) {
  const answer = await fetch("/static/vendor/world-atlas/countries-50m.json");
  const world = await answer.json();
  const countries = topojson.feature(world, world.objects.countries);
  for (const { geometry } of countries.features) for (const ring of ringsOf(geometry)) unwrap(ring);
  map.createPane("ground").style.zIndex = 250;
  // Painted, not drawn as shapes: a hundred thousand corners are no part of the page's tree.
  const renderer = L.canvas({ pane: "ground" });
  const ground = L.geoJSON(countries, { interactive: false, pane: "ground", renderer, style: groundStyle }).addTo(map);
  map.attributionControl.addAttribution("Natural Earth");
  whenSheetChanges(() => ground.setStyle(groundStyle()));
}

const ringsOf = ({ type, coordinates }) => (type === "Polygon" ? coordinates : coordinates.flat());

/** Let a coast that crosses the antimeridian go on beyond it, but for the pole: else it is drawn all around the earth. */
function unwrap(ring) {
  for (let index = 1; index < ring.length; index += 1) {
    const step = ring[index][0] - ring[index - 1][0];
    if (Math.abs(step) > 180 && Math.abs(ring[index][1]) < 89) ring[index] = [ring[index][0] - 360 * Math.sign(step), ring[index][1]];
  }
}

const groundStyle = () => ({ color: colour("line"), weight: 1, fillColor: colour("card"), fillOpacity: 1 });

/** The style of a fence. */
export const fenceStyle = (kind = "store") => ({ color: colour(kind === "store" ? "accent" : "second"), weight: 2, fillOpacity: 0.15 });
