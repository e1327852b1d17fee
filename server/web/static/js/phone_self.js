// Who this phone is: its customer's token, what time it is in the house, and asking as the customer.
import { Problem, call } from "./api.js";
import { FACTS } from "./words.js";

const SHELF = "kairos.phone";

let self = read();
let offset = 0;

function read() {
  try {
    return JSON.parse(localStorage.getItem(SHELF));
  } catch {
    return null;
  }
}

/** The customer's id, null while there is none. */
export const whoAmI = () => self?.customer_id ?? null;

/** Keep a token that was just given. */
export function become(told) {
  self = told;
  localStorage.setItem(SHELF, JSON.stringify(told));
}

/** Forget the token: this is a new phone. */
export function begone() {
  self = null;
  localStorage.removeItem(SHELF);
}

/** The app's public key: the house's, else the one that was typed in before. */
export const appKey = () => FACTS.key || localStorage.getItem(`${SHELF}.key`) || "";

/** Keep a key that worked. */
export const keepKey = (key) => localStorage.setItem(`${SHELF}.key`, key);

/** Set the time by the house's: `now` is what it just told. */
export const setClock = (now) => (offset = new Date(now).getTime() - Date.now());

/** What time it is in the house. */
export const now = () => new Date(Date.now() + offset);

/** An id of this phone's own: for fixes, events and keys. */
export const newId = () => crypto.randomUUID();

let gone = () => {};

/** Call when the customer's token is dead: they were erased, or the demonstration began anew. */
export const whenGone = (call) => (gone = call);

/** Ask as the customer: see call() of api.js. */
export async function mine(method, path, more = {}) {
  if (!self) throw new Problem(401, { detail: "", code: "no_customer" });
  const token = self.token;
  try {
    return await call(method, path, { ...more, token });
  } catch (error) {
    if (error.status === 401 && self?.token === token) gone();
    throw error;
  }
}

/** Listen to one's moments: a stream that carries a bearer token, which EventSource cannot. Answers what ends it. */
export function listen(heard) {
  const stop = new AbortController();
  follow(heard, stop.signal);
  return () => stop.abort();
}

async function follow(heard, signal) {
  let last = null;
  while (!signal.aborted && self) {
    try {
      const headers = { Authorization: `Bearer ${self.token}`, ...(last ? { "Last-Event-ID": last } : {}) };
      const answer = await fetch("/v1/moments/stream", { headers, signal, credentials: "omit" });
      if (answer.status === 401) return void gone();
      if (answer.ok) last = await readEvents(answer.body, heard, last);
    } catch (error) {
      if (error.name === "AbortError") return;
    }
    await pause(2000, signal);
  }
}

async function readEvents(body, heard, last) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true }));
    if (done) return last;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const event = fieldsOf(part);
      if (event.id) last = event.id;
      if (event.event === "moment") heard(JSON.parse(event.data));
    }
  }
}

/** The fields of one event (WHATWG HTML, 9.2.6); a line that begins with a colon is a heartbeat. */
function fieldsOf(part) {
  const fields = {};
  for (const line of part.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
  }
  return fields;
}

/** Wait so long, or until a signal. */
export const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
