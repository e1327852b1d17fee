// Pictures as files: what a page shows, with a title and the colours of the sheet, drawn on a canvas and saved as PNG.
import { colour } from "./colours.js";
import { el } from "./dom.js";

const SCALE = 2;
const EDGE = 24;
const HEAD = 72;

export const FONT = "system-ui, sans-serif";

/** Save a picture: `paint(pen, width, height)` draws within the room that title and note leave. */
export function savePng(name, { title, note = "", width = 1000, height = 400 }, paint) {
  const canvas = el("canvas", { width: (width + 2 * EDGE) * SCALE, height: (height + HEAD + 2 * EDGE) * SCALE });
  const pen = canvas.getContext("2d");
  pen.scale(SCALE, SCALE);
  pen.fillStyle = colour("card");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.translate(EDGE, EDGE);
  write(pen, title, 0, 20, { size: 20, bold: true });
  write(pen, note, 0, 46, { size: 14, ink: "quiet" });
  pen.translate(0, HEAD);
  paint(pen, width, height);
  canvas.toBlob((blob) => download(blob, `${name}.png`), "image/png");
}

/** Write a text; `align` is left, center or right; `most` is the room that it has. */
export function write(pen, text, x, y, { size = 14, bold = false, ink = "ink", align = "left", most } = {}) {
  pen.font = `${bold ? "600 " : ""}${size}px ${FONT}`;
  pen.fillStyle = colour(ink);
  pen.textAlign = align;
  pen.fillText(text, x, y, most);
}

/** Hand a file to whoever looks. */
export function download(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
