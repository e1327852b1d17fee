// A circle to be drawn: its middle is dragged or clicked, its radius is a handle on the edge.
import { degrees, handle } from "./draw_handle.js";
import { say } from "./words.js";

const { L } = window;

/**
 * Draw a circle {lat, lon, radius_m} on the map; `changed` hears what it has become by hand. `least` and `most` bound the radius.
 * Answers {set, end}: `set` shows what was typed, `end` takes it off the map.
 */
export function drawCircle(map, circle, { style, least, most, changed, fixed = false }) {
  let middle = L.latLng(circle.lat, circle.lon);
  let radius = circle.radius_m;
  const shape = L.circle(middle, { ...style, radius: shown(radius), interactive: false }).addTo(map);
  const named = (kind, name, moved) => handle(map, middle, { kind, name, moved, drag: !fixed });
  const pin = named("pin", say("drag_middle"), (at) => put(at, radius));
  const edge = fixed ? null : named("edge", say("drag_edge"), (at, done) => put(middle, bound(map.distance(middle, at)), done));

  function put(at, metres, done = true) {
    middle = at;
    radius = metres;
    place(done);
    changed({ ...degrees(middle), radius_m: radius });
  }

  function place(whole = true) {
    shape.setLatLng(middle).setRadius(shown(radius));
    pin.setLatLng(middle);
    if (whole) edge?.setLatLng(east(middle, shown(radius)));
  }

  const bound = (metres) => Math.max(least, Math.min(most, Math.round(metres)));
  const click = (event) => put(event.latlng, radius);
  if (!fixed) map.on("click", click);
  place();
  return {
    set(now) {
      middle = L.latLng(now.lat, now.lon);
      radius = now.radius_m;
      place();
    },
    end() {
      map.off("click", click);
      for (const layer of [shape, pin, edge]) layer?.remove();
    },
  };
}

/** A radius that is being typed may be nothing yet. */
const shown = (radius) => (Number.isFinite(radius) && radius > 0 ? radius : 0);

/** The point so many metres east. */
function east(middle, metres) {
  const lon = metres / (111320 * Math.max(0.01, Math.cos((middle.lat * Math.PI) / 180)));
  return L.latLng(middle.lat, middle.lng + lon);
}
