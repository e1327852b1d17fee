// The conditions of a document as a tree: all, any and not around leaves. Changes documents, touches no page.

/** Take the `not`s off a condition: {path, kind, value, nots}; kind is null where it is no object with one member. */
export function unwrap(document, path, read) {
  let nots = 0;
  for (;;) {
    const value = read(document, path);
    const keys = value !== null && typeof value === "object" && !Array.isArray(value) ? Object.keys(value) : [];
    if (keys.length !== 1) return { path, kind: null, value, nots };
    if (keys[0] !== "not") return { path, kind: keys[0], value: value[keys[0]], nots };
    path = [...path, "not"];
    nots += 1;
  }
}

/** Whether a kind joins others. */
export const isGroup = (kind, value) => (kind === "all" || kind === "any") && Array.isArray(value);

/** The list that a condition stands in, and its place there; null for the one that is the whole `if`. */
export function placeOf(path) {
  const at = path.at(-1);
  return typeof at === "number" ? { list: path.slice(0, -1), at } : null;
}

/** The path of the group (with its nots) that a list belongs to. */
export function groupOf(list) {
  let path = list.slice(0, -1);
  while (path.at(-1) === "not") path = path.slice(0, -1);
  return path;
}

/** Add a condition: to a list, or to the whole `if`, where two make an `all`. Answers the path of what was added. */
export function add(draft, list, condition) {
  if (list !== null) {
    const at = draft.read(list).length;
    draft.read(list).push(condition);
    return [...list, at];
  }
  const now = draft.read(["if"]);
  if (now === undefined) {
    draft.document.if = condition;
    return ["if"];
  }
  draft.document.if = { all: [now, condition] };
  return ["if", "all", 1];
}

/** Take a condition away, and every group that it leaves empty. */
export function take(draft, path) {
  const place = placeOf(path);
  if (place === null) {
    delete draft.document.if;
    return;
  }
  const list = draft.read(place.list);
  list.splice(place.at, 1);
  if (list.length === 0) take(draft, groupOf(place.list));
}

/** Put something else in a condition's place. */
export function put(draft, path, condition) {
  const place = placeOf(path);
  if (place === null) draft.document.if = condition;
  else draft.read(place.list)[place.at] = condition;
}

/** Where a condition may go: {up, down, into, out}, each the path that it then has, or null. */
export function moves(draft, path, read) {
  const place = placeOf(path);
  if (place === null) return { up: null, down: null, into: null, out: null };
  const { list, at } = place;
  const size = draft.read(list).length;
  const before = at > 0 ? unwrap(draft.document, [...list, at - 1], read) : null;
  const into = before && isGroup(before.kind, before.value) ? [...before.path, before.kind, before.value.length] : null;
  const above = placeOf(groupOf(list));
  return {
    up: at > 0 ? [...list, at - 1] : null,
    down: at < size - 1 ? [...list, at + 1] : null,
    into,
    out: above ? [...above.list, above.at + 1] : null,
  };
}

/** Move a condition to a path that `moves` gave; answers where it then is (a group that it left empty is gone). */
export function move(draft, path, to) {
  const from = placeOf(path);
  const target = placeOf(to);
  const list = draft.read(from.list);
  const goal = draft.read(target.list);
  const [taken] = list.splice(from.at, 1);
  goal.splice(target.at, 0, taken);
  if (list.length === 0) {
    const group = groupOf(from.list);
    take(draft, group);
    return [...target.list, target.at - 1];
  }
  return to;
}
