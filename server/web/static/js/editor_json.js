// The document as JSON: a text with numbered lines, of which those with a mistake are marked.
import { el, fill } from "./dom.js";
import { say } from "./words.js";
import { Unreadable, inOrder, lineOf, linesOf } from "./editor_text.js";
import { line, list } from "./editor_issues.js";

/** Make the text's editor in a node: {text, write(document), type(text), read(), parse(), mark(issues, summary)}. */
export function openText(node, changed) {
  const area = el("textarea", {
    id: "json",
    class: "json",
    spellcheck: "false",
    autocapitalize: "off",
    wrap: "off",
    "aria-label": say("json_label"),
    rows: 30,
  });
  const numbers = el("div", { class: "numbers", "aria-hidden": "true" });
  const said = el("p", { class: "complaint", id: "json-said", role: "status" });
  const shown = { wrong: new Map() };
  fill(node, el("p", { class: "note" }, say("json_about")), el("div", { class: "lines" }, numbers, area), said);

  const number = () => {
    const count = area.value.split("\n").length;
    fill(
      numbers,
      Array.from({ length: count }, (_, at) => el("div", { class: shown.wrong.get(at + 1) ?? "" }, String(at + 1))),
    );
    numbers.scrollTop = area.scrollTop;
  };
  area.addEventListener("scroll", () => {
    numbers.scrollTop = area.scrollTop;
  });
  area.addEventListener("input", () => {
    shown.wrong.clear();
    area.removeAttribute("aria-invalid");
    number();
    changed();
  });

  const go = (at) => {
    const lines = area.value.split("\n");
    const start = lines.slice(0, at - 1).reduce((sum, each) => sum + each.length + 1, 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[at - 1]?.length ?? 0));
    area.scrollTop = Math.max(0, (at - 5) * (area.scrollHeight / lines.length));
  };

  const calm = () => {
    fill(said);
    area.removeAttribute("aria-invalid");
  };

  const type = (text) => {
    area.value = text;
    shown.wrong.clear();
    calm();
    number();
  };

  /** Read the text; undefined where it is no JSON object, which `wrong` is then told of. */
  const read = (wrong = () => undefined) => {
    try {
      linesOf(area.value);
      const found = JSON.parse(area.value);
      if (found === null || typeof found !== "object" || Array.isArray(found)) throw new Unreadable(1);
      return found;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return wrong(error);
    }
  };

  /** Mark and tell the line that cannot be read. */
  const complain = ({ line: at, twice }) => {
    shown.wrong = new Map([[at, "wrong"]]);
    number();
    area.setAttribute("aria-invalid", "true");
    area.setAttribute("aria-describedby", "json-said");
    fill(said, twice === undefined ? say("json_unreadable", { line: at }) : say("json_twice", { line: at, name: twice }));
    go(at);
  };

  return {
    get text() {
      return area.value;
    },
    type,
    write: (document) => type(JSON.stringify(inOrder(document), null, 2)),
    read: () => read(),
    /** Read the text; undefined where it is no JSON object: the line is then marked and told. */
    parse() {
      calm();
      return read(complain);
    },
    /** Mark the lines of what is wrong, and list it with the way there. */
    mark(issues, summary) {
      const lines = linesOf(area.value);
      const placed = issues.list.map((each) => [each, lineOf(lines, each.field)]).sort(([, one], [, other]) => one - other);
      shown.wrong = new Map(placed.filter(([each]) => each.kind === "unwise").map(([, at]) => [at, "unwise"]));
      for (const [each, at] of placed) if (each.kind === "wrong") shown.wrong.set(at, "wrong");
      number();
      area.toggleAttribute("aria-invalid", false);
      if (issues.wrong.length) area.setAttribute("aria-invalid", "true");
      list(
        summary,
        issues,
        placed.map(([each, at]) => line(each, say("line", { number: at }), () => go(at))),
      );
      return () => placed.length && go(placed.find(([each]) => each.kind === "wrong")?.[1] ?? placed[0][1]);
    },
  };
}
