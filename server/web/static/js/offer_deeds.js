// Leading an offer on: publish, approve, pause, end, and writing an older version again; and how far its passes follow.
import { call, Problem } from "./api.js";
import { all, el, find } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { count, FACTS, knows, say } from "./words.js";

const PATH = `/v1/offers/${FACTS.offer}`;
const LATER = "offer:said";
const LOOK_MS = 2000;

/** Attach the deeds that the page offers. */
export function attachDeeds() {
  const deeds = { publish, approve, pause, end };
  for (const button of all("[data-deed]")) button.addEventListener("click", () => deeds[button.dataset.deed](button));
  for (const button of all("[data-again]")) button.addEventListener("click", () => again(button));
  const said = sessionStorage.getItem(LATER);
  sessionStorage.removeItem(LATER);
  if (said) tell(said);
}

/** Do something; what is refused is said in the page's language, where it has words for it (for a deed of a `kind`, words of its own). */
export function deed(work, busy, kind = "") {
  return attempt(async () => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem) || !knows(`problem_${kind}${error.code}`)) throw error;
      tell(say(`problem_${kind}${error.code}`, { problem: error.words }), { wrong: true });
      return undefined;
    }
  }, { busy });
}

/** Show the page anew, and say what was done. */
function anew(text) {
  sessionStorage.setItem(LATER, text);
  location.assign(location.pathname);
}

/** What was done, with what its author should know: that a version waits for its yes has words here. */
function warned(body, text) {
  const waits = body.status === "live" && body.live_version < body.version;
  const left = (body.warnings ?? []).filter((each) => each.field || !waits);
  return [text, waits ? say("asked_now") : null, ...left.map((each) => say("warned", { message: `${each.field} ${each.message}` }))].filter(Boolean).join(" ");
}

async function publish(busy) {
  await deed(async () => {
    try {
      const { body } = await call("POST", `${PATH}/publish?version=${FACTS.version}`, { key: true });
      anew(warned(body, say("published_now", { version: body.version })));
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "approval_required") throw error;
      anew(say("asked_now"));
    }
  }, busy);
}

async function approve(busy) {
  const done = await deed(() => call("POST", `${PATH}/approve`, { body: { version: FACTS.version }, key: true }), busy);
  if (done) anew(say("approved_now", { version: FACTS.version }));
}

async function pause(busy) {
  const done = await deed(() => call("POST", `${PATH}/pause`, { key: true }), busy);
  if (done) anew(say("paused_now"));
}

/** Ask what shall become of the passes, and once more where they shall be void. */
async function end(busy) {
  const passes = await askHowToEnd();
  if (passes === undefined) return;
  if (passes && !(await ask(say("end_sure"), { yes: say("end_void_yes") }))) return;
  const done = await deed(() => call("POST", `${PATH}/end`, { body: { void_passes: passes }, key: true }), busy);
  if (done) anew(passes ? say("voided", { count: count(done.body.voided_passes) }) : say("ended_now"));
}

function askHowToEnd() {
  return new Promise((resolve) => {
    const tick = el("input", { type: "checkbox", name: "void" });
    const dialog = el("dialog", { "aria-labelledby": "end-title" }, el("form", { method: "dialog" },
      el("h2", { id: "end-title" }, say("end_title")), el("p", {}, say("end_about")),
      el("label", { class: "tick" }, tick, say("end_void")),
      el("div", { class: "buttons" }, el("button", { class: "quiet", value: "no" }, say("cancel")), el("button", { class: "danger", value: "yes" }, say("end_now")))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? tick.checked : undefined);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

async function again(busy) {
  const version = busy.dataset.again;
  if (!(await ask(say("again_sure", { version })))) return;
  await deed(async () => {
    const { body: old } = await call("GET", `${PATH}/versions/${version}`);
    const { status, ...document } = old.document;
    const { body } = await call("PUT", `${PATH}?version=${FACTS.version}`, { body: document });
    anew(warned(body, say("done")));
  }, busy);
}

/** Tell how far the passes follow the newest edit, until they do. */
export async function watchPasses() {
  const node = find("#passes-job");
  const { body: { job } } = await call("GET", `${PATH}/passes-job`);
  if (!job || job.state === "replaced") return;
  const told = { looked: count(job.looked), changed: count(job.changed), total: count(job.total ?? 0) };
  node.hidden = false;
  node.textContent = job.state === "done" ? say("job_done", told) : job.total === null ? say("job_counting", told) : say("job", told);
  if (job.state === "running") setTimeout(() => attempt(watchPasses), LOOK_MS);
}
