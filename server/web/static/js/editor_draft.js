// The document that is being written: the one truth that the form, the JSON and the preview look at.
import { copy, isSame, read, remove, rename, said, write } from "./editor_paths.js";

export class Draft {
  /** `saved` is the document as the server has it (an empty one where it has none). */
  constructor(saved) {
    this.begin(saved);
    this.drawn = 0;
    this.calls = { change: [], shape: [] };
  }

  /** Begin anew with what the server has; `document` is what is being written instead, if anything is. */
  begin(saved, document = saved) {
    this.saved = copy(saved);
    this.document = copy(document);
  }

  /** Call with the said path of what was changed (`change`), or with the id to look at when the form has another shape (`shape`). */
  on(name, call) {
    this.calls[name].push(call);
  }

  tell(name, ...given) {
    for (const call of this.calls[name]) call(...given);
  }

  get isDirty() {
    return !isSame(this.saved, this.document);
  }

  read(path) {
    return read(this.document, path);
  }

  /** Wrap what a control of the form calls: once the form is drawn anew, controls of the old one (which still lose their focus) are not heard. */
  heard(call) {
    const mine = this.drawn;
    return (...given) => (mine === this.drawn ? call(...given) : undefined);
  }

  /** Set a value, or take it away (undefined); `shape` draws the form anew, since other fields belong to it. */
  set(path, value, { floor = 0, shape = false, focus } = {}) {
    if (value === undefined) remove(this.document, path, floor);
    else write(this.document, path, value);
    this.tell("change", said(path));
    if (shape) this.tell("shape", focus);
  }

  rename(path, name, focus) {
    rename(this.document, path, name);
    this.tell("change", said(path.slice(0, -1)));
    this.tell("shape", focus);
  }

  /** Put another document in place of this one. */
  replace(document) {
    this.document = copy(document);
    this.tell("change", "");
    this.tell("shape");
  }
}
