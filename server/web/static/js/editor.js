// Writing an offer: by form or as JSON, checked and shown as it is written, kept in the browser until it is saved.
import { Problem, call } from "./api.js";
import { all, el, fill, find, soon } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { FACTS, say } from "./words.js";
import { Draft } from "./editor_draft.js";
import { drawForm, drawLists, drawWays } from "./editor_form.js";
import { Issues, focusFirst, markForm } from "./editor_issues.js";
import { openText } from "./editor_json.js";
import { forget, keep, kept } from "./editor_keep.js";
import { copy, isSame } from "./editor_paths.js";
import { openPreview } from "./editor_preview.js";
import { blank, drawStart } from "./editor_start.js";
import { explore, world } from "./editor_world.js";

const page = { offer: FACTS.offer, mode: "form", key: null, strict: false, goFirst: null };
const nodes = { form: find("#form"), source: find("#source"), issues: find("#issues"), save: find("#save") };
const draft = new Draft(page.offer?.document ?? blank());
const issues = new Issues();
const text = openText(nodes.source, () => draftChanged());
const id = () => page.offer?.id ?? null;
const isDirty = () => draft.isDirty || (page.mode === "json" && !isSame(readable(), draft.saved));

/** The document as it stands; undefined of a text that is no JSON. */
const readable = () => (page.mode === "json" ? text.read() : draft.document);

// ---- showing

function mark() {
  if (page.mode === "form") markForm(nodes.form, nodes.issues, issues);
  else if (readable() !== undefined) page.goFirst = text.mark(issues, nodes.issues);
}

function redraw(focus) {
  drawForm(nodes.form, draft, focus);
  mark();
}

function drawState() {
  const { offer } = page;
  const dirty = isDirty();
  fill(
    find("#state"),
    offer
      ? [
          el("span", { class: "badge" }, say(`state_${offer.status}`)),
          " ",
          say("version_n", { version: offer.version }),
          " · ",
          el("a", { href: `/dashboard/offers/${offer.id}` }, say("to_offer")),
        ]
      : say("about_new"),
  );
  fill(find("#unsaved"), dirty ? say("unsaved") : offer ? say("all_saved") : "");
  find("#discard").hidden = !dirty;
  nodes.save.textContent = !offer
    ? say("save_draft")
    : offer.status === "live"
      ? say("save_live", { version: offer.version + 1 })
      : say("save_version", { version: offer.version + 1 });
  nodes.save.disabled = offer?.status === "ended" || (offer !== null && !dirty);
  if (offer?.status === "ended")
    fill(find("#unsaved"), say("ended"), " ", el("a", { href: `/dashboard/offers/new?from=${offer.id}` }, say("start_from_it")));
}

/** Something was written: what was told of it is over, it is kept, and the bar says so. */
function draftChanged(path = "") {
  page.key = null;
  issues.forget(path);
  mark();
  later();
}
const later = soon(() => {
  const document = readable();
  if (page.mode === "json" && document !== undefined && !isSame(document, draft.document)) takeOver(document);
  if (isDirty()) keep(id(), document ?? draft.document, page.offer?.version, document ? undefined : text.text);
  else forget(id());
  drawState();
}, 200);

/** The text is a document again: it becomes the draft, without a new form (nobody sees it). */
function takeOver(document) {
  draft.document = copy(document);
  draft.tell("change", "");
}

/** What the server says of the document as it stands; told once somebody has tried to save it. */
function checked(errors, warnings) {
  if (!page.strict) return;
  issues.tell(errors, warnings);
  mark();
}

// ---- form and JSON

function turn(mode) {
  if (mode === page.mode) return;
  if (mode === "form") {
    const document = text.parse();
    if (document === undefined) return;
    takeOver(document);
  } else text.write(draft.document);
  page.mode = mode;
  for (const button of all("#modes button")) button.setAttribute("aria-pressed", String(button.value === mode));
  nodes.form.hidden = find("#sections").hidden = mode !== "form";
  nodes.source.hidden = mode !== "json";
  if (mode === "form") redraw();
  else mark();
}

// ---- saving

async function save() {
  if (page.mode === "json") {
    const document = text.parse();
    if (document === undefined) return;
    draft.document = copy(document);
  }
  if (page.offer?.status === "live" && !(await ask(say("sure_live", { version: page.offer.version + 1 }), { yes: say("save") })))
    return;
  await write(page.offer?.version);
}

/** Write over a version; where another one was written since, ask whose stays. */
async function write(over) {
  const document = copy(draft.document);
  page.key ??= crypto.randomUUID();
  const [method, path] = id() ? ["PUT", `/v1/offers/${id()}?version=${over}`] : ["POST", "/v1/offers"];
  await attempt(
    async () => {
      try {
        const { body } = await call(method, path, { body: document, key: id() ? undefined : page.key });
        saved(body, document);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (error.code === "version_changed") await overtaken(error.told.version);
        else if (error.code === "name_taken") wrong([{ field: "name", message: error.words }]);
        else if (error.errors.length) wrong(error.errors);
        else throw error;
      }
    },
    { busy: nodes.save },
  );
}

function saved(offer, document) {
  const before = id();
  forget(before);
  page.offer = { ...offer };
  page.strict = true;
  page.key = null;
  draft.begin(document);
  issues.tell([], offer.warnings);
  if (before !== offer.id) {
    history.replaceState(null, "", `/dashboard/offers/${offer.id}/edit`);
    find("#start").hidden = true;
    dryRun();
  }
  find("#heading").textContent = offer.name;
  find("#restored").hidden = true;
  mark();
  drawState();
  tell(say(offer.live_version === offer.version ? "saved_live" : "saved", { version: offer.version }));
}

function wrong(errors) {
  page.strict = true;
  issues.tell(errors);
  mark();
  tell(say("issues", { number: errors.length }), { wrong: true });
  if (page.mode === "form") focusFirst(nodes.form, nodes.issues);
  else page.goFirst?.();
}

async function overtaken(version) {
  if (await ask(say("overtaken", { version }), { yes: say("write_over", { version }), no: say("look_first") }))
    await write(version);
  else tell(say("overtaken_kept", { version }), { wrong: true });
}

// ---- what was not saved

/** Show again what was kept; gives the text that is no JSON, if it was one. */
function restore() {
  const found = kept(id());
  if (!found || (found.text === undefined && isSame(found.document, draft.saved))) return undefined;
  draft.document = found.document;
  const older = page.offer && found.version !== page.offer.version;
  const away = el("button", { type: "button", class: "quiet", onclick: discard }, say("discard"));
  fill(find("#restored"), el("p", {}, say(older ? "restored_older" : "restored", { version: page.offer?.version ?? "" })), away);
  find("#restored").hidden = false;
  return found.text;
}

async function discard() {
  if (!(await ask(say("sure_discard"), { yes: say("discard") }))) return;
  find("#restored").hidden = true;
  draft.replace(draft.saved);
  if (page.mode === "json") text.write(draft.document);
  forget(id());
  drawState();
  find("#main").focus({ preventScroll: true }); // the button is gone
}

window.addEventListener("beforeunload", (event) => {
  if (isDirty()) event.preventDefault();
});

// ---- beside it

async function dryRun() {
  if (!id()) return;
  const node = find("#dry-run");
  const { mountDryRun } = await import("./dry_run_panel.js").catch(() => ({}));
  if (!mountDryRun) return;
  find("#besides").hidden = false;
  const inside = el("div");
  fill(node, el("h2", {}, say("dry_run")), el("p", { class: "note" }, say("about_dry_run")), inside);
  mountDryRun(inside, { offerId: id() });
}

/** More is known of places: whoever picks some sees it, and those that are named get their names, under whoever writes beside them. */
function explored() {
  for (const heard of world.calls) heard();
  for (const node of all(".places .of, .places .chip", nodes.form)) node.dispatchEvent(new Event("explored"));
}

function turnTo(name) {
  for (const button of all("#besides button")) {
    button.setAttribute("aria-pressed", String(button.value === name));
    find(`#${button.value}`).hidden = button.value !== name;
  }
}

draft.on("change", draftChanged);
draft.on("shape", redraw);
const typed = restore();
drawLists();
fill(find("#sections"), drawWays());
redraw("");
if (typed !== undefined) {
  turn("json");
  text.type(typed);
}
drawState();
if (!page.offer) drawStart(find("#start"), draft);
openPreview(find("#preview"), draft, checked);
for (const button of all("#modes button")) button.addEventListener("click", () => turn(button.value));
for (const button of all("#besides button")) button.addEventListener("click", () => turnTo(button.value));
nodes.save.addEventListener("click", save);
find("#discard").addEventListener("click", discard);
window.addEventListener("keydown", (event) => {
  if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  if (!nodes.save.disabled && nodes.save.ariaBusy !== "true") save();
});
attempt(() => explore(soon(explored, 100)));
dryRun();
