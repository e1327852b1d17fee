// The form of a dry run: who, where, when and under which sky; and the context that it states.
import { all, el } from "./dom.js";
import { count, LANGUAGE, say } from "./words.js";
import { wallOf } from "./zone_time.js";

const KINDS = ["clear", "clouds", "fog", "drizzle", "rain", "sleet", "snow", "hail", "thunderstorm", "wind"];
const HAPPENS = ["enters", "inside", "leaves", "schedule", "weather_change", "event"];
const STARTS = { dwell: "inside", inside: "inside", exit: "leaves", schedule: "schedule", weather_change: "weather_change", event: "event" };

let made = 0;

/** A labelled input; `name` is how the form and complaints find it. */
export function field(label, input, { tick = false } = {}) {
  input.id ||= `dry-${(made += 1)}`;
  return el("label", { class: tick ? "tick" : null }, tick ? [input, label] : [label, input]);
}

const option = (value, text, selected = false) => el("option", { value, selected }, text);
const figure = (name, low, high, required = false) => el("input", { type: "number", name, min: low, max: high, step: "any", inputmode: "decimal", required });

/** Build the form. `places` are fences (`more`: the first so many, where there are others), `when` is what sets the offer off (undefined: any). */
export function buildForm({ places, more, segments, locales, when, zone, buttons }) {
  const now = wallOf(new Date(), zone);
  return el("form", { class: "dry", novalidate: false },
    el("fieldset", {}, el("legend", {}, say("dry_where")), whereFields(places, more, when, now)),
    el("fieldset", {}, el("legend", {}, say("dry_weather")), el("div", { class: "grid" },
      field(say("dry_kind"), el("select", { name: "kind" }, option("", say("dry_unknown")), KINDS.map((kind) => option(kind, say(`kind_${kind}`))))),
      field(say("dry_temperature"), figure("temperature_c", -95, 65)),
      field(say("dry_rain"), figure("precipitation_mm", 0, 2500)),
      field(say("dry_wind"), figure("wind_mps", 0, 140)))),
    el("details", {}, el("summary", {}, say("dry_customer")), customerFields(segments, locales)),
    el("div", { class: "buttons" }, buttons));
}

/** What may be chosen as a place: stores, fences, or a point. */
export function placeOptions(places) {
  const listed = (name, kept) => (kept.length ? el("optgroup", { label: say(name) }, kept.map((each) => option(each.id, each.name))) : null);
  return [listed("dry_stores", places.filter((each) => each.store_id)), listed("dry_fences", places.filter((each) => !each.store_id)), option("", say("dry_point"))];
}

function whereFields(places, more, when, now) {
  const select = el("select", { name: "place" }, placeOptions(places));
  const starts = STARTS[when?.trigger] ?? "enters";
  return [
    places.length ? null : el("p", { class: "note" }, say("dry_no_places")),
    more ? [field(say("dry_find"), el("input", { type: "search", name: "sought", maxlength: 100, autocomplete: "off" })),
      el("p", { class: "note found", role: "status" }, say("dry_first", { count: count(more) }))] : null,
    el("div", { class: "grid" },
      field(say("dry_place"), select),
      field(say("dry_date"), el("input", { type: "date", name: "date", value: now.date, required: true, min: "1980-01-02", max: "2099-12-30" })),
      field(say("dry_time"), el("input", { type: "time", name: "time", value: now.time, required: true })),
      field(say("dry_happens"), el("select", { name: "happens" }, HAPPENS.map((each) => option(each, say(`dry_${each}`), each === starts)))),
      el("div", { class: "only-inside" }, field(say("dry_minutes"), el("input", { type: "number", name: "minutes", min: 0, max: 10080, step: "any", value: minutesOf(when?.dwell) }))),
      el("div", { class: "only-event" }, field(say("dry_event_name"), el("input", { name: "event", maxlength: 200, value: when?.event ?? "purchase" })))),
    el("div", { class: "only-point" },
      el("div", { class: "grid" }, field(say("dry_latitude"), figure("lat", -90, 90, true)), field(say("dry_longitude"), figure("lon", -180, 180, true))),
      el("div", { class: "map small" })),
  ];
}

/** How many minutes to begin with: the dwell time that the offer asks for, else half an hour. */
function minutesOf(dwell) {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(dwell ?? "");
  if (!found) return 30;
  const [weeks, days, hours, minutes, seconds] = found.slice(1).map((each) => Number(each ?? 0));
  return (weeks * 7 + days) * 1440 + hours * 60 + minutes + seconds / 60;
}

function customerFields(segments, locales) {
  const past = el("div", { class: "past" });
  const tick = (name, text, checked = true) => field(text, el("input", { type: "checkbox", name, checked }), { tick: true });
  const mine = locales.find((each) => each.split("-")[0] === LANGUAGE) ?? locales[0];
  return [
    field(say("dry_locale"), el("select", { name: "locale" }, locales.map((each) => option(each, each, each === mine)))),
    segments.length ? el("fieldset", {}, el("legend", {}, say("dry_segments")),
      el("div", { class: "ticks" }, segments.map((name) => field(name, el("input", { type: "checkbox", name: "segment", value: name }), { tick: true })))) : null,
    field(say("dry_other_segments"), el("input", { name: "segments", maxlength: 2000 })),
    field(say("dry_attributes"), el("textarea", { name: "attributes", rows: 3, maxlength: 8000, spellcheck: "false" })),
    el("fieldset", {}, el("legend", {}, say("dry_consents")), el("div", { class: "ticks" },
      ["location", "push", "profiling"].map((name) => tick(name, say(`dry_${name}`))), tick("foreground", say("dry_foreground")))),
    el("fieldset", {}, el("legend", {}, say("dry_history")), past,
      el("button", { type: "button", class: "quiet", onclick: () => past.append(pastRow()) }, say("dry_past_add"))),
  ];
}

function pastRow() {
  const kinds = ["moment", "redemption", "event"].map((kind) => option(kind, say(`dry_past_${kind}`)));
  const row = el("div", { class: "grid past-row" },
    field(say("dry_past_what"), el("select", { name: "past_kind" }, kinds)),
    field(say("dry_past_name"), el("input", { name: "past_name", maxlength: 200, required: true })),
    field(say("dry_past_ago"), el("input", { name: "past_ago", type: "number", min: 0, max: 87600, step: "any", value: 24, required: true })),
    el("button", { type: "button", class: "quiet", onclick: () => (row.parentElement.nextElementSibling.focus(), row.remove()) }, say("dry_past_remove")));
  return row;
}

/** Show the fields that what was chosen needs; those that are not shown are not asked. */
export function showWhatCounts(form) {
  const show = (name, there) => {
    all(`.only-${name}`, form).forEach((each) => (each.hidden = !there));
    all(`.only-${name} input`, form).forEach((each) => (each.disabled = !there));
  };
  show("point", !form.elements.place.value);
  show("inside", form.elements.happens.value === "inside");
  show("event", form.elements.happens.value === "event");
}

/** Put a complaint of the server's at the field that it is about; false where no field is. */
export function complain(form, { field: path, message }) {
  const names = { at: "date", fix: "lat", "trigger.name": "event", "customer.segments": "segments", "customer.attributes": "attributes" };
  const last = path.split(".").pop();
  const name = names[path] ?? Object.entries(names).find(([start]) => path.startsWith(start))?.[1] ?? last;
  const input = form.elements[name];
  if (!(input instanceof Element)) return false;
  const told = el("span", { class: "complaint", id: `${input.id}-wrong` }, message);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", told.id);
  input.after(told);
  return true;
}

/** Take all complaints away. */
export function calm(form) {
  all(".complaint", form).forEach((each) => each.remove());
  all("[aria-invalid]", form).forEach((each) => ["aria-invalid", "aria-describedby"].forEach((name) => each.removeAttribute(name)));
}

