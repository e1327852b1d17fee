// The funnel as a picture to take along: the same corners that the server drew, with the figures below them.
import { colour } from "./colours.js";
import { noteOf } from "./dashboard_reports.js";
import { all, find } from "./dom.js";
import { savePng, write } from "./png.js";
import { FACTS } from "./words.js";

const BODY = 260;

/** Save the funnel of everything that is shown. */
export function saveFunnel() {
  const picture = find("svg.wide");
  const { width: across, height: down } = picture.viewBox.baseVal;
  savePng(`kairos-funnel-${FACTS.range.from}`, { title: find("#total").innerText, note: noteOf(FACTS.range), height: BODY + 96 }, (pen, width) => {
    for (const each of all("polygon", picture)) {
      pen.globalAlpha = each.classList.contains("slope") ? 0.28 : 1;
      pen.fillStyle = colour("accent");
      pen.beginPath();
      for (const { x, y } of each.points) pen.lineTo((x * width) / across, (y * BODY) / down);
      pen.fill();
    }
    pen.globalAlpha = 1;
    all(".steps > div").forEach((step, index, steps) => figure(pen, step, (index * width) / steps.length, width / steps.length));
  });
}

function figure(pen, step, x, room) {
  const text = (selector) => step.querySelector(selector)?.innerText ?? "";
  write(pen, text("dt"), x, BODY + 24, { size: 14, most: room - 8 });
  write(pen, text("dd strong"), x, BODY + 50, { size: 22, bold: true, most: room - 8 });
  write(pen, text("dd span"), x, BODY + 70, { size: 13, ink: "quiet", most: room - 8 });
  write(pen, text("dd .was"), x, BODY + 88, { size: 13, ink: "quiet", most: room - 8 });
}
