// What every page does: the other language, saying what happened, marking what is busy.
import { fill, find } from "./dom.js";
import { FACTS, LANGUAGE, say } from "./words.js";
import { Problem } from "./api.js";

const NOTE_MS = 8000; // long enough to be read twice …
const FAILURE_MS = 30000; // … and to be written down
let leaving;

/** Say something aloud and, for a while, on the screen; `wrong` marks it as a failure. */
export function tell(text, { wrong = false } = {}) {
  const said = find("#said");
  clearTimeout(leaving);
  said.classList.toggle("wrong", wrong);
  fill(said, text);
  leaving = setTimeout(() => fill(said), wrong ? FAILURE_MS : NOTE_MS);
}

/** Do something asynchronous; what the server refuses is told in words, and the answer is then undefined. `busy` takes no click meanwhile. */
export async function attempt(work, { busy } = {}) {
  if (busy) busy.setAttribute("aria-busy", "true");
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    tell(say("failed", { problem: error.words }), { wrong: true });
    return undefined;
  } finally {
    if (busy) busy.removeAttribute("aria-busy");
  }
}

/** Show something in a place of the page; where that fails, the place says so instead of "Loading …", and can be tried again. */
export async function shown(place, show) {
  const there = await attempt(async () => (await show(place), true));
  if (there) return;
  const again = document.createElement("button");
  const text = document.createElement("p");
  again.type = "button";
  again.textContent = say("load_again");
  again.addEventListener("click", () => {
    again.setAttribute("aria-busy", "true");
    tell("");
    shown(place, show);
  });
  text.textContent = say("not_loaded");
  fill(place, text, again);
}

/** Copy a text, and say so in the page's word `copied`. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    tell(say("copied"));
  } catch {
    tell(say("copy_yourself"), { wrong: true }); // browsers give no clipboard to pages without https
  }
}

/** Ask before something that cannot be undone; resolves to true or false. Needs no text of others to be markup. */
export function ask(question, { yes = say("yes"), no = say("cancel") } = {}) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const form = document.createElement("form");
    const text = document.createElement("p");
    const buttons = document.createElement("div");
    form.method = "dialog";
    text.textContent = question;
    text.id = `ask-${crypto.randomUUID()}`;
    dialog.setAttribute("aria-labelledby", text.id);
    buttons.className = "buttons";
    for (const [value, name, kind] of [["no", no, "quiet"], ["yes", yes, ""]]) {
      const button = document.createElement("button");
      button.value = value;
      button.className = kind;
      button.textContent = name;
      buttons.append(button);
    }
    form.append(text, buttons);
    dialog.append(form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Whoever is at something that is drawn anew, or came to a dialog from there, is at the page's content then (at the
// dialog, while one is open), not nowhere.
const held = { page: null, dialog: null };
const look = () => {
  if (document.activeElement !== document.body) return;
  const dialog = document.querySelector("dialog:modal");
  const part = dialog ? "dialog" : "page";
  if (held[part] === null || held[part].isConnected) return;
  held[part] = null;
  if (dialog) dialog.tabIndex = -1;
  (dialog ?? find("#main")).focus({ preventScroll: true });
};
document.addEventListener("focusin", ({ target }) => (held[target.closest("dialog") ? "dialog" : "page"] = target));
new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
document.addEventListener("close", () => setTimeout(look), true);

// What is busy takes no second click, and no Enter in its form: that is a click on its button, too.
addEventListener(
  "click",
  (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("button[aria-busy]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

// On a phone the bar is one line: the page that is shown is brought into sight.
for (const here of document.querySelectorAll("header nav [aria-current]")) {
  const bar = here.parentElement;
  bar.scrollLeft = here.offsetLeft - bar.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2;
}

const other = document.querySelector("#language");
other?.addEventListener("click", () => {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `language=${LANGUAGE === "de" ? "en" : "de"}; Path=/; Max-Age=31536000; SameSite=Strict${secure}`;
  if (FACTS.here) location.replace(FACTS.here); // what a form's answer shows anew would be sent anew: a log-in that is tried twice
  else location.reload();
});
