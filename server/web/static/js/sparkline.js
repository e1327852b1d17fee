// A line of days, small enough for a table; what it says is also there as text.
import { el, svg } from "./dom.js";

const WIDTH = 112;
const HEIGHT = 26;

/** Draw values as a line (over days that are not known, null, it goes straight on), with its meaning as a text alternative and one figure beside it. */
export function sparkline(values, meaning, figure) {
  const most = Math.max(1, ...values.map((each) => each ?? 0));
  const step = WIDTH / Math.max(1, values.length - 1);
  const known = values.map((each, at) => ({ each, x: (at * step).toFixed(1) })).filter(({ each }) => each !== null);
  const points = known.map(({ each, x }) => `${x},${(HEIGHT - (each / most) * (HEIGHT - 2) - 1).toFixed(1)}`);
  const shape = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": meaning },
    svg("polygon", { class: "area", points: `${known[0].x},${HEIGHT} ${points.join(" ")} ${known.at(-1).x},${HEIGHT}` }),
    svg("polyline", { points: points.join(" ") }));
  return el("span", { class: "spark" }, shape, el("span", { class: "number" }, figure));
}
