// From what the form says to the context that POST …/dry-run takes.
import { all } from "./dom.js";
import { instantOf } from "./zone_time.js";

const METRES = 111320;
const MINUTE = 60000;

/** State the context, with the date and time as a clock in `zone` shows them. `place` is the chosen fence, if one is. */
export function contextOf(form, place, zone) {
  const at = instantOf(form.elements.date.value, form.elements.time.value, zone);
  const happens = form.elements.happens.value;
  const back = (ms) => new Date(at - ms).toISOString();
  const spot = place ? middleOf(place) : { lat: Number(form.elements.lat.value), lon: Number(form.elements.lon.value) };
  const fix = happens === "leaves" && place ? besides(place) : spot;
  const body = { at: at.toISOString(), fix: { ...fix, accuracy_m: 8 }, customer: customerOf(form, back), foreground: form.elements.foreground.checked };
  const minutes = happens === "inside" ? Number(form.elements.minutes.value || 0) : 30;
  if (place && happens !== "enters") body.before = { inside: [{ geofence_id: place.id, since: back(minutes * MINUTE) }] };
  if (place && happens === "leaves") body.before.last_fix = { ...fix, accuracy_m: 8, at: back(MINUTE) };
  if (happens === "schedule" || happens === "weather_change") body.trigger = { type: happens };
  if (happens === "event") body.trigger = { type: "event", name: form.elements.event.value };
  const weather = weatherOf(form);
  if (weather) body.weather = weather;
  return body;
}

function weatherOf(form) {
  const weather = {};
  if (form.elements.kind.value) weather.kind = form.elements.kind.value;
  for (const name of ["temperature_c", "precipitation_mm", "wind_mps"])
    if (form.elements[name].value !== "") weather[name] = Number(form.elements[name].value);
  return Object.keys(weather).length ? weather : undefined;
}

function customerOf(form, back) {
  const customer = { locale: form.elements.locale.value, consents: {}, moments: [], redemptions: [], events: [] };
  for (const name of ["location", "push", "profiling"]) customer.consents[name] = form.elements[name].checked;
  const named = form.elements.segments.value.split(",").map((each) => each.trim()).filter(Boolean);
  customer.segments = [...new Set([...all("input[name=segment]:checked", form).map((each) => each.value), ...named])];
  customer.attributes = attributesOf(form.elements.attributes.value);
  for (const row of all(".past-row", form)) {
    const [kind, name, ago] = ["past_kind", "past_name", "past_ago"].map((each) => row.querySelector(`[name=${each}]`).value);
    const at = back(Number(ago) * 60 * MINUTE);
    if (kind === "event") customer.events.push({ name, at });
    else customer[kind === "moment" ? "moments" : "redemptions"].push({ offer: name, at });
  }
  return customer;
}

function attributesOf(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? [line, true] : [line.slice(0, at).trim(), valueOf(line.slice(at + 1).trim())];
  }));
}

function valueOf(text) {
  if (text === "true" || text === "false") return text === "true";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The middle of a fence: a circle's own, an area's by the box around it. */
export function middleOf(place) {
  if (place.lat !== null) return { lat: place.lat, lon: place.lon };
  const { lats, lons } = cornersOf(place);
  return { lat: (Math.min(...lats) + Math.max(...lats)) / 2, lon: (Math.min(...lons) + Math.max(...lons)) / 2 };
}

/** A point surely outside of a fence, north of it. */
function besides(place) {
  const middle = middleOf(place);
  const reach = place.radius_m ?? (Math.max(...cornersOf(place).lats) - middle.lat) * METRES;
  return { lat: middle.lat + (reach * 1.3 + 150) / METRES, lon: middle.lon };
}

function cornersOf(place) {
  const corners = place.geometry.coordinates.flat(Infinity);
  return { lats: corners.filter((_, at) => at % 2 === 1), lons: corners.filter((_, at) => at % 2 === 0) };
}
