// People who log in: added, changed, let in again, kept out.
import { badge, button, cell, deeds, field, formDialog, once, table } from "./admin_parts.js";
import { call, everything } from "./api.js";
import { el, fill } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { FACTS, say, time } from "./words.js";

const ROLES = ["marketer", "analyst", "admin", "counter"];
const state = { place: null, stores: [] };

/** Show everybody. */
export async function show(place) {
  state.place = place;
  state.stores = await everything("/v1/stores");
  await again();
}

async function again() {
  const people = await everything("/v1/users");
  const heads = [say("name"), say("roles"), say("state"), say("made"), null];
  fill(
    state.place,
    el("p", {}, button(say("add_person"), add, "")),
    el("section", { class: "panel" }, table(heads, people.map(row))),
  );
}

function row(person) {
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, person.name, el("small", {}, person.email)),
    cell(say("roles"), person.roles.map((each) => [badge(say(`role_${each}`)), " "]), person.store_id && el("small", {}, storeName(person.store_id))),
    cell(say("state"), stateOf(person), person.second_factor && [" ", badge(say("second_factor"), "good")]),
    cell(say("made"), time(person.created_at)),
    deeds(button(say("edit"), () => change(person))),
  );
}

function stateOf(person) {
  if (person.disabled_at) return badge(say("state_disabled"), "wrong");
  return person.one_time ? badge(say("state_one_time")) : badge(say("state_active"), "good");
}

const storeName = (id) => state.stores.find((each) => each.id === id)?.name ?? id;

function rolesField(chosen) {
  const ticks = ROLES.map((role) => el("input", { type: "checkbox", value: role, checked: chosen.includes(role) }));
  const group = el("fieldset", {}, el("legend", {}, say("roles")), ticks.map((tick) => el("label", { class: "tick" }, tick, say(`role_${tick.value}`))));
  const wrong = el("span", { class: "complaint", id: "wrong-roles" });
  group.setAttribute("aria-describedby", wrong.id);
  return {
    label: el("div", {}, group, wrong), control: group, wrong, ticks,
    value: () => ticks.filter((tick) => tick.checked).map((tick) => tick.value),
  };
}

function storeField(chosen) {
  const options = [el("option", { value: "" }, say("no_store")), state.stores.map((each) => el("option", { value: each.id, selected: each.id === chosen }, each.name))];
  return field(say("store"), el("select", {}, options));
}

/** A store belongs to the counter alone: the field is there with that role. */
function fit(fields) {
  const show = () => {
    fields.store_id.label.hidden = !fields.roles.value().includes("counter");
  };
  for (const tick of fields.roles.ticks) tick.addEventListener("change", show);
  show();
  return fields;
}

function explain(problem) {
  const known = { email_taken: ["email", say("wrong_taken")], last_admin: ["roles", say("wrong_last_admin")] };
  if (known[problem.code]) return [{ field: known[problem.code][0], message: known[problem.code][1] }];
  if (!problem.errors.length) return [{ field: "", message: problem.words }];
  const words = { email: say("wrong_email"), name: say("wrong_name"), roles: say("wrong_roles"), store_id: say("wrong_store") };
  return problem.errors.map((each) => ({ field: each.field, message: words[each.field.replace(/\[.*/, "")] ?? each.message }));
}

async function add() {
  const fields = fit({
    name: field(say("name"), el("input", { maxlength: 100, required: true, autocomplete: "off" })),
    email: field(say("email"), el("input", { type: "email", maxlength: 254, required: true, autocomplete: "off" })),
    roles: rolesField([]),
    store_id: storeField(null),
  });
  const made = await formDialog({
    title: say("add_person"), fields, yes: say("add"), explain,
    send: async () => (await call("POST", "/v1/users", { key: true, body: { email: fields.email.control.value.trim(), ...wanted(fields) } })).body,
  });
  if (!made) return;
  tell(say("added_person", { name: made.name }));
  await shownOnce(made);
  await attempt(again);
}

const wanted = (fields) => ({
  name: fields.name.control.value.trim(),
  roles: fields.roles.value(),
  store_id: fields.roles.value().includes("counter") ? fields.store_id.control.value || null : null,
});

async function change(person) {
  const fields = fit({
    name: field(say("name"), el("input", { maxlength: 100, required: true, value: person.name, autocomplete: "off" })),
    roles: rolesField(person.roles),
    store_id: storeField(person.store_id),
  });
  const note = el("p", { class: "note" }, person.email, itself(person) && ` – ${say("ends_own")}`);
  const more = el("div", { class: "more" }, note, el("div", { class: "buttons" }, furtherDeeds(person)));
  const changed = await formDialog({
    title: say("change_person", { name: person.name }), fields, more, yes: say("save_changes"), explain,
    send: async () => {
      const body = changes(person, wanted(fields));
      return Object.keys(body).length ? (await call("PATCH", `/v1/users/${person.id}`, { body })).body : null;
    },
  });
  if (changed) await settled(person, say("changed_person", { name: changed.name }));
}

/** What the form says otherwise than it did at first: what somebody else changed meanwhile is not written over. */
function changes(person, now) {
  const same = (name) => `${[now[name]].flat().sort()}` === `${[person[name]].flat().sort()}`;
  return Object.fromEntries(Object.entries(now).filter(([name]) => !same(name)));
}

const itself = (person) => FACTS.who === `user:${person.id}`;

const shownOnce = ({ name, password }) => once(say("password_once", { name }), say("about_password_once"), [["", password]]);

/** Say what was done and show everybody anew; nothing more is answered to those who changed themselves: their log-in has ended. */
async function settled(person, text) {
  if (itself(person)) return location.assign("/login");
  tell(text);
  await attempt(again);
}

function furtherDeeds(person) {
  const patch = (body) => call("PATCH", `/v1/users/${person.id}`, { body });
  const named = (key) => say(key, { name: person.name });
  const sure = (key) => (itself(person) ? `${named(key)} ${say("ends_own")}` : named(key));
  const does = (name, question, work, { told = "changed_person", kind } = {}) =>
    button(say(name), (event) => deed(event, question, async () => ({ ...(await work()), person, text: named(told) })), kind);
  return [
    does("reset_password", sure("sure_reset"), () => patch({ reset_password: true })),
    person.second_factor && does("reset_second", sure("sure_second"), () => patch({ reset_second_factor: true })),
    does("end_all", sure("sure_end_all"), () => call("DELETE", `/v1/users/${person.id}/sessions`), { told: "ended_all" }),
    person.disabled_at
      ? does("enable", null, () => patch({ disabled: false }))
      : does("disable", sure("sure_disable"), () => patch({ disabled: true })),
    does("remove", sure("sure_remove"), () => call("DELETE", `/v1/users/${person.id}`), { told: "removed_person", kind: "danger" }),
  ];
}

/** Ask, do it, close the dialog it stood in, show the password if one was made (before anything can fail), and everybody anew. */
async function deed(event, question, work) {
  const dialog = event.target.closest("dialog");
  if (question && !(await ask(question))) return;
  const did = await attempt(work, { busy: event.target });
  if (!did) return;
  dialog.close();
  if (did.body?.password) await shownOnce(did.body);
  await settled(did.person, did.text);
}
