// The switch that stops the whole programme: two steps, with a reason that others read.
import { call } from "./api.js";
import { el } from "./dom.js";
import { ask, attempt } from "./frame.js";
import { say } from "./words.js";

let typed = "";

/** Attach the switch, where the page offers it. */
export function attachSwitch() {
  document.querySelector("#stop")?.addEventListener("click", async ({ currentTarget }) => {
    const reason = await askWhy();
    if (reason === undefined) return;
    typed = reason; // where it cannot be stopped just now, nobody types it twice
    await put({ paused: true, reason }, currentTarget);
  });
  document.querySelector("#go-on")?.addEventListener("click", async ({ currentTarget }) => {
    if (await ask(say("go_on_sure"), { yes: say("go_on_now") })) await put({ paused: false }, currentTarget);
  });
}

async function put(body, busy) {
  if (await attempt(() => call("PUT", "/v1/programme", { body }), { busy })) location.reload();
}

function askWhy() {
  return new Promise((resolve) => {
    const reason = el("textarea", { name: "reason", required: true, maxlength: 500, rows: 3, value: typed });
    reason.addEventListener("input", () => reason.setCustomValidity(reason.value && !reason.value.trim() ? say("stop_reason") : "")); // blanks tell nobody
    const dialog = el("dialog", { "aria-labelledby": "stop-title" }, el("form", { method: "dialog" },
      el("h2", { id: "stop-title" }, say("stop_title")), el("p", {}, say("stop_about")),
      el("label", {}, say("stop_reason"), reason),
      el("div", { class: "buttons" }, el("button", { class: "quiet", value: "no", formnovalidate: true }, say("cancel")), el("button", { class: "danger", value: "yes" }, say("stop_now")))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? reason.value : undefined);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
