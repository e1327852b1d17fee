// The corners of an area as a table to be typed: what the mouse does on the map, the keyboard does here.
import { all, el, fill } from "./dom.js";
import { figure, read } from "./places_form.js";
import { count, say } from "./words.js";

const MOST = 120;

/**
 * A table of polygons' corners. `changed(polygons)` hears of what was typed, `dropped(ring, index)` of a corner to be removed.
 * Answers {node, show}: `show(polygons)` puts others there.
 */
export function cornersTable({ changed, dropped, readonly = false }) {
  const body = el("div");
  const node = el("details", { class: "more", dataset: { field: "geometry" } }, el("summary", {}, say("corners")), body);
  let shown = [];

  function show(polygons) {
    const rings = polygons.flat();
    const alike = rings.length === shown.length && rings.every((ring, index) => ring.length === shown[index]);
    if (alike && rings.length) return refresh(rings);
    shown = rings.map((ring) => ring.length);
    const corners = shown.reduce((sum, one) => sum + one, 0);
    fill(body, corners > MOST ? el("p", { class: "note" }, say("too_many_corners", { corners: count(corners) })) : tables(polygons));
    return undefined;
  }

  function tables(polygons) {
    let number = 0;
    return polygons.flatMap((polygon, p) =>
      polygon.map((ring, r) => tableOf(ring, number++, polygons.length > 1 ? `[${p}][${r}]` : `[${r}]`, r > 0)),
    );
  }

  function tableOf(ring, number, place, hole) {
    const rows = ring.map(([lon, lat], index) => {
      const name = (axis) => say(`corner_${axis}`, { n: index + 1 });
      const input = (axis, value) => figure(value, { "aria-label": name(axis), readonly, onchange: typed, dataset: { axis } });
      return el(
        "tr",
        { dataset: { field: `geometry.coordinates${place}[${index}]` } },
        el("th", { scope: "row" }, String(index + 1)),
        el("td", {}, input("lat", lat)),
        el("td", {}, input("lon", lon)),
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

  /** Every ring as it stands in the table; a corner that is not yet whole keeps its place out of the drawing. */
  const typedRings = () => all(".ring", body).map((ring) => all("tbody tr", ring).map((row) => ["lon", "lat"].map((axis) => read(row.querySelector(`[data-axis=${axis}]`)))));
  const whole = ([lon, lat]) => lon !== null && lat !== null && Math.abs(lon) <= 180 && Math.abs(lat) <= 90;

  function typed() {
    const rings = typedRings();
    if (rings.flat().every(whole)) changed(rings);
  }

  function addRow(number) {
    const rings = typedRings();
    const last = rings[number].at(-1) ?? [0, 0];
    rings[number].push(whole(last) ? [...last] : [0, 0]);
    changed(rings);
    all(".ring", body)[number]?.querySelector("tbody tr:last-child input")?.focus();
  }

  function refresh(rings) {
    all(".ring", body).forEach((node, number) =>
      all("tbody tr", node).forEach((row, index) => {
        for (const [axis, value] of [["lon", rings[number][index][0]], ["lat", rings[number][index][1]]]) {
          const input = row.querySelector(`[data-axis=${axis}]`);
          if (read(input) !== value) input.value = value;
        }
      }),
    );
  }

  return { node, show };
}
