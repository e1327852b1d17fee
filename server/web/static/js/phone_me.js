// What a customer may say, ask and take back: agreements, topics, reasons, their data.
import { all, el, fill, find } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { reason } from "./phone_moments.js";
import { begone, mine, whoAmI } from "./phone_self.js";
import { subscribe } from "./phone_push.js";
import { FACTS, count, say } from "./words.js";

let leave = () => {};
let located = () => {};
const turns = { consents: 0, topics: 0 };

/** Begin to ask or to change something; answers whether nothing was changed since: an answer of before would undo it here. */
function turn(of, changes = 0) {
  const own = (turns[of] += changes);
  return () => own === turns[of] && ((turns[of] += changes), true);
}

/**
 * Make the screen work; `left` is called when this phone has no customer any more, with a sentence about it, `locate` with
 * whether the location may be used from now on.
 */
export function bindMe(left, locate) {
  [leave, located] = [left, locate];
  find("#consents").addEventListener("change", ({ target }) => agree(target));
  find("#topics").addEventListener("submit", (event) => (event.preventDefault(), addTopic(event.submitter.value === "true")));
  find("#whys").addEventListener("toggle", ({ target }) => target.open && listWhys());
  find("#export").addEventListener("click", ({ target }) => download(target));
  find("#new-phone").addEventListener("click", renew);
  find("#forget").addEventListener("click", ({ target }) => forget(target));
  find("#push-here").hidden = !FACTS.push;
  find("#push-here").addEventListener("click", ({ target }) => attempt(subscribe, { busy: target }));
}

/** Show who this is and what was said. */
export async function showMe() {
  const id = whoAmI();
  if (find("#who").title !== id) find("#consents").disabled = true; // what another customer agreed to says nothing here
  fill(find("#who"), id ? id.slice(-8) : "");
  find("#who").title = id ?? "";
  const still = { consents: turn("consents"), topics: turn("topics") };
  const answer = await attempt(() => mine("GET", "/v1/me"));
  if (!answer) return;
  if (still.consents()) drawConsents(answer.body.consents);
  if (still.topics()) drawTopics(answer.body.topics);
  if (find("#whys").open) listWhys();
}

function drawConsents(consents) {
  find("#consents").disabled = false;
  for (const tick of all("#consents input")) tick.checked = consents[tick.name];
}

async function agree(tick) {
  const last = turn("consents", 1);
  const answer = await attempt(() => mine("PUT", "/v1/me/consents", { body: { [tick.name]: tick.checked } }), { busy: tick });
  if (!answer) tick.checked = !tick.checked;
  else if (last()) drawConsents(answer.body);
  if (answer && tick.name === "location") located(answer.body.location);
}

function drawTopics(topics) {
  const named = Object.entries(topics).sort(([one], [other]) => one.localeCompare(other));
  fill(find("#topic-list"), named.map(([name, wanted]) => topicRow(name, wanted)));
}

function topicRow(name, wanted) {
  return el("li", { class: "topic" }, el("span", {}, name), el("span", { class: wanted ? "badge good" : "badge" }, say(wanted ? "topic_yes" : "topic_no")), el("button", { type: "button", class: "quiet", "aria-label": `${say("delete")}: ${name}`, onclick: () => setTopic(name, null) }, say("delete")));
}

async function setTopic(name, wanted) {
  const last = turn("topics", 1);
  const answer = await attempt(() => mine("PATCH", "/v1/me", { body: { topics: { [name]: wanted } } }));
  if (answer && last()) drawTopics(answer.body.topics);
  return answer;
}

async function addTopic(wanted) {
  const field = find("#topics [name=topic]");
  const wrong = find("#topic-wrong");
  const name = field.value.trim();
  wrong.hidden = true;
  if (!name) {
    wrong.hidden = false;
    fill(wrong, say("topic_empty"));
    field.focus();
  } else if (await setTopic(name, wanted)) field.value = "";
}

async function listWhys() {
  const answer = await attempt(() => mine("GET", "/v1/me/decisions?limit=50"));
  const items = answer?.body.items ?? [];
  fill(find("#why-list"), items.length ? items.map(reason) : el("li", { class: "empty" }, say("no_why")));
}

async function everythingStored(busy) {
  const answer = await attempt(() => mine("POST", "/v1/me/export"), { busy });
  return answer?.body;
}

async function download(busy) {
  const found = await everythingStored(busy);
  if (!found) return;
  const url = URL.createObjectURL(new Blob([JSON.stringify(found, null, 2)], { type: "application/json" }));
  const link = el("a", { href: url, download: `kairos-${whoAmI().slice(-8)}.json` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

async function renew() {
  if (!(await ask(say("about_new_phone"), { yes: say("new_phone") }))) return;
  begone();
  leave("");
}

async function forget(busy) {
  if (!(await ask(say("about_forget"), { yes: say("forget") }))) return;
  if (!(await ask(say("about_forget_again"), { yes: say("forget") }))) return;
  const found = await everythingStored(busy);
  const rows = Object.values(found?.tables ?? {}).reduce((sum, table) => sum + table.length, 0);
  const answer = await attempt(() => mine("DELETE", "/v1/me"), { busy });
  if (!answer) return;
  begone();
  tell(say("done"));
  leave(say("gone_all", { rows: count(rows) }));
}
