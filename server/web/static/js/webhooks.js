// Endpoints of other systems: added, changed, turned off and on, given another secret, deleted. Secrets are shown once.
import { field, formDialog, markPlace, once } from "./admin_parts.js";
import { call } from "./api.js";
import { all, el, find } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { FACTS, say } from "./words.js";

const LATER = "webhooks:said";

/** Show the page anew, and say there what was done. */
function anew(text) {
  sessionStorage.setItem(LATER, text);
  location.assign(location.pathname);
}

function eventsField(chosen) {
  const everything = el("input", { type: "checkbox", value: "*", checked: chosen.includes("*") });
  const ticks = FACTS.types.map((each) => el("input", { type: "checkbox", value: each, checked: chosen.includes(each) }));
  const fit = () => ticks.forEach((tick) => (tick.disabled = everything.checked));
  everything.addEventListener("change", fit);
  fit();
  const named = (tick, name) => el("label", { class: "tick" }, tick, name);
  const group = el("fieldset", {}, el("legend", {}, say("events")), named(everything, say("all_events")), ticks.map((tick) => named(tick, tick.value.replace("kairos.", ""))));
  const wrong = el("span", { class: "complaint" });
  return {
    label: el("div", {}, group, wrong), control: group, wrong,
    value: () => (everything.checked ? ["*"] : ticks.filter((tick) => tick.checked).map((tick) => tick.value)),
  };
}

const fieldsOf = (endpoint) => ({
  url: field(say("url"), el("input", { type: "url", maxlength: 2000, autocomplete: "off", placeholder: endpoint ? say("same_url") : "https://" })),
  description: field(say("description"), el("input", { maxlength: 200, autocomplete: "off", value: endpoint?.description ?? "" })),
  events: eventsField(endpoint?.events ?? ["*"]),
});

function explain(problem) {
  if (!problem.errors.length) return [{ field: "", message: problem.words }];
  const words = { url: say("wrong_url"), events: say("wrong_events"), description: say("wrong_description") };
  return problem.errors.map((each) => ({ field: each.field, message: words[each.field.replace(/\[.*/, "")] ?? each.message }));
}

const hostOf = (url) => new URL(url).host;
const told = (body) => once(say("secret_once", { host: hostOf(body.url) }), say("about_secret"), [["", body.secret]]);

async function add() {
  const fields = fieldsOf(null);
  const made = await formDialog({
    title: say("add_endpoint"), fields, yes: say("add"), explain,
    send: async () => {
      const body = { url: fields.url.control.value.trim(), events: fields.events.value() };
      if (fields.description.control.value.trim()) body.description = fields.description.control.value.trim();
      return (await call("POST", "/v1/webhooks", { key: true, body })).body;
    },
  });
  if (!made) return;
  await told(made);
  anew(say("added"));
}

async function edit({ id, host }) {
  const { body: endpoint } = await call("GET", `/v1/webhooks/${id}`);
  const fields = fieldsOf(endpoint);
  const changed = await formDialog({
    title: say("edit_endpoint", { host }), fields, yes: say("save_changes"), explain,
    send: async () => {
      const url = fields.url.control.value.trim();
      const body = { events: fields.events.value(), description: fields.description.control.value.trim() || null, ...(url ? { url } : {}) };
      return (await call("PATCH", `/v1/webhooks/${id}`, { body })).body;
    },
  });
  if (changed) anew(say("changed"));
}

async function rotate({ id, host }) {
  if (!(await ask(say("sure_rotate", { host })))) return;
  const { body } = await call("POST", `/v1/webhooks/${id}/rotate`, { key: true, body: {} });
  await told(body);
  anew(say("changed"));
}

async function remove({ id, host }) {
  if (!(await ask(say("sure_remove", { host })))) return;
  await call("DELETE", `/v1/webhooks/${id}`);
  anew(say("removed"));
}

async function turn({ id }, on) {
  await call("PATCH", `/v1/webhooks/${id}`, { body: { enabled: on } });
  anew(say(on ? "done_on" : "done_off"));
}

const DEEDS = { edit, rotate, remove, on: (card) => turn(card, true), off: (card) => turn(card, false) };
for (const node of all("[data-deed]")) {
  const card = node.closest("[data-webhook]");
  node.addEventListener("click", () => attempt(() => DEEDS[node.dataset.deed]({ id: card.dataset.webhook, host: card.dataset.host }), { busy: node }));
}
find("#add").addEventListener("click", (event) => attempt(add, { busy: event.target }));

markPlace();
const said = sessionStorage.getItem(LATER);
sessionStorage.removeItem(LATER);
if (said) tell(said);
