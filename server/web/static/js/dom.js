// Making elements. Whatever comes from people or from the server is set as text: nothing here reads markup.

/** Make an element: el("a", {href: "/x", class: "big", onclick: f, disabled: true}, "text", node, [more]). */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(made, name, value);
  made.append(...flat(children));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** The same for pictures: svg("path", {d: "…"}). */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) set(made, name, value);
  made.append(...flat(children));
  return made;
}

function set(made, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on") && typeof value === "function") made.addEventListener(name.slice(2), value);
  else if (name === "value" && "value" in made) made.value = value;
  else if (name === "dataset") Object.assign(made.dataset, value);
  else made.setAttribute(name, value === true ? "" : String(value));
}

function flat(children) {
  return children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false);
}

/** Put these children in place of those that are there. */
export function fill(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

/** The first element that a selector finds; it must be there. */
export function find(selector, within = document) {
  const found = within.querySelector(selector);
  if (found === null) throw new Error(`nothing is ${selector}`);
  return found;
}

/** All elements that a selector finds. */
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** JSON that the page brought along in a script of type application/json. */
export const brought = (id) => JSON.parse(find(`#${id}`).textContent);

/** Wait until nobody called for so long (ms), then call once. */
export function soon(call, ms = 250) {
  let waiting;
  return (...given) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => call(...given), ms);
  };
}
