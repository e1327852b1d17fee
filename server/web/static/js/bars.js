// Bars by day, drawn from the values alone; the page has them as a table too.
import { svg } from "./dom.js";

const WIDTH = 640;
const HEIGHT = 120;

/** Draw one bar a value (null: not told, a hatched stub), with what it all means as a text alternative. */
export function bars(values, meaning, titles = []) {
  const most = Math.max(1, ...values.map((each) => each ?? 0));
  const step = WIDTH / Math.max(values.length, 1);
  const drawn = values.map((value, at) => {
    const height = value === null ? 4 : Math.max((value / most) * HEIGHT, value ? 1 : 0);
    const kind = value === null ? "bar untold" : "bar";
    const place = { x: at * step + step * 0.12, y: HEIGHT - height, width: step * 0.76, height };
    return svg("rect", { class: kind, ...place }, titles[at] ? svg("title", {}, titles[at]) : null);
  });
  return svg("svg", { class: "bars", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": meaning }, drawn);
}
