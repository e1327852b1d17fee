// Importing a list of stores (CSV) or fences (GeoJSON): tried first, then written, piece by piece; it can be stopped and goes on.
import { Problem, call } from "./api.js";
import { el, fill } from "./dom.js";
import { tell } from "./frame.js";
import { Unreadable, readFile, tableOf } from "./places_batches.js";
import { reason } from "./places_reasons.js";
import { FACTS, count, say } from "./words.js";

const SHOWN = 100;
const LATER = new Set([0, 429, 503]);
const CURABLE = new Set([401, 408, 429]); // of what the server refuses, this may go another time with the same file

/** Open the dialog; `done` is called when something was imported and the dialog is closed. */
export function openImport({ done }) {
  const body = el("div", { class: "import", role: "group" });
  const dialog = el("dialog", { class: "wide", "aria-labelledby": "import-title" }, el("h2", { id: "import-title" }, say("import")), body);
  let wrote = false;
  const run = new Run(body, { close: () => dialog.close(), wrote: () => (wrote = true) });
  const listening = new AbortController();
  const stay = (event) => run.busy && event.preventDefault();
  dialog.addEventListener("cancel", stay);
  // Browsers let `cancel` be prevented a few times only, and then close; they never do for a key that was taken.
  document.addEventListener("keydown", (event) => event.key === "Escape" && stay(event), { signal: listening.signal });
  dialog.addEventListener("close", async () => {
    const cut = run.busy;
    run.stopped = true;
    listening.abort();
    dialog.remove();
    await run.going;
    if (cut) tell(run.soFar("cut_importing"), { wrong: true });
    if (wrote) done();
  });
  document.body.append(dialog);
  dialog.showModal();
  run.choose();
}

/** One file on its way in. */
class Run {
  constructor(body, { close, wrote }) {
    Object.assign(this, { body, close, wrote, busy: false, stopped: false, list: null, going: null });
  }

  choose(complaint) {
    const input = el("input", { type: "file", accept: ".csv,.geojson,.json,text/csv,application/geo+json,application/json", onchange: () => this.read(input.files[0]) });
    fill(
      this.body,
      el("label", {}, say("choose_file"), input),
      el("p", { class: "note" }, say("csv_hint")),
      el("p", { class: "note" }, say("geojson_hint")),
      el("p", { class: "complaint", role: "alert", hidden: !complaint }, complaint ?? ""),
      this.buttons(this.closing("cancel")),
    );
  }

  async read(file) {
    if (!file) return;
    try {
      this.list = await readFile(file, FACTS.imports);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.choose(say(error.word));
      return;
    }
    if (!this.list.total) this.choose(say("empty_file"));
    else await this.begin({ dry: true });
  }

  /** Begin to try or to write. Each piece has a key of its own: one that is sent again is not written twice. */
  begin({ dry }) {
    this.dry = dry;
    this.at = 0;
    this.key = crypto.randomUUID();
    this.told = { imported: 0, refused: [], warnings: [], unplaced: [], ignored: new Set() };
    return this.go();
  }

  go() {
    this.going = this.sendAll();
    return this.going;
  }

  async sendAll() {
    this.busy = true;
    this.stopped = false;
    const { batches, total } = this.list;
    const bar = el("progress", { max: total, value: this.rowsDone(), "aria-label": say(this.dry ? "trying" : "importing") });
    const figures = el("p", { role: "status" });
    fill(this.body, el("p", {}, say(this.dry ? "trying" : "importing")), bar, figures, this.buttons(el("button", { type: "button", class: "quiet", onclick: () => (this.stopped = true) }, say("stop"))));
    let complaint = null;
    while (this.at < batches.length && !this.stopped && complaint === null) {
      complaint = await this.send(batches[this.at]);
      if (complaint === null) this.at += 1;
      bar.value = this.rowsDone();
      figures.textContent = say("progress", { done: count(this.rowsDone()), total: count(total) });
    }
    this.busy = false;
    if (this.at >= batches.length) this.end();
    else this.pause(complaint);
  }

  rowsDone() {
    return this.list.batches.slice(0, this.at).reduce((sum, batch) => sum + batch.numbers.length, 0);
  }

  /** Ask the server, and again where it cannot just now: the key sees to it that nothing is written twice. */
  async ask({ path, type, body }) {
    const options = this.dry ? { body, type } : { body, type, key: `${this.key}-${this.at}` };
    for (const wait of [1, 2, 4, 8, null]) {
      try {
        return (await call("POST", this.dry ? `${path}?dry_run=true` : path, options)).body;
      } catch (error) {
        if (!(error instanceof Problem) || !LATER.has(error.status) || wait === null || this.stopped) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
      }
    }
    return undefined;
  }

  /** Send one piece; answers {words, over} of why it could not be done (`over`: the same will not go later either), or null. */
  async send(batch) {
    let told;
    try {
      told = await this.ask(batch);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const words = error.errors.length ? error.errors.map((each) => `${each.field} ${reason(each.message)}`).join("; ") : error.words;
      return { words, over: error.status >= 400 && error.status < 500 && !CURABLE.has(error.status) };
    }
    const numbered = (notes = []) => notes.map((note) => ({ ...note, row: batch.numbers[note.index] }));
    this.told.imported += told.imported.length;
    for (const name of ["refused", "warnings", "unplaced"]) this.told[name].push(...numbered(told[name]));
    for (const name of told.ignored ?? []) this.told.ignored.add(name);
    if (!this.dry && told.imported.length) this.wrote();
    return null;
  }

  /** It was stopped, or a piece could not be done: what is done is said, and it can go on from there, or with another file. */
  pause(complaint) {
    const over = complaint?.over;
    fill(
      this.body,
      complaint && el("p", { class: "complaint", role: "alert" }, complaint.words),
      el("p", {}, this.soFar(over ? "cut_importing" : "paused_importing")),
      this.buttons(!over && el("button", { type: "button", onclick: () => this.go() }, say("go_on")), this.another(), this.closing("close")),
    );
  }

  /** How far it has come; `word` tells it of an import. */
  soFar(word) {
    return say(this.dry ? "paused_trying" : word, { done: count(this.rowsDone()), total: count(this.list.total), n: count(this.told.imported) });
  }

  another() {
    return el("button", { type: "button", class: "quiet", onclick: () => this.choose() }, say("other_file"));
  }

  end() {
    const { imported, refused, unplaced } = this.told;
    const would = imported + (this.dry ? unplaced.length : 0);
    const kind = this.list.kind;
    const gaps = { n: count(would), refused: count(refused.length), total: count(this.list.total) };
    const outcome = this.dry ? say(`would_${kind}`, gaps) : say(`did_${kind}`, gaps);
    const button = this.dry && would > 0 && el("button", { type: "button", onclick: () => this.begin({ dry: false }) }, would === 1 ? say(`import_one_${kind}`) : say(`import_${kind}`, { n: count(would) }));
    fill(
      this.body,
      el("p", { class: "outcome", role: "status" }, outcome),
      this.dry && el("p", { class: "note" }, say("nothing_written")),
      this.told.ignored.size > 0 && el("p", { class: "note" }, say("ignored", { columns: [...this.told.ignored].join(", ") })),
      this.notes(),
      this.buttons(button, this.another(), this.closing("close")),
    );
    (button || this.body.querySelector(".buttons button")).focus();
  }

  /** Each row that was refused, or taken with a warning, and why. */
  notes() {
    const sorts = [["refused", "wrong"], ["unplaced", ""], ["warnings", ""]];
    const rows = sorts.flatMap(([name, mark]) => this.told[name].map((note) => ({ ...note, mark, sort: say(`sort_${name}`) })));
    if (!rows.length) return null;
    const head = ["row", "sort", "field", "why"].map((name) => say(`column_${name}`));
    const cells = (note) => [note.row, note.sort, note.field, reason(note.message)];
    const download = el("a", { class: "button quiet", download: "import.csv", href: URL.createObjectURL(new Blob([tableOf(head, rows.map(cells))], { type: "text/csv" })) }, say("download_notes"));
    const line = (note) => el("tr", {}, el("td", { class: "number" }, count(note.row)), el("td", {}, el("span", { class: `badge ${note.mark}` }, note.sort)), el("td", {}, note.field), el("td", {}, reason(note.message)));
    return [
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("notes") }, el("table", { class: "list" }, el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows.slice(0, SHOWN).map(line)))),
      rows.length > SHOWN && el("p", { class: "note" }, say("more_notes", { n: count(rows.length - SHOWN) })),
      el("p", {}, download),
    ];
  }

  buttons(...buttons) {
    return el("div", { class: "buttons" }, buttons);
  }

  closing(word) {
    return el("button", { type: "button", class: "quiet", onclick: this.close }, say(word));
  }
}
