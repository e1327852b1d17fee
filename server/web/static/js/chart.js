// Lines over a row of names (days, hours), drawn by uPlot in the colours of the sheet.
// The page must load /static/vendor/uplot/uPlot.min.css and uPlot.iife.min.js before its module.
import { colour, whenSheetChanges } from "./colours.js";
import { count } from "./words.js";

const DASH = [6, 5];
const ROOM = 84;

/**
 * Draw lines into an element: lines({names, lines: [{values, dashed}], height, hover}). A value that is null is a gap.
 * `hover` is told the index that is pointed at, or null. Answers {canvas, change(drawn), end}.
 */
export function drawLines(node, drawn) {
  let chart = make(node, drawn);
  const again = () => {
    chart.destroy();
    chart = make(node, drawn);
  };
  const sized = new ResizeObserver(() => {
    if (node.clientWidth && node.clientWidth !== chart.width) chart.setSize({ width: node.clientWidth, height: chart.height });
  });
  sized.observe(node);
  whenSheetChanges(again);
  return {
    canvas: () => chart.ctx.canvas,
    change(next) {
      drawn = next;
      again();
    },
    end() {
      sized.disconnect();
      chart.destroy();
    },
  };
}

function make(node, { names, lines, height = 240, hover = () => {} }) {
  const options = {
    width: Math.max(node.clientWidth, 200),
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: false, range: () => [-0.3, names.length - 0.7] }, y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.08)] } },
    axes: [bottom(names), side()],
    series: [{}, ...lines.map((line) => series(line, names.length))],
    hooks: { setCursor: [(chart) => hover(chart.cursor.idx ?? null)] },
  };
  return new window.uPlot(options, [names.map((_, index) => index), ...lines.map((line) => line.values)], node);
}

function series({ dashed }, many) {
  const stroke = colour(dashed ? "quiet" : "accent");
  return { stroke, width: dashed ? 1.5 : 2.5, dash: dashed ? DASH : undefined, points: { show: many <= 31 && !dashed, size: 6, fill: stroke } };
}

const lines = () => ({ stroke: colour("line"), width: 1 });

function bottom(names) {
  const every = (chart) => Math.max(1, Math.ceil(names.length / Math.max(1, Math.floor(chart.bbox.width / devicePixelRatio / ROOM))));
  return {
    stroke: colour("quiet"),
    grid: { show: false },
    ticks: lines(),
    size: 34,
    splits: (chart) => names.map((_, index) => index).filter((index) => index % every(chart) === 0),
    values: (_, splits) => splits.map((index) => names[index]),
  };
}

function side() {
  const whole = (value) => (Number.isInteger(value) ? count(value) : "");
  return { stroke: colour("quiet"), grid: lines(), ticks: lines(), size: 64, values: (_, splits) => splits.map(whole) };
}
