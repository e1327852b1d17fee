// Redeeming, once: a redemption whose answer never came is asked for again under its own id, so that the server gives the
// answer that was lost, or does it now. Until it is answered it is kept, for a day, also over a reload.
import { call, Problem } from "./api.js";
import { freshId, passOf } from "./counter_codes.js";
import { all, drop, put } from "./counter_store.js";
import { stands } from "./counter_today.js";
import { FACTS } from "./words.js";

const PATIENCE_MS = 4000;
const KEEP_MS = 86_400_000; // the server knows an id for longer, but this till sees today's redemptions alone
const NAMED = "asked ";
const REFUSED = [404, 409, 410, 422, 425];

const open = new Map(); // by their ids: {name, id, till, pass, code, purchase, at}

/** Whether nobody answered: what became of a request is then not known. */
export const isAway = (problem) => problem.status === 0 || problem.status >= 502;

/** Read what was left unanswered when this page was open before, and forget what is too old. */
export async function recall() {
  for (const each of await all("kept")) {
    if (each.name.startsWith(NAMED)) open.set(each.id, each);
  }
  forgetOld();
}

function forgetOld() {
  for (const each of open.values()) if (!isFresh(each)) settle(each.id);
}

const isFresh = (each) => each.at > Date.now() - KEEP_MS;

/** Redemptions of a code's pass that this till asked for and that nobody answered. */
export function unanswered(code) {
  const pass = passOf(code);
  return [...open.values()].filter((each) => each.pass === pass && each.till === FACTS.till && isFresh(each));
}

/** It was answered, or is a record now that will be. */
export function settle(id) {
  open.delete(id);
  drop("kept", NAMED + id).catch(() => {}); // a browser that keeps nothing has nothing to forget
}

/** Redeem a code and answer the server's body; raises Problem, with the redemption's `id` where nobody answered. */
export async function redeemOnce(code, purchase) {
  const again = unanswered(code).find((each) => isSame(each.purchase, purchase));
  try {
    return (again && (await asked(again))) ?? (await asked(begun(code, purchase), { first: true }));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === "already_redeemed") return earlier(code, error);
    if (again === undefined || again.code === code || !isRefusal(error)) throw error;
    return asked(begun(code, purchase), { first: true }); // a code that changes may have grown too old to be asked for again
  }
}

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function begun(code, purchase) {
  forgetOld();
  const id = freshId();
  const one = { name: NAMED + id, id, till: FACTS.till, pass: passOf(code), code, purchase, at: Date.now() };
  open.set(id, one);
  put("kept", one).catch(() => {}); // without a place to keep it, it is known until the page is left
  return one;
}

/** The pass was used: by what this till asked for with another purchase, perhaps. */
async function earlier(code, refusal) {
  for (const each of unanswered(code)) {
    const body = await asked(each).catch((error) => {
      if (error instanceof Problem && isRefusal(error)) return null;
      throw error;
    });
    if (body !== null) return body;
  }
  throw refusal;
}

/** Ask for one, for the `first` time or again; null where it had been made and was taken back since. */
async function asked({ id, code, purchase }, { first = false } = {}) {
  try {
    const { body, headers } = await reached("/v1/redemptions", { code, purchase }, id);
    const good = first || headers.get("Idempotent-Replayed") === null || (await stands(body.id));
    settle(id);
    return good ? body : null;
  } catch (error) {
    if (error instanceof Problem && isRefusal(error)) settle(id);
    if (error instanceof Problem && isAway(error)) error.id = id;
    throw error;
  }
}

// What else is refused, a log-in for one, says nothing of the redemption.
const isRefusal = (problem) => REFUSED.includes(problem.status) || problem.code === "wrong_store";

/** One more try where the server asks for it; the key makes it one redemption whatever came of the first. */
export async function reached(path, body, key) {
  const once = () => call("POST", path, { body, key, signal: AbortSignal.timeout(PATIENCE_MS) });
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 503) throw error;
    await new Promise((resolve) => setTimeout(resolve, 700));
    return once();
  }
}
