// Credentials of machines: made (and shown once), listed, revoked.
import { badge, button, cell, deeds, field, formDialog, once, table } from "./admin_parts.js";
import { call, everything } from "./api.js";
import { el, fill } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { FACTS, say, time } from "./words.js";
import { instantOf, wallOf } from "./zone_time.js";

const KINDS = ["app", "till", "crm", "marketer", "analyst", "admin"];
const LAST_DAY = "2099-12-31";
const state = { place: null, stores: [] };

/** Show the keys. */
export async function show(place) {
  state.place = place;
  state.stores = await everything("/v1/stores");
  await again();
}

async function again() {
  const keys = await everything("/v1/keys");
  const heads = [say("name"), say("kind"), say("hint"), say("state"), say("made"), say("used"), say("good_until"), null];
  fill(
    state.place,
    el("p", {}, button(say("make_key"), make, "")),
    el("section", { class: "panel" }, table(heads, keys.map(row))),
  );
}

function row(key) {
  const store = state.stores.find((each) => each.id === key.store_id)?.name ?? key.store_id;
  const over = key.not_after && new Date(key.not_after) <= new Date();
  const counts = !key.revoked_at && !over;
  const name = key.name ?? say(`kind_${key.kind}`);
  return el(
    "tr",
    { class: counts ? "" : "past" },
    el("th", { scope: "row" }, name, store && el("small", {}, store)),
    cell(say("kind"), say(`kind_${key.kind}`), key.signed && el("small", {}, say("signed"))),
    cell(say("hint"), el("code", {}, `…${key.hint}`)),
    cell(say("state"), key.revoked_at ? badge(say("revoked"), "wrong") : over ? badge(say("over")) : badge(say("good"), "good")),
    cell(say("made"), time(key.created_at)),
    cell(say("used"), key.last_used_at ? time(key.last_used_at) : say("never")),
    cell(say("good_until"), key.not_after ? time(key.not_after) : say("for_ever")),
    deeds(counts && button(say("revoke"), (event) => revoke(key, name, event.target))),
  );
}

async function revoke(key, name, busy) {
  if (!(await ask(say("sure_revoke", { name })))) return;
  await attempt(async () => {
    await call("DELETE", `/v1/keys/${key.id}`);
    tell(say("revoked"));
    await again();
  }, { busy });
}

async function make() {
  const kind = el("select", {}, KINDS.map((each) => el("option", { value: each }, say(`kind_${each}`))));
  const signed = el("input", { type: "checkbox" });
  const fields = {
    kind: field(say("kind"), kind),
    name: field(say("name"), el("input", { maxlength: 100, autocomplete: "off" })),
    store_id: field(say("store"), el("select", {}, state.stores.map((each) => el("option", { value: each.id }, each.name)))),
    not_after: field(say("good_until"), el("input", { type: "date", min: wallOf(new Date(), FACTS.zone).date, max: LAST_DAY })),
    signed: { label: el("label", { class: "tick" }, signed, say("signed")), control: signed, wrong: el("span", {}) },
  };
  const fit = () => {
    fields.store_id.label.hidden = kind.value !== "till";
    fields.signed.label.hidden = kind.value !== "crm";
  };
  kind.addEventListener("change", fit);
  fit();
  const made = await formDialog({
    title: say("make_key"), fields, yes: say("make_key"), explain,
    send: async () => (await call("POST", "/v1/keys", { key: true, body: wanted(fields) })).body,
  });
  if (!made) return;
  tell(say("made_key"));
  const secret = made.secret ? [[say("secret_once"), made.secret]] : [];
  await once(say("token_once"), say("about_token_once"), [["", made.token], ...secret]);
  await attempt(again);
}

function wanted(fields) {
  const kind = fields.kind.control.value;
  const until = fields.not_after.control.value;
  return {
    kind,
    ...(fields.name.control.value.trim() ? { name: fields.name.control.value.trim() } : {}),
    ...(kind === "till" ? { store_id: fields.store_id.control.value || null } : {}),
    ...(until ? { not_after: instantOf(until, "23:59", FACTS.zone).toISOString() } : {}),
    ...(kind === "crm" ? { signed: fields.signed.control.checked } : {}),
  };
}

function explain(problem) {
  const words = { name: say("wrong_name"), store_id: say("wrong_store"), not_after: say("wrong_not_after") };
  if (!problem.errors.length) return [{ field: "", message: problem.words }];
  return problem.errors.map((each) => ({ field: each.field, message: words[each.field] ?? each.message }));
}
