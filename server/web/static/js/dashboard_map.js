// Stores on a map: a circle for what was redeemed there, the larger the more, and the store's fence; and a table that says the same.
import { colour, whenSheetChanges } from "./colours.js";
import { narrowed, report } from "./dashboard_reports.js";
import { el, fill, find } from "./dom.js";
import { fenceStyle, label, openMap } from "./map.js";
import { FACTS, count, money, say } from "./words.js";

const { L } = window;
const [LEAST, MOST, ROOMY] = [6, 30, 14];

/** Show the map once it comes into sight. */
export async function showMap(node) {
  if (!L) throw new Error("Leaflet is not there");
  const { rows } = await report("stores");
  if (!rows.length) return void fill(node, el("p", { class: "empty" }, say("no_stores")));
  const ground = el("div", { class: "map" });
  const few = rows.some((row) => row.suppressed) && el("p", { class: "note" }, say("minimum", { least: FACTS.least }));
  fill(node, ground, el("p", { class: "note" }, say("circles")), few, tableOf(rows));
  const watch = new IntersectionObserver(
    ([seen]) => {
      if (!seen.isIntersecting) return;
      watch.disconnect();
      draw(openMap(ground), rows);
    },
    { rootMargin: "200px" },
  );
  watch.observe(ground);
}

function draw(map, rows) {
  const most = Math.max(1, ...rows.map((row) => row.redeemed ?? 0));
  const circles = rows.map((row) => {
    L.circle([row.lat, row.lon], { radius: row.radius_m, interactive: false, ...fenceStyle("fence"), weight: 1, fillOpacity: 0 }).addTo(map);
    const radius = LEAST + (MOST - LEAST) * Math.sqrt((row.redeemed ?? 0) / most);
    if (radius >= ROOMY) L.tooltip({ permanent: true, direction: "center", className: "figure" }).setLatLng([row.lat, row.lon]).setContent(label(count(row.redeemed))).addTo(map);
    const circle = L.circleMarker([row.lat, row.lon], { radius, weight: 2, ...styleOf(row) });
    const named = `${row.name}: ${told(row)}`;
    circle.bindTooltip(label(named)).bindPopup(() => about(row)).addTo(map); // made as it opens: its link is that of the view then
    return button(circle, named);
  });
  whenSheetChanges(() => circles.forEach((circle, index) => circle.setStyle(styleOf(rows[index]))));
  map.fitBounds(L.latLngBounds(rows.map((row) => [row.lat, row.lon])), { padding: [40, 40], maxZoom: 15, animate: false });
}

/** A circle is a button: Enter and the space bar open what it tells and go there, Escape comes back to it. */
function button(circle, name) {
  const node = circle.getElement();
  for (const [key, value] of Object.entries({ role: "button", tabindex: 0, "aria-label": name })) node.setAttribute(key, value);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    circle.openPopup();
    find(".leaflet-popup-content a", circle.getPopup().getElement()).focus();
  });
  circle.on("popupopen", ({ popup }) => {
    const shown = popup.getElement();
    find(".leaflet-popup-close-button", shown).setAttribute("aria-label", say("close"));
    shown.onkeydown = ({ key }) => key === "Escape" && circle.closePopup();
  });
  circle.on("popupclose", () => document.activeElement === document.body && node.focus({ preventScroll: true }));
  return circle;
}

const styleOf = (row) =>
  row.suppressed
    ? { color: colour("quiet"), fill: true, fillOpacity: 0, dashArray: "4 4" }
    : { color: colour("accent"), fillColor: colour("accent"), fillOpacity: 0.35, dashArray: null };

const told = (row) => (row.suppressed ? say("few") : say("redeemed_of", { redeemed: count(row.redeemed), decided: count(row.decided) }));
const only = (row, text) => el("a", { href: `${narrowed({ store_id: row.store_id })}#table` }, text);

const about = (row) =>
  el("div", {}, el("strong", {}, row.name), el("p", {}, told(row), !row.suppressed && row.value && ` ${say("worth", { value: money(row.value) })}`), only(row, say("narrow", { name: row.name })));

function tableOf(rows) {
  const head = (text, kind = "number") => el("th", { scope: "col", class: kind }, text);
  const number = (text) => el("td", { class: "number" }, text);
  const table = el(
    "table",
    { class: "list" },
    el("thead", {}, el("tr", {}, head(say("store"), ""), head(say("decided")), head(say("redeemed")), head(say("value")))),
    el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row" }, only(row, row.name)), row.suppressed ? el("td", { colspan: 3 }, say("few")) : [number(count(row.decided)), number(count(row.redeemed)), number(money(row.value))]))),
  );
  return el("details", {}, el("summary", {}, say("as_table")), el("div", { class: "scroll" }, table));
}
