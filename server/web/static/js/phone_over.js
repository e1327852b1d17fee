// What fills the phone's screen. Nothing under it takes a click or the keyboard until it is closed; beside the phone the
// world goes on, so it is no modal dialog.
import { all, fill, find } from "./dom.js";

const SCREEN = "#screens, #banner, #tabbar";
const PAGE = ".skip, header, #world"; // on a small display, where the map is open, it covers these, too

let before = null; // who had the focus

/** Closed by Escape, nothing was decided: what it told stays in the inbox. */
export function bindOver() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && find("#over").open && !document.querySelector("dialog:modal")) closeOver();
  });
  document.addEventListener("close", () => find("#over").open && document.activeElement === document.body && enter(), true); // of a dialog over it
  addEventListener("resize", cover);
}

const enter = () => find("#over button").focus();

/** Open it with this in it. */
export function openOver(...children) {
  const over = find("#over");
  fill(over, ...children);
  if (!over.open) {
    before = document.activeElement;
    over.show();
  }
  enter();
  cover();
}

/** Close it; who had the focus before has it again, unless it is at something beside the phone by now. */
export function closeOver() {
  const over = find("#over");
  if (!over.open) return;
  uncover();
  over.close();
  const here = document.activeElement;
  if (here !== document.body && !over.contains(here)) return;
  (before?.isConnected ? before : find("#main")).focus({ preventScroll: true });
}

function cover() {
  const over = find("#over");
  if (!over.open) return;
  uncover();
  const covered = getComputedStyle(over).position === "fixed" ? `${SCREEN}, ${PAGE}` : SCREEN;
  for (const each of all(covered)) each.inert = true;
}

function uncover() {
  for (const each of all(`${SCREEN}, ${PAGE}`)) each.inert = false;
}
