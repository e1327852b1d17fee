// The screens of the phone: which one is shown, and the figures beside their names.
import { all, fill, find } from "./dom.js";

const SCREENS = ["welcome", "now", "inbox", "passes", "me", "detail"];
const opened = new Map(); // what to do when a screen is opened
let from = "now";

/** Call when a screen is opened. */
export const whenOpened = (name, call) => opened.set(name, call);

/** Make the buttons below work. */
export function bindTabs() {
  find("#tabbar").addEventListener("click", ({ target }) => target.closest("button") && showTab(target.closest("button").value));
  find("#detail-back").addEventListener("click", () => showTab(from));
}

/** Show a screen: now, inbox, passes, me, world (on small displays beside the phone's), or welcome. */
export function showTab(name) {
  show(name === "world" ? "now" : name);
  mark(name);
  opened.get(name)?.();
}

function mark(name) {
  find("#stage").dataset.tab = name;
  for (const button of all("#tabbar button")) {
    if (button.value === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

/** Show one thing by itself; the way back leads to a tab. */
export function openDetail(tab, ...children) {
  from = tab;
  fill(find("#detail"), ...children);
  mark(tab);
  show("detail");
  find("#screen-detail").focus();
}

function show(name) {
  for (const screen of SCREENS) find(`#screen-${screen}`).hidden = screen !== name;
  find("#tabbar").hidden = name === "welcome";
  find("#screens").scrollTop = 0;
}

/** Put a figure beside a tab's name; none for 0. */
export function badge(name, figure) {
  const count = find(`#tabbar [value=${name}] .count`);
  count.hidden = !figure;
  fill(count, figure ? ` ${figure}` : "");
}

/** Whether one thing is shown by itself. */
export const isDetail = () => !find("#screen-detail").hidden;
