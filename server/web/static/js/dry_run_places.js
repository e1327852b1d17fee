// Where a dry run may be: the first places of the house, those that the offer means, and any other that is searched for.
import { call, everything, Problem } from "./api.js";
import { fill, find, soon } from "./dom.js";
import { placeOptions } from "./dry_run_form.js";
import { attempt } from "./frame.js";
import { count, say } from "./words.js";

const FIRST = 1000;
const NAMED = 10;
const FOUND = 50;

/** The fences to choose from; `more`: how many first ones they are where there are others, else 0. `when` is the offer's. */
export async function loadPlaces(when) {
  const places = await everything("/v1/geofences", { most: FIRST });
  const more = places.length < FIRST ? 0 : places.length;
  if (more) join(places, await meantBy(when?.places ?? {}, places));
  return { places, more };
}

/** Begin at a place that the offer means. */
export function choosePlace(form, { places, when }) {
  const meant = when?.places ?? {};
  const found = places.find((each) => isAmong(meant.ids, each) || each.tags.includes(meant.tag));
  form.elements.place.value = (found ?? places.find((each) => each.store_id) ?? places[0])?.id ?? "";
}

const isAmong = (ids, place) => Boolean(ids?.includes(place.id) || ids?.includes(place.store_id));
const join = (places, others) => places.push(...others.filter((other) => !places.some((each) => each.id === other.id)));

/** Some of the places that an offer means, where they are not among the first. */
async function meantBy({ ids = [], tag }, places) {
  if (tag) return places.some((each) => each.tags.includes(tag)) ? [] : search({ tag });
  const missing = ids.filter((id) => !places.some((each) => isAmong([id], each))).slice(0, NAMED);
  return (await Promise.all(missing.map(fenceOf))).filter(Boolean);
}

/** The fence of an id, which may be that of the fence's store. */
async function fenceOf(id) {
  const store = await there(`/v1/stores/${encodeURIComponent(id)}`);
  return there(`/v1/geofences/${encodeURIComponent(store?.geofence_id ?? id)}`);
}

async function there(path) {
  try {
    return (await call("GET", path)).body;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

async function search(asked) {
  const { body } = await call("GET", `/v1/geofences?${new URLSearchParams({ limit: String(FOUND), ...asked })}`);
  return body.items;
}

/** Have others found by words: what matches is listed, and its first chosen; without words the list is as it was. */
export function attachSearch(form, { places, more }) {
  const { place: select, sought } = form.elements;
  if (!sought) return;
  const first = [...places];
  let asked = 0;
  const show = (listed, chosen) => {
    fill(select, placeOptions(listed));
    select.value = chosen;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const look = async () => {
    const q = sought.value.trim();
    const mine = (asked += 1);
    const found = q ? await search({ q }) : [];
    if (mine !== asked) return; // something else was typed since
    join(places, found);
    const here = places.find((each) => each.id === select.value);
    if (found.length) show(found, (found.find((each) => each === here) ?? found[0]).id);
    else if (!q) show(here && !first.includes(here) ? [here, ...first] : first, select.value);
    const told = !q ? "dry_first" : !found.length ? "dry_found_none" : found.length < FOUND ? "dry_found" : "dry_found_first";
    find(".found", form).textContent = say(told, { count: count(q ? found.length : more) });
  };
  sought.addEventListener("input", soon(() => attempt(look), 250));
  sought.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would try the offer at another place than the one that comes
  });
}
