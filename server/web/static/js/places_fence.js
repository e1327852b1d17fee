// The form of one free fence: a circle, or an area with its corners. A store's own fence is changed with its store.
import { el, fill } from "./dom.js";
import { drawArea, geometryOf, polygonsOf } from "./draw.js";
import { drawCircle } from "./draw_circle.js";
import { fenceStyle } from "./map.js";
import { cornersTable } from "./places_corners.js";
import { checked, complain, ending, field, figure, quieten, read, tagsField, text, watch } from "./places_form.js";
import { send } from "./places_store.js";
import { FACTS, say } from "./words.js";

/** Fill `panel` with the form of a fence, and draw it on the map; as storeForm does. */
export function fenceForm(panel, map, fence, { saved, close, remove, naming }) {
  const readonly = !FACTS.writes;
  const name = text(fence.name, { maxlength: FACTS.longest.name, required: true, readonly });
  const tags = tagsField(fence.tags ?? [], { readonly });
  const shape = fence.kind === "circle" ? circlePart(map, fence, readonly) : areaPart(map, fence, readonly);

  const form = el(
    "form",
    { novalidate: true, onsubmit: (event) => save(event) },
    el("h2", { tabindex: "-1" }, fence.id ? fence.name : say(fence.kind === "circle" ? "new_circle" : "new_area")),
    naming,
    field("name", name),
    shape.nodes,
    tags.node,
    fence.time_zone && el("p", { class: "note" }, say("zone_of_fence", { zone: fence.time_zone })),
    ending({ readonly, close, remove: fence.id && (() => remove(fence)) }),
  );

  async function save(event) {
    event.preventDefault();
    quieten(form);
    const body = { name: name.value, tags: tags.read(), ...shape.read() };
    const wrong = [...checked(body, { circle: fence.kind === "circle", before: fence.radius_m }), ...shape.wrong()];
    if (wrong.length) return complain(form, wrong);
    return send(form, fence.id ? `/v1/geofences/${fence.id}` : "/v1/geofences", body, fence, saved);
  }

  fill(panel, form);
  return { end: () => shape.end(), changed: watch(form, shape.read) };
}

function circlePart(map, fence, readonly) {
  const inputs = {
    lat: figure(fence.lat, { readonly }),
    lon: figure(fence.lon, { readonly }),
    radius_m: figure(fence.radius_m, { readonly, min: FACTS.radius.least, max: FACTS.radius.most }),
  };
  const narrow = el("p", { class: "note narrow" });
  const now = () => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, read(input)]));
  const warn = () => (narrow.textContent = now().radius_m !== null && now().radius_m < FACTS.radius.sure ? say("narrow", { sure: FACTS.radius.sure }) : "");
  const circle = drawCircle(map, fence, {
    ...FACTS.radius,
    style: fenceStyle("fence"),
    fixed: readonly,
    changed(at) {
      for (const [name, input] of Object.entries(inputs)) input.value = at[name];
      warn();
    },
  });
  for (const input of Object.values(inputs))
    input.addEventListener("input", () => {
      if (now().lat !== null && now().lon !== null) circle.set(now());
      warn();
    });
  warn();
  const nodes = [
    el("div", { class: "three" }, Object.entries(inputs).map(([name, input]) => field(name, input))),
    narrow,
    !readonly && el("p", { class: "note" }, say("circle_hint")),
  ];
  return { nodes, read: now, wrong: () => [], end: () => circle.end() };
}

function areaPart(map, fence, readonly) {
  let polygons = fence.geometry ? polygonsOf(fence.geometry) : [[[]]];
  const hint = el("p", { class: "note", role: "status" });
  const button = (word, onclick) => el("button", { type: "button", class: "quiet small", onclick }, say(word));
  const undo = button("undo", () => area.undo());
  const close = button("close_area", () => {
    area.close();
    open.focus();
  });
  const open = button("add_corners", () => {
    area.open();
    middle.focus();
  });
  const middle = button("corner_here", () => area.add(map.getCenter()));

  const area = drawArea(map, polygons, {
    style: fenceStyle("fence"),
    open: !fence.geometry,
    fixed: readonly,
    changed(now, state) {
      polygons = now;
      table.show(polygons);
      if (hint.isConnected) quieten(hint.closest("form")); // an area that is drawn on is looked at anew
      tell(state);
    },
  });
  const table = cornersTable({
    readonly,
    changed(rings) {
      const left = [...rings];
      polygons = polygons.map((polygon) => polygon.map(() => left.shift()));
      area.set(polygons);
      table.show(polygons);
      undo.disabled = false;
    },
    dropped: (ring, index) => area.drop(ring, index),
  });

  function tell({ open: adding, undoable }) {
    hint.textContent = readonly ? "" : say(adding ? "area_open_hint" : "area_hint");
    undo.disabled = !undoable;
    close.hidden = !adding;
    close.disabled = polygons[0][0].length < 3;
    open.hidden = adding || polygons.flat().length > 1;
    middle.hidden = !adding;
  }

  table.show(polygons);
  tell({ open: !fence.geometry, undoable: false });
  return {
    nodes: [hint, !readonly && el("div", { class: "buttons" }, middle, close, open, undo), table.node],
    read: () => ({ geometry: geometryOf(polygons) }),
    wrong: () => [...(polygons.flat().some((ring) => ring.length < 3) ? [{ field: "geometry", message: say("wrong_corners") }] : []), ...table.wrong()],
    end: () => area.end(),
  };
}
