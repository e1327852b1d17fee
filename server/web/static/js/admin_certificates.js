// What ends, and what to do about it.
import { badge, cell, table } from "./admin_parts.js";
import { call } from "./api.js";
import { el, fill } from "./dom.js";
import { count, FACTS, knows, say, time } from "./words.js";

const DAY_MS = 86_400_000;
const SOON = 30;

/** Show the certificates, the next to end first. */
export async function show(place) {
  const { body } = await call("GET", "/v1/certificates");
  const heads = [say("what_ends"), say("ends_on"), say("days_left")];
  const see = FACTS.warnings.length
    ? el("section", { class: "wanted", role: "alert" }, el("h2", {}, say("see_to")), el("ul", {}, FACTS.warnings.map((each) => el("li", {}, each))))
    : el("p", {}, badge(say("all_well"), "good"));
  fill(
    place,
    see,
    el("section", { class: "panel" }, table(heads, body.items.map(row), { empty: say("no_certificates") })),
    el("section", { class: "panel" }, el("h2", {}, say("what_to_do")), el("ol", {}, ["renew_1", "renew_2", "renew_3"].map((each) => el("li", {}, say(each))))),
  );
}

function row(item) {
  const days = Math.floor((new Date(item.ends_at) - Date.now()) / DAY_MS);
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, knows(`cert_${item.name}`) ? say(`cert_${item.name}`) : item.name),
    cell(say("ends_on"), time(item.ends_at)),
    cell(say("days_left"), badge(count(days), days <= SOON ? "wrong" : "good")),
  );
}
