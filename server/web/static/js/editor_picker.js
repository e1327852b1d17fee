// Picking places: a list with a filter, and a map that shows what is in view. Both tell the same.
import { el, fill, soon } from "./dom.js";
import { count, say } from "./words.js";
import { colour } from "./colours.js";
import { label, openMap } from "./map.js";
import { placeOf, world } from "./editor_world.js";

const LISTED = 100;
const DRAWN = 600;
const { L } = window;

/** Ask for places; resolves to their ids, or to null where nothing was chosen. */
export function pick(ids) {
  world.want();
  const chosen = new Set(ids.map((id) => placeOf(id)?.id ?? id));
  const given = new Map(ids.map((id) => [placeOf(id)?.id ?? id, id]));
  return new Promise((resolve) => {
    const parts = dialog();
    const close = () => resolve(parts.node.returnValue === "yes" ? [...chosen].map((id) => given.get(id) ?? id) : null);
    parts.node.addEventListener("close", () => {
      parts.node.remove();
      world.calls = [];
      close();
    });
    document.body.append(parts.node);
    parts.node.showModal();
    const turn = (id) => {
      chosen[chosen.has(id) ? "delete" : "add"](id);
      draw();
    };
    const map = drawMap(parts.map, chosen, turn);
    const draw = () => {
      list(parts, chosen, turn);
      map.draw();
    };
    parts.filter.addEventListener("input", soon(draw, 150));
    parts.all.addEventListener("click", () => {
      matching(parts.filter.value).forEach((place) => chosen.add(place.id));
      draw();
    });
    world.calls = [
      soon(() => {
        draw();
        map.fit();
      }, 100),
    ];
    draw();
    map.fit();
  });
}

function dialog() {
  const filter = el("input", { type: "search", id: "pick-filter", autocomplete: "off" });
  const found = el("p", { class: "note", role: "status" });
  const list = el("ul", { class: "picks" });
  const map = el("div", { class: "map" });
  const all = el("button", { type: "button", class: "quiet" }, say("pick_all"));
  const title = el("h2", { id: "pick-title" }, say("pick"));
  const buttons = el(
    "div",
    { class: "buttons" },
    el("button", { value: "yes" }, say("take_over")),
    el("button", { value: "no", class: "quiet", formnovalidate: true }, say("cancel")),
  );
  const side = el("div", {}, el("label", { for: "pick-filter" }, say("pick_filter")), filter, found, list, all);
  const node = el(
    "dialog",
    { class: "picker", "aria-labelledby": "pick-title" },
    el("form", { method: "dialog" }, title, el("div", { class: "picker-body" }, side, map), buttons),
  );
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  return { node, filter, found, list, map, all };
}

function matching(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return world.places.filter((place) => {
    const told = `${place.name} ${place.address} ${place.tags.join(" ")}`.toLowerCase();
    return words.every((word) => told.includes(word));
  });
}

function list(parts, chosen, turn) {
  const found = matching(parts.filter.value);
  const first = found.filter((place) => chosen.has(place.id));
  const shown = [...first, ...found.filter((place) => !chosen.has(place.id))].slice(0, LISTED);
  const focus = document.activeElement?.dataset?.place;
  const line = (place) =>
    el(
      "li",
      {},
      el(
        "label",
        { class: "tick" },
        el("input", {
          type: "checkbox",
          checked: chosen.has(place.id),
          dataset: { place: place.id },
          onchange: () => turn(place.id),
        }),
        el(
          "span",
          {},
          place.name,
          " ",
          el(
            "small",
            { class: "note" },
            [place.kind === "fence" ? say("a_fence") : "", place.address, ...place.tags].filter(Boolean).join(" · "),
          ),
        ),
      ),
    );
  fill(parts.list, shown.map(line));
  const told = { chosen: count(chosen.size), found: count(found.length), shown: count(shown.length) };
  fill(parts.found, say(world.ready ? (shown.length < found.length ? "picked_more" : "picked") : "picked_loading", told));
  if (focus) parts.list.querySelector(`[data-place="${focus}"]`)?.focus();
}

function drawMap(node, chosen, turn) {
  const map = openMap(node, { center: [48, 10], zoom: 4 });
  const layer = L.layerGroup().addTo(map);
  map.createPane("dots").classList.add("dots"); // above the countries, which are drawn later
  const renderer = L.canvas({ padding: 0.2, pane: "dots" });
  const draw = () => {
    layer.clearLayers();
    const view = map.getBounds().pad(0.1);
    const seen = world.places.filter((place) => view.contains([place.lat, place.lon]));
    const drawn = [...seen.filter((place) => chosen.has(place.id)), ...seen.filter((place) => !chosen.has(place.id))].slice(
      0,
      DRAWN,
    );
    for (const place of drawn) {
      const is = chosen.has(place.id);
      const dot = L.circleMarker([place.lat, place.lon], {
        renderer,
        pane: "dots",
        radius: is ? 9 : 6,
        weight: 2,
        color: colour(place.kind === "store" ? "accent" : "second"),
        fillOpacity: is ? 0.9 : 0.15,
      });
      dot
        .bindTooltip(label(place.name))
        .on("click", () => turn(place.id))
        .addTo(layer);
    }
  };
  map.on("moveend", draw);
  const fit = () => {
    const around = (chosen.size ? world.places.filter((place) => chosen.has(place.id)) : world.places).map((place) => [
      place.lat,
      place.lon,
    ]);
    if (around.length) map.fitBounds(L.latLngBounds(around).pad(0.2), { maxZoom: 15, animate: false });
  };
  return { draw, fit };
}
