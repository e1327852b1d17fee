// The corners of an area as a table to be typed: what the mouse does on the map, the keyboard does here.
import { all, el, fill } from "./dom.js";
import { figure, read } from "./places_form.js";
import { count, say } from "./words.js";

const MOST = 120;
const AXES = [["lat", 90, 1], ["lon", 180, 0]]; // GeoJSON writes a corner the other way round

/**
 * A table of polygons' corners. `changed(polygons)` hears of what was typed, `dropped(ring, index)` of a corner to be removed.
 * Answers {node, show, wrong}: `show(polygons)` puts others there, `wrong()` lists what was typed and is no degree.
 */
export function cornersTable({ changed, dropped, readonly = false }) {
  const body = el("div");
  const node = el("details", { class: "more", dataset: { field: "geometry" } }, el("summary", {}, say("corners")), body);
  let shown = [];

  function show(polygons) {
    const rings = polygons.flat();
    const left = cells().filter((cell) => !cell.good);
    const alike = rings.length === shown.length && rings.every((ring, index) => ring.length === shown[index].length);
    const corners = rings.flat().length;
    if (!alike || !rings.length) fill(body, corners > MOST ? el("p", { class: "note" }, say("too_many_corners", { corners: count(corners) })) : tables(polygons));
    shown = structuredClone(rings);
    for (const { input, ring, index, axis } of cells()) {
      const known = rings[ring][index][axis];
      const typo = left.find((cell) => cell.ring === ring && cell.index === index && cell.axis === axis && cell.known === known);
      if (typo) input.value = typo.input.value; // what was typed and cannot be drawn stays to be mended
      else if (read(input) !== known) input.value = known;
    }
  }

  /** The cells as they stand in the table; `known` is the figure that the drawing has for each. */
  const cells = () =>
    all(".ring", body).flatMap((node, ring) =>
      all("tbody tr", node).flatMap((row, index) =>
        AXES.map(([name, most, axis]) => {
          const input = row.querySelector(`[data-axis=${name}]`);
          const value = read(input);
          return { input, ring, index, axis, most, value, known: shown[ring]?.[index]?.[axis], good: value !== null && Math.abs(value) <= most };
        }),
      ),
    );

  function tables(polygons) {
    let number = 0;
    return polygons.flatMap((polygon, p) =>
      polygon.map((ring, r) => tableOf(ring, number++, polygons.length > 1 ? `[${p}][${r}]` : `[${r}]`, r > 0)),
    );
  }

  function tableOf(ring, number, place, hole) {
    const rows = ring.map(([lon, lat], index) => {
      const field = `geometry.coordinates${place}[${index}]`;
      const name = (axis) => say(`corner_${axis}`, { n: index + 1 });
      const input = (axis, value) => figure(value, { "aria-label": name(axis), readonly, onchange: typed, dataset: { axis } });
      return el(
        "tr",
        { dataset: { field } },
        el("th", { scope: "row" }, String(index + 1)),
        el("td", { dataset: { field: `${field}[1]` } }, input("lat", lat)),
        el("td", { dataset: { field: `${field}[0]` } }, input("lon", lon)),
        !readonly && el("td", {}, el("button", { type: "button", class: "quiet small", "aria-label": say("drop_corner", { n: index + 1 }), onclick: () => dropped(number, index) }, "×")),
      );
    });
    const head = el("tr", {}, el("td"), el("th", { scope: "col" }, say("field_lat")), el("th", { scope: "col" }, say("field_lon")), !readonly && el("td"));
    return el(
      "div",
      { class: "ring", dataset: { field: `geometry.coordinates${place}` } },
      hole && el("p", { class: "note" }, say("hole")),
      el("table", {}, el("thead", {}, head), el("tbody", {}, rows)),
      el("p", { class: "complaint", hidden: true }),
      !readonly && el("button", { type: "button", class: "quiet small", onclick: () => addRow(number) }, say("type_corner")),
    );
  }

  /** The rings with what was typed; what is no degree stays what it was in the drawing, until it is mended. */
  function typedRings() {
    const rings = structuredClone(shown);
    for (const { ring, index, axis, value, good } of cells()) if (good) rings[ring][index][axis] = value;
    return rings;
  }

  function typed() {
    const rings = typedRings();
    if (JSON.stringify(rings) !== JSON.stringify(shown)) changed(rings);
  }

  function addRow(number) {
    const rings = typedRings();
    rings[number].push([...(rings[number].at(-1) ?? [0, 0])]);
    changed(rings);
    all(".ring", body)[number]?.querySelector("tbody tr:last-child input")?.focus();
  }

  const wrong = () =>
    cells().filter((cell) => !cell.good).map(({ input, most }) => ({
      field: input.parentNode.dataset.field,
      message: `${input.getAttribute("aria-label")}: ${say("wrong_number", { a: -most, b: most })}.`,
    }));

  return { node, show, wrong };
}
