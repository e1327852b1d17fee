// Paths into a document: lists of steps, said as the server says them (`if.all[0].local_time.from`). Touches no page.

/** Say a path. */
export const said = (path) =>
  path.reduce((text, step) => (typeof step === "number" ? `${text}[${step}]` : text ? `${text}.${step}` : step), "");

/** Whether one said path lies at or below another. */
export const isWithin = (inner, outer) =>
  outer === "" || inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);

const isNode = (value) => value !== null && typeof value === "object";
const own = (inside, step) => (isNode(inside) && Object.hasOwn(inside, step) ? inside[step] : undefined);

/** The value at a path; undefined where there is none. */
export const read = (document, path) => path.reduce(own, document);

/** Set a value, making what lies on the way. A name such as __proto__ is a name like any other. */
export function write(document, path, value) {
  let inside = document;
  for (const [at, step] of path.slice(0, -1).entries()) {
    if (!isNode(own(inside, step))) put(inside, step, typeof path[at + 1] === "number" ? [] : {});
    inside = inside[step];
  }
  put(inside, path.at(-1), value);
}

function put(inside, step, value) {
  Object.defineProperty(inside, step, { value, writable: true, enumerable: true, configurable: true });
}

/** Take a value away, and what it leaves empty above it as long as that lies deeper than `floor` steps. */
export function remove(document, path, floor = 0) {
  const above = read(document, path.slice(0, -1));
  if (own(above, path.at(-1)) === undefined) return;
  if (Array.isArray(above)) above.splice(path.at(-1), 1);
  else delete above[path.at(-1)];
  if (path.length - 1 > floor && Object.keys(above).length === 0) remove(document, path.slice(0, -1), floor);
}

/** Give a member another name and leave it where it stands. */
export function rename(document, path, name) {
  const above = read(document, path.slice(0, -1));
  const members = Object.entries(above);
  for (const [key] of members) delete above[key];
  for (const [key, value] of members) put(above, key === path.at(-1) ? name : key, value);
}

/** A copy that shares nothing with what it was made of. */
export const copy = (value) => (value === undefined ? undefined : structuredClone(value));

/** Whether two documents say the same, whatever the order of their members. */
export function isSame(one, other) {
  if (!isNode(one) || !isNode(other)) return Object.is(one, other);
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && isSame(one[key], other[key]))
  );
}
