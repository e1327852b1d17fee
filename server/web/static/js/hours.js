// A week of opening hours to be edited, in the contract's form: {"mon": [["08:00", "20:00"]], "sat": [["22:00", "02:00"]]}.
import { all, el, fill, find, svg } from "./dom.js";
import { say, weekday } from "./words.js";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const SPANS = 8;

/** A time as people type it ("8", "8:30", "830", "24") as "HH:MM"; null where it is none. Only a closing time may be "24:00". */
export function clock(text, { closing = false } = {}) {
  const digits = /^\s*(\d{1,2})(?:[:.\s]?(\d{2}))?\s*$/.exec(text);
  if (!digits) return null;
  const [hours, minutes] = [Number(digits[1]), Number(digits[2] ?? 0)];
  const last = closing && hours === 24 && minutes === 0;
  if ((hours > 23 || minutes > 59) && !last) return null;
  return `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
}

/** A field for a week (null: unknown). Answers {node, read}: `read` gives {hours} or {errors: [{field, message}]}. */
export function hoursField(hours, { readonly = false } = {}) {
  let week = hours === null ? null : Object.fromEntries(DAYS.map((day) => [day, structuredClone(hours[day] ?? [])]));
  const rows = el("div", { class: "week" });
  const known = el("input", { type: "checkbox", id: "hours-known", disabled: readonly });
  known.checked = week !== null;
  known.addEventListener("change", () => {
    keep();
    week = known.checked ? (week ?? Object.fromEntries(DAYS.map((day) => [day, []]))) : null;
    show();
  });
  const note = el("p", { class: "note" });

  /** Take over what stands in the inputs. */
  function keep() {
    if (week === null) return;
    for (const day of DAYS)
      week[day] = all(`[data-day=${day}] .span`, rows).map((span) => all("input", span).map((input) => input.value));
  }

  function change(work) {
    keep();
    work();
    show();
  }

  function show(focus) {
    note.textContent = week === null ? say("hours_unknown_means") : say("hours_hint");
    fill(rows, week === null ? [] : DAYS.map((day, index) => dayRow(day, index)));
    if (focus) rows.querySelector(focus)?.focus();
  }

  function dayRow(day, index) {
    const name = weekday(index, "long");
    const spans = week[day].map((span, number) => spanOf(day, name, span, number));
    const more = week[day].length < SPANS && button("+", say("hours_add", { day: name }), () => {
      change(() => week[day].push(next(week[day])));
      rows.querySelector(`[data-day=${day}] .span:last-of-type input`).focus();
    });
    const copy = button(sheets(), say("hours_copy", { day: name }), () => ask(day, name));
    return el(
      "div",
      { class: "day", role: "group", "aria-label": name, dataset: { day, field: `hours.${day}` } },
      el("span", { class: "name", "aria-hidden": "true" }, weekday(index)),
      el("div", { class: "spans" }, spans.length ? spans : el("span", { class: "empty" }, say("hours_closed"))),
      !readonly && el("div", { class: "tools" }, more, copy),
      el("p", { class: "complaint", hidden: true }),
    );
  }

  function spanOf(day, name, span, number) {
    const input = (edge) =>
      el("input", {
        type: "text", inputmode: "numeric", maxlength: 5, autocomplete: "off", readonly, value: span[edge] ?? "",
        "aria-label": say(edge === 0 ? "hours_opens" : "hours_closes", { day: name }),
        onblur: (event) => tidy(event.target, edge === 1),
      });
    const overnight = span[0] && span[1] && span[1] < span[0];
    return el(
      "span",
      { class: "span", dataset: { field: `hours.${day}[${number}]` } },
      input(0),
      "–",
      input(1),
      !readonly && button("×", say("hours_remove", { day: name }), () => {
        change(() => week[day].splice(number, 1));
        rows.querySelector(`[data-day=${day}] .tools button`).focus();
      }),
      el("small", { class: "overnight" }, overnight ? say("hours_overnight") : ""),
    );
  }

  function tidy(input, closing) {
    input.value = clock(input.value, { closing }) ?? input.value;
    const span = input.closest(".span");
    const [from, to] = all("input", span).map((each) => each.value);
    find(".overnight", span).textContent = from && to && to < from ? say("hours_overnight") : "";
  }

  /** Ask to which days a day is copied. */
  function ask(day, name) {
    keep();
    const ticks = DAYS.map((each, index) => {
      const tick = el("input", { type: "checkbox", value: each });
      tick.checked = index < 5 === DAYS.indexOf(day) < 5 && each !== day;
      tick.disabled = each === day;
      return el("label", { class: "tick" }, tick, weekday(index, "long"));
    });
    const dialog = el(
      "dialog",
      { "aria-label": say("hours_copy", { day: name }) },
      el("form", { method: "dialog" }, el("p", {}, say("hours_copy_to", { day: name })), el("div", { class: "ticks" }, ticks),
        el("div", { class: "buttons" }, el("button", { value: "no", class: "quiet" }, say("cancel")), el("button", { value: "yes" }, say("copy_hours")))),
    );
    dialog.addEventListener("close", () => {
      const chosen = dialog.returnValue === "yes" ? all("input:checked", dialog).map((each) => each.value) : [];
      dialog.remove();
      for (const each of chosen) week[each] = structuredClone(week[day]);
      show(`[data-day=${day}] .tools button:last-child`);
    });
    document.body.append(dialog);
    dialog.showModal();
  }

  const button = (text, name, onclick) => el("button", { type: "button", class: "quiet small", "aria-label": name, title: name, onclick }, text);

  show();
  const tick = el("label", { class: "tick" }, known, say("hours_known"));
  const node = el("fieldset", { class: "hours", dataset: { field: "hours" } }, el("legend", {}, say("field_hours")), tick, rows, note, el("p", { class: "complaint", hidden: true }));
  return {
    node,
    read() {
      keep();
      return week === null ? { hours: null } : readWeek(week);
    },
  };
}

/** Two sheets: the sign of copying. */
const sheets = () =>
  svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, fill: "none", stroke: "currentColor", "stroke-width": 1.5, "aria-hidden": "true" },
    svg("rect", { x: 2, y: 2, width: 8, height: 9, rx: 1 }), svg("path", { d: "M6 14h7a1 1 0 0 0 1-1V5" }));

/** A span to begin with: the usual day, or after a break. */
const next = (spans) => (spans.length ? [spans.at(-1)[1] < "20:00" ? spans.at(-1)[1] : "", ""] : ["08:00", "20:00"]);

/** Check a week as it was typed; a day without spans is closed, and is not named. */
export function readWeek(week) {
  const hours = {};
  const errors = [];
  for (const day of DAYS) {
    const spans = (week[day] ?? []).map(([from, to], number) => {
      const span = [clock(from), clock(to, { closing: true })];
      const wrong = span.includes(null) ? "hours_wrong" : span[0] === span[1] ? "hours_equal" : null;
      if (wrong) errors.push({ field: `hours.${day}[${number}]`, message: say(wrong) });
      return span;
    });
    if (spans.length) hours[day] = spans;
  }
  return errors.length ? { errors } : { hours };
}
