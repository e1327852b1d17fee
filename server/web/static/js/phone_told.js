// What this phone tells the house of its moments: kept until the house has it, also while there is no network. An event
// counts once by its id, so it may be told again.
import { mine } from "./phone_self.js";

const SHELF = "kairos.phone.told";
const RETRY_MS = 5000;
const MOST = 100; // what is told at a time, and kept

const refused = new Map(); // by an event's id: what all of them were refused for, null where it was this one alone
let line = Promise.resolve();
let again;
let caughtUp = () => {};

/** What the house does not have yet. */
export function untold() {
  try {
    return JSON.parse(localStorage.getItem(SHELF)) ?? [];
  } catch {
    return [];
  }
}

const keep = (events) => (events.length ? localStorage.setItem(SHELF, JSON.stringify(events.slice(-MOST))) : localStorage.removeItem(SHELF));
const waits = (event) => untold().some((each) => each.id === event.id);

/** Tell again what was kept, as soon as there is a network; `done` is called when the house has all of it. */
export function bindTold(done) {
  caughtUp = done;
  addEventListener("online", catchUp);
}

/** Forget what was kept: this is another phone now. */
export function forgetTold() {
  clearTimeout(again);
  localStorage.removeItem(SHELF);
}

/** Tell an event; answers "told", "kept" for later, or "refused"; raises Problem where the house did not look at it. */
export async function inform(event) {
  keep([...untold(), event]);
  await inLine(tellAll);
  if (waits(event)) return "kept";
  if (!refused.has(event.id)) return "told";
  const problem = refused.get(event.id);
  refused.delete(event.id);
  if (problem) throw problem;
  return "refused";
}

/** Ask after what was told: an answer must not be older than that. */
export const askAfterwards = (work) => inLine(async () => (await tellAll(), work()));

const inLine = (work) => (line = line.then(work, work));

async function tellAll() {
  clearTimeout(again);
  const events = untold();
  if (events.length === 0) return;
  try {
    const { body } = await mine("POST", "/v1/events", { body: { events } });
    for (const each of body.rejected) refused.set(each.id, null);
  } catch (error) {
    if (!isRefusal(error)) return void (again = setTimeout(catchUp, RETRY_MS));
    for (const each of events) refused.set(each.id, error);
  }
  drop(events);
}

/** Whether it would be the same another time; else the house is away or busy. */
const isRefusal = ({ status }) => status >= 400 && status < 500 && status !== 429;

function drop(events) {
  const told = new Set(events.map((each) => each.id));
  keep(untold().filter((each) => !told.has(each.id)));
}

async function catchUp() {
  if (untold().length === 0) return;
  await inLine(tellAll);
  if (untold().length === 0) caughtUp();
}
