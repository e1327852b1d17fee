// A line of days, small enough for a table; what it says is also there as text.
import { el, svg } from "./dom.js";

const WIDTH = 112;
const HEIGHT = 26;

/** Draw values (null is not known) as a line, with its meaning as a text alternative and one figure beside it. */
export function sparkline(values, meaning, figure) {
  const most = Math.max(1, ...values.map((each) => each ?? 0));
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((each, at) => `${(at * step).toFixed(1)},${(HEIGHT - ((each ?? 0) / most) * (HEIGHT - 2) - 1).toFixed(1)}`);
  const shape = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": meaning },
    svg("polygon", { class: "area", points: `0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}` }),
    svg("polyline", { points: points.join(" ") }));
  return el("span", { class: "spark" }, shape, el("span", { class: "number" }, figure));
}
