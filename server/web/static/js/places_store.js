// The form of one store: where it is, when it is open, which holidays count there.
import { call } from "./api.js";
import { el, fill } from "./dom.js";
import { drawCircle } from "./draw_circle.js";
import { hoursField } from "./hours.js";
import { ask, tell } from "./frame.js";
import { fenceStyle } from "./map.js";
import { checked, complain, ending, field, figure, quieten, read, tagsField, text, watch } from "./places_form.js";
import { holidays } from "./places_holidays.js";
import { FACTS, say } from "./words.js";

const ZONES = Intl.supportedValuesOf?.("timeZone") ?? [];

/**
 * Fill `panel` with the form of a store (without an id: a new one) and draw its circle on the map.
 * `saved(store)`, `close()` and `remove(store)` hear what is done. Answers {end, changed}: `end` ends the drawing, `changed`
 * tells whether anything stands there that is not saved.
 */
export function storeForm(panel, map, store, { saved, close, remove, naming }) {
  const readonly = !FACTS.writes;
  const inputs = {
    name: text(store.name, { maxlength: FACTS.longest.name, required: true, readonly }),
    lat: figure(store.lat, { readonly }),
    lon: figure(store.lon, { readonly }),
    radius_m: figure(store.radius_m, { readonly, min: FACTS.radius.least, max: FACTS.radius.most }),
    address: text(store.address, { maxlength: 500, readonly }),
    time_zone: text(store.time_zone, { list: "zones", readonly }),
    country: text(store.country, { maxlength: 2, size: 4, readonly }),
    region: text(store.region, { maxlength: 10, list: "regions", readonly }),
  };
  const tags = tagsField(store.tags ?? [], { readonly });
  const hours = hoursField(store.hours ?? null, { readonly });
  const days = holidays();
  const narrow = el("p", { class: "note narrow" });

  const circle = drawCircle(map, circleOf(), {
    ...FACTS.radius,
    style: fenceStyle("store"),
    fixed: readonly,
    changed(now) {
      for (const name of ["lat", "lon", "radius_m"]) inputs[name].value = now[name];
      warn();
    },
  });

  function circleOf() {
    return { lat: read(inputs.lat) ?? 0, lon: read(inputs.lon) ?? 0, radius_m: read(inputs.radius_m) };
  }

  function warn() {
    const radius = read(inputs.radius_m);
    narrow.textContent = radius !== null && radius < FACTS.radius.sure ? say("narrow", { sure: FACTS.radius.sure }) : "";
  }

  for (const name of ["lat", "lon", "radius_m"])
    inputs[name].addEventListener("input", () => {
      if (read(inputs.lat) !== null && read(inputs.lon) !== null) circle.set(circleOf());
      warn();
    });
  const look = () => days.ask(inputs.country.value, inputs.region.value);
  inputs.country.addEventListener("input", () => {
    inputs.country.value = inputs.country.value.toUpperCase();
    look();
  });
  inputs.region.addEventListener("input", look);

  const form = el(
    "form",
    { novalidate: true, onsubmit: (event) => save(event) },
    el("h2", { tabindex: "-1" }, store.id ? store.name : say("new_store")),
    naming,
    field("name", inputs.name),
    el("div", { class: "three" }, field("lat", inputs.lat), field("lon", inputs.lon), field("radius_m", inputs.radius_m)),
    narrow,
    !readonly && el("p", { class: "note" }, say("circle_hint")),
    field("address", inputs.address),
    tags.node,
    hours.node,
    el("div", { class: "two" }, field("country", inputs.country, { hint: say("country_hint") }), field("region", inputs.region, { hint: say("region_hint") })),
    days.node,
    field("time_zone", inputs.time_zone, { hint: say("time_zone_hint") }),
    el("datalist", { id: "zones" }, ZONES.map((zone) => el("option", { value: zone }))),
    days.regions,
    ending({ readonly, close, remove: store.id && (() => remove(store)) }),
  );

  async function save(event) {
    event.preventDefault();
    quieten(form);
    const body = {
      name: inputs.name.value,
      ...{ lat: read(inputs.lat), lon: read(inputs.lon), radius_m: read(inputs.radius_m) },
      ...Object.fromEntries(["address", "time_zone", "country", "region"].map((name) => [name, inputs[name].value.trim() || null])),
      tags: tags.read(),
    };
    const week = hours.read();
    const wrong = [...checked(body, { before: store.radius_m }), ...(week.errors ?? [])];
    if (wrong.length) return complain(form, wrong);
    return send(form, store.id ? `/v1/stores/${store.id}` : "/v1/stores", { ...body, hours: week.hours }, store, saved);
  }

  fill(panel, form);
  warn();
  look();
  return { end: () => circle.end(), changed: watch(form) };
}

/** Send a place; what the server refuses is told at its field. Once made, a form that is sent again makes nothing twice. */
export async function send(form, path, body, place, saved) {
  const button = form.querySelector("[type=submit]");
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  const key = JSON.stringify(body);
  if (form.key?.body !== key) form.key = { body: key, key: crypto.randomUUID() };
  try {
    const answer = await (place.id ? write(path, body, place) : call("POST", path, { body, key: form.key.key }));
    if (answer) await saved(answer.body);
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    complain(form, problem.errors.length ? problem.errors : [{ field: "", message: problem.message }]);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Write over the place as it was read; where somebody has changed it since, ask whose stays. Undefined: theirs. */
async function write(path, body, { name, updated_at: since }) {
  try {
    return await call("PUT", `${path}?unchanged_since=${encodeURIComponent(since)}`, { body });
  } catch (problem) {
    if (problem.code !== "place_changed") throw problem;
    if (await ask(say("overtaken", { name }), { yes: say("write_over"), no: say("look_first") }))
      return write(path, body, { name, updated_at: problem.told.updated_at });
    tell(say("overtaken_kept"), { wrong: true });
    return undefined;
  }
}
