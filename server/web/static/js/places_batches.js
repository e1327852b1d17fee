// Lists of stores and fences cut into pieces that the server takes: each is tried and imported by itself.

const COLUMNS_WITH_NUMBERS = new Set(["lat", "lon", "radius_m"]);
const ROWS = 1000;
const BYTES = 4 * 1024 * 1024;

/** What cannot be read at all; `word` says why. */
export class Unreadable extends Error {
  constructor(word) {
    super(word);
    this.word = word;
  }
}

/**
 * Read a file: {kind: "stores" | "fences", total, batches}. A batch is {path, type, body, numbers}: `numbers` are the rows of
 * the file (from 1, the header too) or the features, which the server counts from 0 within the batch.
 */
export async function readFile(file, limits) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Unreadable("not_utf8");
  }
  const bounds = { rows: Math.min(ROWS, limits.rows), bytes: Math.min(BYTES, limits.bytes) };
  return /^\s*\{/.test(text) ? readCollection(text, bounds) : readTable(text, bounds);
}

function readCollection(text, bounds) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Unreadable("not_json");
  }
  if (document?.type !== "FeatureCollection" || !Array.isArray(document.features)) throw new Unreadable("not_geojson");
  const rows = document.features.map((feature, index) => ({ number: index + 1, text: JSON.stringify(feature) }));
  const batches = cut(rows, bounds).map((some) => ({
    path: "/v1/geofences/import",
    type: "application/geo+json",
    body: `{"type":"FeatureCollection","features":[${some.map((row) => row.text).join(",")}]}`,
    numbers: some.map((row) => row.number),
  }));
  return { kind: "fences", total: rows.length, batches };
}

function readTable(text, bounds) {
  const separator = separatorOf(text);
  const [header, ...rest] = records(text, separator);
  if (!header) throw new Unreadable("empty_file");
  const columns = header.cells.map((cell) => cell.trim().toLowerCase());
  const written = (cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",");
  const number = (cell, column) => (separator !== "," && COLUMNS_WITH_NUMBERS.has(columns[column]) ? cell.replace(/^(\s*[+-]?\d+),(\d+\s*)$/, "$1.$2") : cell);
  const rows = rest.map(({ number: at, cells }) => ({ number: at, text: written(cells.map(number)) }));
  const batches = cut(rows, bounds).map((some) => ({
    path: "/v1/stores/import",
    type: "text/csv",
    body: `${[written(header.cells), ...some.map((row) => row.text)].join("\r\n")}\r\n`,
    numbers: some.map((row) => row.number),
  }));
  return { kind: "stores", total: rows.length, batches };
}

/** Spreadsheets of some countries separate by semicolons: the header tells. */
function separatorOf(text) {
  const [header] = text.split(/\r|\n/, 1);
  const seen = (separator) => header.split(separator).length;
  return [",", ";", "\t"].reduce((best, each) => (seen(each) > seen(best) ? each : best));
}

/** The records of a table (RFC 4180) that are not blank, with the number of each row. */
export function records(text, separator = ",") {
  const found = [];
  let [cells, cell, quoted, number] = [[], "", false, 1];
  const end = () => {
    cells.push(cell);
    if (cells.some((each) => each.trim())) found.push({ number, cells });
    [cells, cell] = [[], ""];
    number += 1;
  };
  for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') cell += text[(at += 1)];
      else quoted = false;
    } else if (letter === '"' && cell === "") quoted = true;
    else if (letter === separator) {
      cells.push(cell);
      cell = "";
    } else if (letter === "\n" || letter === "\r") {
      if (letter === "\r" && text[at + 1] === "\n") at += 1;
      end();
    } else cell += letter;
  }
  if (cell || cells.length) end();
  return found;
}

/** Cut rows into lists of at most so many rows and bytes. A row that is larger than that is a list of its own. */
function cut(rows, { rows: most, bytes }) {
  const batches = [];
  let size = Infinity;
  for (const row of rows) {
    const length = 3 * row.text.length; // no letter is longer in UTF-8
    if (size + length > bytes || batches.at(-1).length >= most) {
      batches.push([]);
      size = 0;
    }
    batches.at(-1).push(row);
    size += length;
  }
  return batches;
}

/** A table of what was refused, for a spreadsheet: a cell that it would take for a formula is a text. */
export function tableOf(header, rows) {
  const cell = (value) => {
    const text = String(value ?? "");
    return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  return `\ufeff${[header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
