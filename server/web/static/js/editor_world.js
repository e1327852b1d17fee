// What documents may name: stores and fences with their tags, segments, offers. Read once, in the background, page by page.
import { call } from "./api.js";
import { el, fill, find } from "./dom.js";

const PAGE = 200;
const AT_FIRST = 2000;
const MOST = 50000;

/** Places as {id, own, name, address, tags, lat, lon, kind}; `own` is the id of a store's own fence, which documents may name too. */
export const world = { places: [], tags: new Map(), ready: false, calls: [], want: () => {} };

/** A large chain is read to its end once somebody picks among its places, or names one that is not known yet. */
const wanted = new Promise((resolve) => {
  world.want = resolve;
});

/** The place of an id, be it a store's, that of its fence, or a free fence's. */
export const placeOf = (id) => world.places.find((place) => place.id === id || place.own === id);

async function each(path, take) {
  let cursor = null;
  for (let read = 0; read < MOST; read += PAGE) {
    if (read >= AT_FIRST) await wanted;
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor ? { cursor } : {}) });
    const { body } = await call("GET", `${path}?${query}`);
    take(body.items);
    cursor = body.next;
    if (!cursor) return;
  }
}

function know(place) {
  world.places.push(place);
  for (const tag of place.tags) world.tags.set(tag, (world.tags.get(tag) ?? 0) + 1);
}

const store = (each) =>
  know({
    id: each.id,
    own: each.geofence_id,
    name: each.name,
    address: each.address ?? "",
    tags: each.tags,
    lat: each.lat,
    lon: each.lon,
    kind: "store",
  });

function fence(each) {
  if (each.store_id) return;
  const [lat, lon] = each.lat === null ? middle(each.geometry.coordinates.flat(Infinity)) : [each.lat, each.lon];
  know({ id: each.id, own: null, name: each.name, address: "", tags: each.tags, lat, lon, kind: "fence" });
}

/** The middle of the box around a list lon, lat, lon, lat, … */
function middle(numbers) {
  const halves = [1, 0].map((from) => numbers.filter((_, at) => at % 2 === from));
  return halves.map((line) => (line.reduce((a, b) => Math.min(a, b)) + line.reduce((a, b) => Math.max(a, b))) / 2);
}

const listed = (id, words) =>
  fill(
    find(`#list-${id}`),
    [...words].map((value) => el("option", { value })),
  );

/** Read everything; `changed` is called as more is known. */
export async function explore(changed) {
  const names = (path, id) => {
    const found = [];
    return each(path, (items) => listed(id, found.splice(found.length, 0, ...items.map((item) => item.name)) && found));
  };
  const tell = () => {
    listed("tags", world.tags.keys());
    changed();
  };
  const both = each("/v1/stores", (items) => {
    items.forEach(store);
    tell();
  }).then(() =>
    each("/v1/geofences", (items) => {
      items.forEach(fence);
      tell();
    }),
  );
  await Promise.all([both, names("/v1/segments", "segments"), names("/v1/offers", "offers")]);
  world.ready = true;
  changed();
}
