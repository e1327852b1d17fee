// The password once more, before what is dear: asked for in a dialog, by whoever the server turned away.
import { el, find } from "./dom.js";
import { say } from "./words.js";

let asking;

/**
 * Ask for the password (and a code, where there is a second factor); resolves to true once the server took it, to false where
 * somebody would rather not. `send(proof)` gives it to the server and answers {ok, code}.
 */
export function prove({ second, send }) {
  asking ??= open(second, send).finally(() => (asking = undefined));
  return asking;
}

function open(second, send) {
  const password = el("input", { type: "password", autocomplete: "current-password", required: true, autofocus: true });
  const code = second && el("input", { autocomplete: "one-time-code", autocapitalize: "none", spellcheck: "false", maxlength: 64, required: true });
  const complaint = el("p", { class: "complaint", role: "alert" });
  const go = el("button", {}, say("proof_go"));
  const dialog = el("dialog", { class: "proof", "aria-labelledby": "proof-name" });
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "proof-name" }, say("proof_title")),
    el("p", {}, say("proof_about")),
    el("label", {}, say("proof_password"), password),
    code && el("label", {}, say("proof_code"), code),
    complaint,
    el("div", { class: "buttons" }, el("button", { type: "button", class: "quiet", onclick: () => dialog.close("no") }, say("cancel")), go),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.setAttribute("aria-busy", "true");
    const told = await send({ password: password.value, ...(code ? { code: code.value } : {}) });
    go.removeAttribute("aria-busy");
    if (told.ok) return dialog.close("yes");
    complaint.textContent = say(`proof_${["wrong_login", "wrong_code", "too_many_requests"].includes(told.code) ? told.code : "failed"}`);
    const wrong = told.code === "wrong_code" ? code : password;
    wrong.value = "";
    wrong.focus();
  });
  dialog.append(form);
  find("body").append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
