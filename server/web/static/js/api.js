// Asking the server as any program would, with the log-in's cookie and the page's token.
import { find } from "./dom.js";
import { prove } from "./proof.js";
import { pageNow } from "./token.js";
import { FACTS, LANGUAGE, knows, say } from "./words.js";

/** What the server refused, as RFC 9457 tells it: `errors` lists {field, message}. */
export class Problem extends Error {
  constructor(status, told) {
    super(told.detail || told.title || String(status));
    this.status = status;
    this.code = told.code || "";
    this.errors = told.errors || [];
    this.told = told;
  }

  /** In words, with the fields that are wrong; what may happen anywhere has words of the page's language. */
  get words() {
    if (this.errors.length) return this.errors.map((each) => `${each.field} ${each.message}`).join("; ");
    return LANGUAGE !== "en" && knows(`trouble_${this.code}`) ? say(`trouble_${this.code}`) : this.message;
  }
}

/**
 * Ask: call("POST", "/v1/offers", {body: document, key: true}).
 * `body` is sent as JSON unless `type` names another media type; `key: true` makes an Idempotency-Key (a string is one);
 * `token` stands for a customer's or key's bearer token instead of the cookie. Answers {status, body, headers}; raises Problem
 * (status 0 where the server cannot be reached). Where the log-in is too old for what is asked, the password is asked for, and
 * then it goes on; and so it does where the same person logged in anew in another tab.
 */
export async function call(method, path, given = {}) {
  const sent = given.key === true ? { ...given, key: crypto.randomUUID() } : given;
  try {
    return await asked(method, path, sent);
  } catch (error) {
    if (error.code !== "reauthentication_required") throw error;
    const proven = await prove({ second: error.told.second_factor, send: reauthenticate });
    if (!proven) throw new Problem(error.status, { detail: say("proof_cancelled"), code: "proof_cancelled" });
    return asked(method, path, sent);
  }
}

async function asked(method, path, given) {
  const before = pageToken().content;
  try {
    return await ask(method, path, given);
  } catch (error) {
    if (error.code !== "cross_site" || given.token) throw error;
    if (pageToken().content === before) await renew(given.signal);
    return ask(method, path, given);
  }
}

const pageToken = () => find("meta[name=csrf]");

/** Take over the token of the log-in of now, if it is the same person's; raises Problem where it is not, or where it is no other. */
async function renew(signal) {
  const now = await pageNow({ signal });
  if (now === null) throw new Problem(0, { detail: say("offline"), code: "offline" });
  if (now.who === null) throw new Problem(401, { detail: say("log_in_again"), code: "log_in_again" });
  if (now.who !== FACTS.who || now.token === pageToken().content) throw new Problem(403, { detail: say("trouble_cross_site"), code: "cross_site" });
  pageToken().content = now.token;
}

async function reauthenticate(proof) {
  try {
    await asked("POST", "/v1/account/reauthenticate", { body: proof });
    return { ok: true };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { ok: false, code: error.code };
  }
}

async function ask(method, path, { body, key, token, type = "application/json", signal } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  else if (method !== "GET") headers["X-CSRF-Token"] = pageToken().content;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = type;
  let answer;
  try {
    const sent = body === undefined || type !== "application/json" ? body : JSON.stringify(body);
    answer = await fetch(path, { method, headers, body: sent, signal, credentials: token ? "omit" : "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: say("offline"), code: "offline" });
  }
  const text = await answer.text();
  let told = null;
  try {
    told = text ? JSON.parse(text) : null;
  } catch {
    told = text;
  }
  if (answer.status === 401 && !token && told?.code === "unauthenticated") throw new Problem(401, { detail: say("log_in_again"), code: "log_in_again" });
  if (!answer.ok) throw new Problem(answer.status, told && typeof told === "object" ? told : { title: answer.statusText });
  return { status: answer.status, body: told, headers: answer.headers };
}

/** Read a list to its end (or to `most` items), page by page. */
export async function everything(path, { most = 2000, token } = {}) {
  const items = [];
  let cursor = null;
  do {
    const url = new URL(path, location.origin);
    url.searchParams.set("limit", "200");
    if (cursor) url.searchParams.set("cursor", cursor);
    const { body } = await call("GET", url.pathname + url.search, { token });
    items.push(...body.items);
    cursor = body.next;
  } while (cursor && items.length < most);
  return items;
}
