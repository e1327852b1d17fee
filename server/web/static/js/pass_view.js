// A pass as the wallet shows it, from what GET /v1/passes/{serial}/face or a preview says of it. The page loads /static/pass_view.css.
import { el, fill } from "./dom.js";
import { say } from "./words.js";

const READABLE = 4.5; // WCAG 2.2, 1.4.3: what the author's colours do not reach is drawn in black or white

/** Draw a pass: `code` is the SVG of its QR code (a text), null where there is none to scan. */
export function passView(face, { code = null } = {}) {
  const view = el("article", { class: `pass ${face.wallet} ${face.style} ${face.state}`, "aria-label": `${face.organization}: ${face.description}` });
  paint(view, face);
  const front = el("div", { class: "pass-front" }, parts(face), codeOf(face, code));
  const back = el("div", { class: "pass-back", hidden: true }, lines(face.back, "pass-lines"));
  return fill(view, top(face), ribbon(face), front, back, turner(view, front, back));
}

/** The address of a picture for an img element: an SVG as text. */
export const pictureOf = (svgText) => `data:image/svg+xml,${encodeURIComponent(svgText)}`;

function paint(view, face) {
  const ink = readable(face.foreground, face.background);
  view.style.setProperty("--pass-ground", face.background);
  view.style.setProperty("--pass-ink", ink);
  view.style.setProperty("--pass-label", readable(face.label, face.background, ink));
}

function top(face) {
  const logo = face.images.logo && el("img", { class: "pass-logo", src: face.images.logo, alt: "" });
  return el("header", { class: "pass-top" }, el("p", { class: "pass-name" }, logo, el("span", {}, face.logo_text || face.organization)), lines(face.header, "pass-header"));
}

function ribbon(face) {
  return face.state !== "active" && el("p", { class: "pass-state" }, say(`pass_${face.state}`));
}

function parts(face) {
  const strip = face.images.strip || face.images.background;
  const primary = el("div", { class: strip ? "pass-primary with-strip" : "pass-primary" }, strip && el("img", { class: "pass-strip", src: strip, alt: "" }), lines(face.primary, "pass-large"));
  const thumbnail = face.images.thumbnail && el("img", { class: "pass-thumbnail", src: face.images.thumbnail, alt: "" });
  return [primary, thumbnail, lines(face.secondary, "pass-row"), lines(face.auxiliary, "pass-row")];
}

function lines(fields, name) {
  if (!fields.length) return null;
  return el("dl", { class: name }, fields.map((each) => el("div", {}, el("dt", {}, each.label), el("dd", {}, each.value))));
}

function codeOf(face, code) {
  const over = face.state !== "active";
  const picture = code && !over ? el("img", { src: pictureOf(code), alt: say("pass_code") }) : el("p", { class: "pass-no-code" }, say(over ? "pass_over" : "pass_no_code"));
  return el("div", { class: "pass-code" }, picture, code && !over && el("p", { class: "pass-typed" }, face.code_text));
}

function turner(view, front, back) {
  const button = el("button", { type: "button", class: "pass-turn", "aria-expanded": "false", onclick: turn }, say("pass_more"));
  function turn() {
    const turned = front.hidden;
    front.hidden = !turned;
    back.hidden = turned;
    view.classList.toggle("turned", !turned);
    button.setAttribute("aria-expanded", String(!turned));
    fill(button, say(turned ? "pass_more" : "pass_front"));
  }
  return button;
}

/** Give a colour that can be read on a ground: the one that is wanted, another one, black or white. */
export function readable(wanted, ground, ...others) {
  const reads = [wanted, ...others].find((each) => contrast(each, ground) >= READABLE);
  return reads || (contrast("#ffffff", ground) >= contrast("#000000", ground) ? "#ffffff" : "#000000");
}

/** How well one colour (#rrggbb) reads on another: 1 to 21 (WCAG 2.2, contrast ratio). */
export function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
