// Ways to walk: a track out of a GPX file with its own times, points that were clicked, and what lies between two points.

const EARTH_M = 6371008.8;
const WALKING_MPS = 1.4;
const STEP_S = 5;
const radians = (degrees) => (degrees * Math.PI) / 180;

/** How far apart two points [lat, lon] are, in metres (haversine; good enough to draw by). */
export function metres([lat, lon], [toLat, toLon]) {
  const half = Math.sin(radians(toLat - lat) / 2) ** 2 + Math.cos(radians(lat)) * Math.cos(radians(toLat)) * Math.sin(radians(toLon - lon) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(Math.min(1, half)));
}

/** The point so many metres north and east of another. */
export function off([lat, lon], north, east) {
  const to = Math.max(-90, Math.min(90, lat + (north / EARTH_M) * (180 / Math.PI)));
  const wide = (east / (EARTH_M * Math.max(0.01, Math.cos(radians(lat))))) * (180 / Math.PI);
  return [to, ((lon + wide + 540) % 360) - 180];
}

/**
 * Read the points of a GPX document, each {at: [lat, lon], s: seconds from the first}; [] where there are none. By its tags and
 * not by the browser's parser, which answers a broken file by a page with styles that these pages do not allow.
 */
export function readGpx(text) {
  const bare = text.replace(/<!--[^]*?-->|<!\[CDATA\[[^]*?\]\]>/g, "");
  const found = [...bare.matchAll(POINT)];
  const read = found.map((each, place) => pointOf(each[1], bare.slice(each.index + each[0].length, found[place + 1]?.index))).filter((each) => each !== null);
  const timed = read.length > 1 && read.every((each) => Number.isFinite(each.ms));
  if (!timed) return paced(read.map((each) => each.at));
  read.sort((one, other) => one.ms - other.ms);
  return read.map((each) => ({ at: each.at, s: (each.ms - read[0].ms) / 1000 }));
}

const POINT = /<(?:[\w.-]+:)?(?:trkpt|rtept)\b([^>]*)>/g;
const END = /<\/(?:[\w.-]+:)?(?:trkpt|rtept)\s*>/;
const TIME = /<(?:[\w.-]+:)?time\b[^>]*>([^<]*)</;

function pointOf(attributes, behind) {
  const [lat, lon] = ["lat", "lon"].map((name) => Number(new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(attributes)?.[1] || NaN));
  if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) return null;
  const inside = attributes.endsWith("/") ? "" : behind.split(END, 1)[0];
  return { at: [lat, lon], ms: Date.parse(TIME.exec(inside)?.[1].trim() ?? "") };
}

/** Give points the times of somebody who walks along them, with a point every few seconds between them. */
export function paced(points, mps = WALKING_MPS) {
  const way = [];
  let s = 0;
  points.forEach((point, index) => {
    if (index > 0) {
      const from = points[index - 1];
      const long = metres(from, point) / mps;
      const steps = Math.max(1, Math.ceil(long / STEP_S));
      for (let step = 1; step < steps; step += 1) way.push({ at: between(from, point, step / steps), s: s + (long * step) / steps });
      s += long;
    }
    way.push({ at: point, s });
  });
  return way;
}

/** The point at a share of the way between two; where that crosses the antimeridian, on the shorter side. */
export function between([lat, lon], [toLat, toLon], share) {
  const east = ((toLon - lon + 540) % 360) - 180;
  return [lat + (toLat - lat) * share, ((lon + east * share + 540) % 360) - 180];
}

/** How long a way is, in metres. */
export const length = (way) => way.slice(1).reduce((sum, each, index) => sum + metres(way[index].at, each.at), 0);

/** How long it takes, in seconds. */
export const duration = (way) => (way.length ? way[way.length - 1].s : 0);
