// Setting a second factor up: a picture to scan, a code to give, and codes to keep.
import { call, Problem } from "./api.js";
import { el, fill } from "./dom.js";
import { copyText, tell } from "./frame.js";
import { say } from "./words.js";

/** Begin a second factor in a place of the page; `done` is called when it is on and its recovery codes were kept. */
export async function setUp(place, done) {
  const { body } = await call("POST", "/v1/account/second-factor");
  const complaint = el("p", { class: "complaint", role: "alert" });
  const code = el("input", {
    inputmode: "numeric", autocomplete: "one-time-code", maxlength: 12, required: true, pattern: "[0-9 ]{6,}",
  });
  const button = el("button", {}, say("confirm"));
  const form = el("form", { class: "second" }, el("label", {}, say("code"), code), complaint, el("div", { class: "buttons" }, button));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await call("POST", "/v1/account/second-factor/confirm", { body: { code: code.value } });
      tell(say("turned_on"));
      oneTimeCodes(place, answer.body.recovery_codes, done);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      complaint.textContent = error.code === "wrong_code" ? say("proof_wrong_code") : error.words;
      code.value = "";
      code.focus();
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  fill(
    place,
    el("p", {}, say("scan")),
    el("img", { class: "qr", alt: say("picture"), src: `data:image/svg+xml,${encodeURIComponent(body.qr)}`, width: 200, height: 200 }),
    el("p", { class: "note" }, say("by_hand"), " ", el("code", { class: "secret" }, body.secret.match(/.{1,4}/g).join(" "))),
    form,
  );
  code.focus();
}

/** Show recovery codes, this once. */
export function oneTimeCodes(place, codes, done) {
  const copy = el("button", { type: "button", class: "quiet", onclick: () => copyText(codes.join("\n")) }, say("copy_them"));
  const kept = el("button", { type: "button", onclick: done }, say("kept"));
  fill(
    place,
    el("h3", {}, say("codes")),
    el("p", {}, say("about_codes")),
    el("ul", { class: "codes" }, codes.map((each) => el("li", {}, el("code", {}, each)))),
    el("div", { class: "buttons" }, copy, kept),
  );
  kept.focus();
}
