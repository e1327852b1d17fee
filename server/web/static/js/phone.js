// A phone in the browser: signs a customer up, lies somewhere in the world, and shows what comes of it.
import { call } from "./api.js";
import { fill, find } from "./dom.js";
import { attempt } from "./frame.js";
import { bindMe, showMe } from "./phone_me.js";
import { bindMoments, forgetMoments, readInbox, take } from "./phone_moments.js";
import { listPasses } from "./phone_passes.js";
import { openScene } from "./phone_scene.js";
import { appKey, become, begone, keepKey, listen, whenGone, whoAmI } from "./phone_self.js";
import { bindTabs, showTab, whenOpened } from "./phone_tabs.js";
import { forgetWorld, locate, openWorld, reportAgain, shown } from "./phone_world.js";
import { FACTS, LANGUAGE, say } from "./words.js";

const PURPOSES = ["location", "push", "profiling"];
let silence = () => {};

function start() {
  bindTabs();
  bindMe(left, locate);
  bindMoments();
  whenOpened("me", showMe);
  whenOpened("passes", listPasses);
  whenOpened("inbox", readInbox);
  whenOpened("world", shown);
  whenGone(() => (begone(), left("")));
  openWorld({ moments: (found) => found.forEach(take), where: (text) => fill(find("#where"), text) });
  find("#sign-up").addEventListener("submit", (event) => (event.preventDefault(), signUp(event.target, event.submitter)));
  openScene(dayMoved);
  if (whoAmI()) begin();
  else welcome("");
}

function welcome(text) {
  find("#ask-key").hidden = Boolean(FACTS.key);
  if (!FACTS.key) find("#sign-up").elements.key.value = appKey();
  const gone = find("#gone");
  gone.hidden = !text;
  fill(gone, text);
  showTab("welcome");
  if (text) gone.focus();
}

async function begin() {
  showTab("now");
  silence();
  silence = listen(take);
  await readInbox();
}

function left(text) {
  silence();
  forgetMoments();
  forgetWorld();
  fill(find("#where"), say("nowhere"));
  welcome(text);
}

/** After the day has moved: what was there may be over, and a fix of the new time is due. */
async function dayMoved() {
  if (!whoAmI()) return;
  silence();
  silence = listen(take);
  await readInbox();
  await reportAgain();
}

async function signUp(form, busy) {
  const wrong = find("#sign-up-wrong");
  wrong.hidden = true;
  const complain = (text) => ((wrong.hidden = false), fill(wrong, text));
  const key = FACTS.key || form.elements.key.value.trim();
  if (!key) return complain(say("key_missing"));
  const consents = Object.fromEntries(PURPOSES.map((name) => [name, form.elements[name].checked]));
  const first = form.elements.first_name.value.trim();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || FACTS.zone;
  const body = { locale: LANGUAGE === "de" ? "de-DE" : "en-US", time_zone: zone, consents, attributes: first ? { first_name: first } : {} };
  busy.setAttribute("aria-busy", "true");
  try {
    const answer = await call("POST", "/v1/customers", { body, token: key, key: true });
    if (!FACTS.key) keepKey(key);
    become(answer.body);
    form.reset();
    await begin();
    find("#tabbar [value=now]").focus({ preventScroll: true }); // the form that had the focus is gone
    return undefined;
  } catch (error) {
    return complain(error.words ?? String(error));
  } finally {
    busy.removeAttribute("aria-busy");
  }
}

attempt(async () => start());
