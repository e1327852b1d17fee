// What the house's pages share: tables that become cards on a phone, dialogs with a form, secrets that are shown once.
import { el, fill, find } from "./dom.js";
import { copyText } from "./frame.js";
import { everything, Problem } from "./api.js";
import { say } from "./words.js";

/** On a phone the bar of the house's pages is one line: bring the page that is shown into sight. */
export function markPlace() {
  find(".house [aria-current]").scrollIntoView({ inline: "center", block: "nearest" });
}

/** Who did something, by the name that is known of them. */
export async function actors() {
  const [people, keys] = await Promise.all([everything("/v1/users"), everything("/v1/keys")]);
  return new Map([
    ...people.map((each) => [`user:${each.id}`, each.email]),
    ...keys.map((each) => [`key:${each.id}`, `${each.name ?? each.kind} …${each.hint}`]),
  ]);
}

let numbers = 0;
const fresh = (prefix) => `${prefix}-${(numbers += 1)}`;

/** A table: heads are words' keys (null: a column of buttons), rows are made by `row`, nothing is said by `empty`. */
export function table(heads, rows, { empty, kind = "" } = {}) {
  if (!rows.length) return el("p", { class: "empty" }, empty ?? say("nothing"));
  const cells = heads.map((each) => el("th", { scope: "col" }, each === null ? el("span", { class: "unseen" }, say("deed")) : each));
  return el("table", { class: `list cards ${kind}` }, el("thead", {}, el("tr", {}, cells)), el("tbody", {}, rows));
}

/** A cell that carries the head of its column along, for phones. */
export const cell = (name, ...children) => el("td", { "data-label": name }, ...children);

/** The cell of a row's buttons. */
export const deeds = (...buttons) => el("td", { class: "deed" }, el("div", { class: "buttons" }, ...buttons));

/** A button that is no submit. */
export const button = (name, onclick, kind = "quiet") => el("button", { type: "button", class: kind, onclick }, name);

export const badge = (text, kind = "") => el("span", { class: `badge ${kind}` }, text);

/** A labelled control with room for what is wrong with it. */
export function field(name, control, { note } = {}) {
  const wrong = el("span", { class: "complaint", id: fresh("wrong") });
  control.setAttribute("aria-describedby", wrong.id);
  const label = el("label", {}, name, control, note && el("span", { class: "note" }, note), wrong);
  return { label, control, wrong };
}

/** Say what is wrong at the fields it is about; what belongs to none is given back. */
export function complain(fields, complaints) {
  const left = [];
  for (const { wrong, control } of Object.values(fields)) {
    fill(wrong);
    control.removeAttribute("aria-invalid");
  }
  for (const { field: name, message } of complaints) {
    const found = fields[name.replace(/\[.*|\..*/, "")];
    if (!found) left.push(message);
    else {
      fill(found.wrong, message);
      found.control.setAttribute("aria-invalid", "true");
    }
  }
  const first = Object.values(fields).find(({ control }) => control.getAttribute("aria-invalid"))?.control;
  (first?.matches("fieldset") ? first.querySelector("input") : first)?.focus();
  return left;
}

/** What a browser could not read (a half date, whose value is empty then), or what is out of a control's bounds. */
const unfit = ({ control: { validity } }) => validity?.badInput || validity?.rangeUnderflow || validity?.rangeOverflow;

function look(fields) {
  const errors = Object.keys(fields).filter((name) => unfit(fields[name])).map((field) => ({ field, message: "" }));
  if (errors.length) throw new Problem(422, { errors });
}

/**
 * A dialog with a form. `send()` does it and may raise a Problem, of which `explain(problem)` makes [{field, message}] in words;
 * a control that is unfit is such a Problem, and nothing is sent. The dialog closes when it is done, and resolves to what `send` gave, or to undefined.
 */
export function formDialog({ title, fields, more, yes, send, explain }) {
  const complaint = el("p", { class: "complaint", role: "alert" });
  const heading = el("h2", { id: fresh("title") }, title);
  const go = el("button", {}, yes);
  const dialog = el("dialog", { class: "form", "aria-labelledby": heading.id });
  let given;
  const form = el(
    "form",
    { method: "dialog", novalidate: true },
    heading,
    Object.values(fields).map(({ label }) => label),
    complaint,
    el("div", { class: "buttons" }, button(say("cancel"), () => dialog.close()), go),
    more,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.setAttribute("aria-busy", "true");
    try {
      look(fields);
      given = await send();
      dialog.close();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(complaint, complain(fields, explain(error)).join(" "));
    } finally {
      go.removeAttribute("aria-busy");
    }
  });
  dialog.append(form);
  return opened(dialog, () => given);
}

/** Show a secret this once: [[name, value]] with a button that copies each. */
export function once(title, about, values) {
  const heading = el("h2", { id: fresh("title") }, title);
  const dialog = el("dialog", { class: "form", "aria-labelledby": heading.id });
  const rows = values.map(([name, value]) =>
    el("p", {}, name && el("span", { class: "note" }, name), el("code", { class: "secret" }, value), button(say("copy_it"), () => copyText(value))),
  );
  const close = button(say("close"), () => dialog.close(), "");
  dialog.append(el("div", { class: "once" }, heading, el("p", {}, about), rows, el("div", { class: "buttons" }, close)));
  return opened(dialog, () => undefined);
}

/** Open a dialog; resolves when it is closed, and it is gone then. */
export function opened(dialog, given = () => undefined) {
  find("body").append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(given());
    });
  });
}
