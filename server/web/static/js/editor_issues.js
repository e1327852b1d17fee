// What the server finds wrong (or unwise) with a document, at the field it is about: marked, described, and listed on top.
import { all, el, fill, find } from "./dom.js";
import { LANGUAGE, say } from "./words.js";
import { isWithin } from "./editor_paths.js";
import { inWords } from "./editor_says.js";

/** The mistakes and warnings that are told now, as {field, message, kind}. */
export class Issues {
  constructor() {
    this.list = [];
  }

  /** Tell these from now on. */
  tell(errors, warnings = []) {
    const kept = (kind) => (each) => ({ field: each.field === "document" ? "" : each.field, message: each.message, kind });
    this.list = [...errors.map(kept("wrong")), ...warnings.map(kept("unwise"))];
  }

  /** What was told of a part that has changed since counts no more. */
  forget(path) {
    this.list = this.list.filter((each) => !isWithin(each.field, path) && !(each.field !== "" && isWithin(path, each.field)));
  }

  get wrong() {
    return this.list.filter((each) => each.kind === "wrong");
  }
}

/** The field that a path is about: the innermost one around it. */
function holderOf(form, path) {
  let found = null;
  for (const node of all("[data-path]", form))
    if (isWithin(path, node.dataset.path) && (found === null || node.dataset.path.length >= found.dataset.path.length))
      found = node;
  return found;
}

const inputs = (node) => (node.matches(".field, .inline, .of") ? all("input, select, textarea, button", node) : []);
const OWN = ["label", ".label", ".lead", "legend", "h2", "h3"].map((each) => `:scope > ${each}`).join();

/** What a holder is called: by itself, not by the first of the fields in it. */
const labelOf = (node) =>
  node.dataset.name ||
  node.getAttribute("aria-label") ||
  node.querySelector(OWN)?.textContent ||
  node.querySelector("[aria-label]")?.getAttribute("aria-label");

/** Mark the fields of a form, and list everything in `summary`. */
export function markForm(form, summary, issues) {
  for (const node of all("[data-issue]", form)) node.remove();
  for (const node of all("[aria-invalid]", form)) node.removeAttribute("aria-invalid");
  for (const node of all("[data-described]", form)) describe(node, null);
  const lines = issues.list.map((each, at) => {
    const holder = each.field === "" ? null : holderOf(form, each.field);
    if (holder) mark(holder, each, `issue-${at}`);
    const go = holder && (() => focusOn(holder));
    return line(each, holder ? labelOf(holder) : null, go);
  });
  list(summary, issues, lines);
}

/** Fill the list on top. */
export function list(summary, issues, lines) {
  summary.hidden = lines.length === 0;
  const wrong = issues.wrong.length;
  fill(
    summary,
    lines.length ? [el("h2", {}, wrong ? say("issues", { number: wrong }) : say("warnings")), el("ul", {}, lines)] : [],
  );
}

/** One line of the list: what it is about, and a way there. */
export function line(issue, name, go) {
  const told = issue.field
    ? `${name && name !== issue.field ? `${name.replace(/:$/, "")}: ` : ""}${inWords(issue.message, issue.field)}`
    : inWords(issue.message);
  const path = issue.field && el("code", {}, issue.field);
  return el(
    "li",
    { class: issue.kind },
    go ? el("button", { type: "button", class: "link", onclick: go }, told) : told,
    " ",
    path,
  );
}

function mark(holder, issue, id) {
  const note = el(
    "span",
    { class: issue.kind === "wrong" ? "complaint" : "warning", id, dataset: { issue: "" }, lang: LANGUAGE },
    inWords(issue.message, issue.field),
  );
  holder.append(note);
  const marked = inputs(holder);
  for (const node of marked.length ? marked : [holder]) describe(node, id);
  if (issue.kind === "wrong")
    for (const node of marked) if (node.matches("input, select, textarea")) node.setAttribute("aria-invalid", "true");
}

/** Join a description to those that an element has, or (null) leave it with its own. */
function describe(node, id) {
  if (id === null) {
    const own = node.dataset.described;
    delete node.dataset.described;
    if (own) node.setAttribute("aria-describedby", own);
    else node.removeAttribute("aria-describedby");
    return;
  }
  if (node.dataset.described === undefined) node.dataset.described = node.getAttribute("aria-describedby") ?? "";
  node.setAttribute("aria-describedby", `${node.getAttribute("aria-describedby") ?? ""} ${id}`.trim());
}

function focusOn(holder) {
  const input = holder.querySelector("[aria-invalid]") ?? holder.querySelector("input, select, textarea, button") ?? holder;
  input.scrollIntoView({ block: "center" });
  input.focus();
}

/** Go to the first field that is wrong; the list itself where none is. */
export function focusFirst(form, summary) {
  const first = form.querySelector("[aria-invalid]");
  if (first) focusOn(first.parentElement);
  else find("h2", summary).scrollIntoView({ block: "center" });
}
