// The coupons of this phone, as its wallet shows them: drawn by the house's own design, with the code that a till reads.
import { el, fill, find, svg } from "./dom.js";
import { attempt } from "./frame.js";
import { passView } from "./pass_view.js";
import { mine } from "./phone_self.js";
import { isDetail, openDetail } from "./phone_tabs.js";
import { FACTS, LANGUAGE, count, say, time } from "./words.js";

const LOOK_MS = 1500;
const LOCALE = LANGUAGE === "de" ? "de-DE" : "en-GB";

let watching = null;

/** List the coupons. */
export async function listPasses() {
  const answer = await attempt(() => mine("GET", "/v1/passes?limit=50"));
  const items = answer?.body.items ?? [];
  fill(find("#passes"), items.length ? el("ul", { class: "rows" }, items.map(row)) : el("p", { class: "empty" }, say("no_passes")));
  for (const each of items) nameRow(each);
}

function row(pass) {
  const state = pass.state === "active" ? say("pass_active") : say(`pass_${pass.state}`);
  const name = el("span", { dataset: { serial: pass.serial } }, "…");
  const until = pass.valid_until && el("p", { class: "note" }, [pass.uses_left > 1 && say("uses_left", { count: count(pass.uses_left) }), say("until", { time: time(pass.valid_until) })].filter(Boolean).join(" · "));
  return el("li", {}, el("button", { type: "button", class: "row", onclick: () => showPass(pass) }, name, el("span", { class: pass.state === "active" ? "badge good" : "badge" }, state)), until);
}

async function nameRow(pass) {
  const face = await faceOf(pass);
  const name = document.querySelector(`#passes [data-serial="${CSS.escape(pass.serial)}"]`);
  if (face && name) fill(name, face.description);
}

const faceOf = async (pass) => (await attempt(() => mine("GET", `/v1/passes/${pass.serial}/face?locale=${LOCALE}`)))?.body;

/** Show a coupon, and follow what becomes of it. */
export async function showPass(pass) {
  const place = el("div", { class: "held" });
  openDetail("passes", el("h2", { id: "detail-title", class: "unseen" }, say("show_pass")), place);
  await drawPass(pass, place);
  watch(pass, place);
}

async function drawPass(pass, place) {
  const [face, code] = await Promise.all([faceOf(pass), pass.state === "active" ? attempt(() => mine("GET", `/v1/passes/${pass.serial}/qr.svg`)) : null]);
  if (!face) return;
  const over = pass.state !== "active";
  fill(place, passView(face, { code: code?.body ?? null }), !over && el("div", { class: "wallets" }, wallets(pass)), !over && FACTS.throwaway && el("p", { class: "note" }, say("about_throwaway")));
}

function wallets(pass) {
  return [walletButton(pass.links.apple, say("add_apple"), appleSheet()), pass.links.google && walletButton(pass.links.google, say("add_google"), googleSheet())];
}

const walletButton = (href, text, picture) => el("a", { class: "wallet-button", href, rel: "noopener" }, picture, el("span", {}, text));

/** Cards in a pocket: drawn here, no mark of anybody's. */
function appleSheet() {
  const cards = ["#3b99d8", "#f0b93b", "#5fb553", "#e3604f"].map((fill_, index) => svg("rect", { x: 2, y: 3 + index * 3, width: 24, height: 14, rx: 2, fill: fill_ }));
  return svg("svg", { viewBox: "0 0 28 24", width: 28, height: 24, "aria-hidden": "true" }, cards, svg("path", { d: "M2 15h8a4 4 0 0 0 8 0h8v6a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2z", fill: "#d9d6cf" }));
}

function googleSheet() {
  const cards = ["#34a853", "#fbbc04", "#ea4335"].map((fill_, index) => svg("rect", { x: 2, y: 2 + index * 4, width: 24, height: 12, rx: 3, fill: fill_ }));
  return svg("svg", { viewBox: "0 0 28 24", width: 28, height: 24, "aria-hidden": "true" }, cards, svg("path", { d: "M2 13c6 0 9 5 24 2v5a3 3 0 0 1-3 3H5a3 3 0 0 1-3-3z", fill: "#4285f4" }));
}

function watch(pass, place) {
  clearInterval(watching);
  let last = pass;
  watching = setInterval(async () => {
    if (!place.isConnected || !isDetail()) return clearInterval(watching);
    if (document.visibilityState !== "visible") return undefined;
    const answer = await mine("GET", `/v1/passes/${pass.serial}`).catch(() => null);
    if (!answer || (answer.body.state === last.state && answer.body.uses_left === last.uses_left)) return undefined;
    last = answer.body;
    return drawPass(last, place);
  }, LOOK_MS);
}
