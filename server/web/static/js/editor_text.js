// Where in a JSON text each of its values stands, so that a mistake told by its path can be shown at its line.

/** Where a text is no JSON, or (`twice`) which member of an object it has twice: the server takes neither. */
export class Unreadable extends Error {
  constructor(line, twice) {
    super(`line ${line}`);
    this.line = line;
    this.twice = twice;
  }
}

/** Lines (from 1) by the said path of each value; raises Unreadable where the text is no JSON. */
export function linesOf(text) {
  const lines = new Map();
  const reader = new Reader(text, lines);
  reader.value("");
  reader.space();
  if (reader.at < text.length) reader.wrong();
  return lines;
}

/** The line of a path, or of what is nearest above it (a member that is missing has none of its own). */
export function lineOf(lines, path) {
  for (let asked = path; asked; asked = asked.replace(/(\.[^.[\]]*|\[\d+\]|^[^.[\]]+)$/, "")) {
    if (lines.has(asked)) return lines.get(asked);
    if (!/[.[]/.test(asked)) break;
  }
  return lines.get("") ?? 1;
}

const ORDER = [
  ...[
    "name",
    "status",
    "active",
    "from",
    "to",
    "goal",
    "event",
    "within",
    "priority",
    "topic",
    "when",
    "trigger",
    "places",
    "dwell",
  ],
  ...[
    "if",
    "all",
    "any",
    "not",
    "tz",
    "days",
    "place_open",
    "holidays",
    "fresh",
    "deliver_by",
    "trust",
    "limits",
    "per_customer",
  ],
  ...[
    "max",
    "period",
    "calendar",
    "rolling",
    "total",
    "units",
    "liability",
    "per_place",
    "pressure_class",
    "holdout",
    "share",
    "salt",
  ],
  ...["variants", "id", "weight", "placement", "moment", "surfaces", "collapse_key", "content", "formality", "title", "body"],
  ...["fallback_locale", "reward", "type", "sku", "value", "minor", "currency", "percent", "points", "uses", "minimum_purchase"],
  ...["valid", "until", "at_most", "local", "wallet", "apple", "google", "relevance", "colours", "fields", "section", "label"],
];
const rank = (key) => (ORDER.indexOf(key) + ORDER.length + 1) % (ORDER.length + 1);

/** The same document with its members in the order in which people read them; names that are not known follow, as they were. */
export function inOrder(value) {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).sort(([one], [other]) => rank(one) - rank(other));
  return Object.fromEntries(members.map(([key, each]) => [key, inOrder(each)]));
}

const SPACE = /\s/;
const LITERAL = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

class Reader {
  constructor(text, lines) {
    this.text = text;
    this.lines = lines;
    this.at = 0;
    this.line = 1;
  }

  wrong() {
    throw new Unreadable(this.line);
  }

  space() {
    while (this.at < this.text.length && SPACE.test(this.text[this.at])) {
      if (this.text[this.at] === "\n") this.line += 1;
      this.at += 1;
    }
  }

  match(shape) {
    shape.lastIndex = this.at;
    const found = shape.exec(this.text);
    if (found === null) this.wrong();
    this.at = shape.lastIndex;
    return found[0];
  }

  /** Whether this sign comes next; then it is behind us. */
  sees(sign) {
    this.space();
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  value(path) {
    this.space();
    if (!this.lines.has(path)) this.lines.set(path, this.line);
    if (this.sees("{")) this.object(path);
    else if (this.sees("[")) this.list(path);
    else if (this.text[this.at] === '"') this.match(TEXT);
    else this.match(LITERAL);
  }

  object(path) {
    if (this.sees("}")) return;
    const names = new Set();
    do {
      this.space();
      const line = this.line;
      const name = JSON.parse(this.match(TEXT)).normalize("NFC"); // as the server compares them
      if (names.has(name)) throw new Unreadable(line, name);
      names.add(name);
      const inside = path ? `${path}.${name}` : name;
      this.lines.set(inside, line);
      if (!this.sees(":")) this.wrong();
      this.value(inside);
    } while (this.sees(","));
    if (!this.sees("}")) this.wrong();
  }

  list(path) {
    if (this.sees("]")) return;
    let at = 0;
    do this.value(`${path}[${at++}]`);
    while (this.sees(","));
    if (!this.sees("]")) this.wrong();
  }
}
