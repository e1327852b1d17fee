// What a customer may say, ask and take back: agreements, topics, reasons, their data.
import { all, el, fill, find } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { deed } from "./phone_deeds.js";
import { reason } from "./phone_moments.js";
import { begone, mine, whoAmI } from "./phone_self.js";
import { subscribe } from "./phone_push.js";
import { FACTS, count, say } from "./words.js";

let leave = () => {};
let located = () => {};
let agreed = {}; // as the house told it last
let line = Promise.resolve();
const waiting = { consents: 0, topics: 0 }; // how many changes the house has not answered yet

const inLine = (work) => (line = line.then(work, work));

/**
 * Change something after what was changed before: the house would keep what reaches it last. `work` is told whether it is the
 * last change of its kind: else its answer would undo here what is still to be sent.
 */
async function change(of, work) {
  waiting[of] += 1;
  try {
    return await inLine(() => work(() => waiting[of] === 1));
  } finally {
    waiting[of] -= 1;
  }
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
  if ((await inLine(readMe)) && find("#whys").open) listWhys();
}

async function readMe() {
  const answer = await attempt(() => mine("GET", "/v1/me"));
  if (answer && !waiting.consents) drawConsents(answer.body.consents);
  if (answer && !waiting.topics) drawTopics(answer.body.topics);
  return answer;
}

function drawConsents(consents) {
  agreed = consents;
  find("#consents").disabled = false;
  for (const tick of all("#consents input")) tick.checked = consents[tick.name];
}

const agree = (tick) =>
  change("consents", async (isLast) => {
    const answer = await deed(() => mine("PUT", "/v1/me/consents", { body: { [tick.name]: tick.checked } }), { busy: tick });
    if (answer) agreed = answer.body;
    if (isLast()) drawConsents(agreed);
    if (!answer) inLine(readMe); // the house may have heard it all the same
    else if (tick.name === "location") located(answer.body.location);
  });

function drawTopics(topics) {
  const named = Object.entries(topics).sort(([one], [other]) => one.localeCompare(other));
  fill(find("#topic-list"), named.map(([name, wanted]) => topicRow(name, wanted)));
}

function topicRow(name, wanted) {
  return el("li", { class: "topic" }, el("span", {}, name), el("span", { class: wanted ? "badge good" : "badge" }, say(wanted ? "topic_yes" : "topic_no")), el("button", { type: "button", class: "quiet", "aria-label": `${say("delete")}: ${name}`, onclick: () => setTopic(name, null) }, say("delete")));
}

const setTopic = (name, wanted) =>
  change("topics", async (isLast) => {
    const answer = await deed(() => mine("PATCH", "/v1/me", { body: { topics: { [name]: wanted } } }));
    if (!answer) inLine(readMe);
    else if (isLast()) drawTopics(answer.body.topics);
    return answer;
  });

async function addTopic(wanted) {
  const field = find("#topics [name=topic]");
  const wrong = find("#topic-wrong");
  const name = field.value.trim();
  wrong.hidden = true;
  if (!name) {
    wrong.hidden = false;
    fill(wrong, say("topic_empty"));
    field.focus();
  } else if ((await setTopic(name, wanted)) && field.value.trim() === name) field.value = ""; // else the next one is in it
}

async function listWhys() {
  const answer = await attempt(() => mine("GET", "/v1/me/decisions?limit=50"));
  const items = answer?.body.items ?? [];
  fill(find("#why-list"), items.length ? items.map(reason) : el("li", { class: "empty" }, say("no_why")));
}

async function everythingStored(busy) {
  const answer = await deed(() => mine("POST", "/v1/me/export"), { busy });
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
  const answer = await deed(() => mine("DELETE", "/v1/me"), { busy });
  if (!answer) return;
  begone();
  tell(say("done"));
  leave(say("gone_all", { rows: count(rows) }));
}
