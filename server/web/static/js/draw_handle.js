// Handles on a map: dragged by mouse and finger, or moved with the arrow keys; a handle says what it is.
const { L } = window;

const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const STEP_PX = 4;
const FAR_PX = 40;

/**
 * Put a handle on the map. `kind` is a class of the sheet (pin, edge, corner, between), `name` what it is called aloud;
 * `moved(latlng, done)` hears where it is being moved to, `pressed(event)` other keys.
 */
export function handle(map, at, { kind, name, moved, pressed, drag = true }) {
  const icon = L.divIcon({ className: `handle ${kind}`, iconSize: [24, 24] });
  const marker = L.marker(at, { icon, draggable: drag, keyboard: true, autoPanOnFocus: false, zIndexOffset: 1000 }).addTo(map);
  const node = marker.getElement();
  node.setAttribute("aria-label", name);
  marker.on("drag", () => moved?.(marker.getLatLng(), false));
  marker.on("dragend", () => moved?.(marker.getLatLng(), true));
  node.addEventListener("keydown", (event) => {
    const step = drag ? STEPS[event.key] : undefined;
    if (!step) return pressed?.(event);
    event.preventDefault();
    event.stopPropagation();
    const far = event.shiftKey ? FAR_PX : STEP_PX;
    const point = map.latLngToContainerPoint(marker.getLatLng()).add([step[0] * far, step[1] * far]);
    marker.setLatLng(map.containerPointToLatLng(point));
    moved?.(marker.getLatLng(), true);
  });
  return marker;
}

/** Degrees as we keep them: a tenth of a metre, and on the earth once. */
export const degrees = (at) => {
  const { lat, lng } = L.latLng(at).wrap();
  return { lat: round(Math.max(-90, Math.min(90, lat))), lon: round(lng) };
};

const round = (value) => Math.round(value * 1e6) / 1e6;
