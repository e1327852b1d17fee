// The settings in force: found by name or reason, with where each value comes from.
import { badge, cell, table } from "./admin_parts.js";
import { call } from "./api.js";
import { el, fill, soon } from "./dom.js";
import { say } from "./words.js";

/** Show them all, and a field to find some. */
export async function show(place) {
  const { body } = await call("GET", "/v1/settings");
  const text = el("input", { type: "search", autocomplete: "off" });
  const changed = el("input", { type: "checkbox" });
  const list = el("section", { class: "panel", "aria-live": "polite" });
  const draw = () => fill(list, listed(body.items.filter((each) => fits(each, text.value, changed.checked))));
  text.addEventListener("input", soon(draw, 120));
  changed.addEventListener("change", draw);
  fill(
    place,
    el("div", { class: "line" }, el("label", {}, say("find_setting"), text), el("label", { class: "tick" }, changed, say("only_changed"))),
    list,
  );
  draw();
}

const fits = (item, text, changed) =>
  (!changed || item.origin !== "default") && `${item.name} ${item.reason}`.toLowerCase().includes(text.trim().toLowerCase());

function listed(items) {
  const heads = [say("setting"), say("value"), say("usual"), say("origin")];
  return table(heads, items.map(row), { empty: say("no_settings"), kind: "settings" });
}

const written = (value) => (typeof value === "string" ? value || "–" : JSON.stringify(value));

function row(item) {
  const same = JSON.stringify(item.value) === JSON.stringify(item.default);
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, el("code", {}, item.name), el("small", { lang: "en" }, item.reason)),
    cell(say("value"), same ? written(item.value) : el("strong", {}, written(item.value))),
    cell(say("usual"), same ? "" : written(item.default)),
    cell(say("origin"), badge(say(`origin_${item.origin}`))),
  );
}
