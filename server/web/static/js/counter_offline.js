// A till without a network: what it may take by its terms, how it keeps that, and how it is sent when the network is back.
import { call, Problem } from "./api.js";
import { ASK, genuine, PERCENT, read, SOME_STORES, toBase64 } from "./counter_codes.js";
import { all, append, drop, get, keeps, put } from "./counter_store.js";

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const bytes = (text) => new TextEncoder().encode(text);
const hash = async (text) => toBase64(await crypto.subtle.digest("SHA-256", bytes(text)));

/** The terms as they were last told, with `till_id`, `store_id` and the clock's `skew`; null where nobody is logged in. */
export async function terms() {
  return (await get("kept", "terms"))?.value ?? null;
}

/** Ask the server for the terms, and see to it that this browser has a key; to be called while there is a network. */
export async function prepare() {
  const { body } = await call("GET", "/v1/redemptions/offline");
  const value = { ...body, asked: Date.now(), skew: Date.parse(body.now) - Date.now() };
  if (!(await keeps())) return value;
  await put("kept", { name: "terms", value });
  navigator.storage?.persist?.(); // browsers clean up what nobody asked them to keep
  if (crypto.subtle !== undefined && value.takes) await ownKey(value).catch(only409);
  return value;
}

/** The server's time, as far as this browser knows it. */
export const clock = (told) => Date.now() + told.skew;

/** Without a key of its own a till works with a network alone, and says so when there is none. */
function only409(error) {
  if (!(error instanceof Problem) || error.status !== 409) throw error;
}

async function ownKey(told) {
  const owner = `${told.till_id} ${told.store_id}`;
  const known = await get("keys", owner);
  if (known) return known;
  const pair = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  const point = toBase64(await crypto.subtle.exportKey("raw", pair.publicKey));
  const { body } = await call("POST", "/v1/redemptions/offline/keys", { body: { public_key: point }, key: true });
  const key = { owner, id: body.id, secret: pair.privateKey, n: body.n, head: await hash(body.id) };
  await put("keys", key);
  return key;
}

/** Another key next time: this one was revoked, or nobody knows it. Its records stay, and somebody must see to them. */
async function giveUp(id, code) {
  for (const key of await all("keys")) if (key.id === id) await drop("keys", key.owner);
  const left = (await unsent()).filter((each) => each.key_id === id);
  await put("records", ...left.map((each) => ({ ...each, status: "stuck", why: code })));
}

/** Records that were not sent yet, the oldest first. */
export async function unsent() {
  const found = (await all("records")).filter((each) => each.status === "unsent");
  return found.sort((one, other) => one.n - other.n);
}

/**
 * Judge a code without the server: {verdict, why, told}. The verdict is "genuine" (take it), "unsure" (taken unchecked, because
 * the terms say so) or "refuse"; `why` names the word for it.
 */
export async function judge(code, amount, told) {
  if (told === null || !told.takes) return { verdict: "refuse", why: "off" };
  if (Date.now() - told.asked > told.terms_s * 1000) return { verdict: "refuse", why: "stale" };
  if (!(await get("keys", `${told.till_id} ${told.store_id}`))) return { verdict: "refuse", why: "keyless" };
  const said = read(code);
  if (said === null) return { verdict: "refuse", why: "unknown" };
  const found = await get("seen", said.serial);
  if (found) return { verdict: "refuse", why: "seen", told: said, at: found.at };
  const fault = said.signed ? await wrong(said, amount, told) : "unchecked";
  if (fault !== null && fault !== "unchecked") return { verdict: "refuse", why: fault, told: said };
  if (fault === "unchecked" && told.unchecked !== "take") return { verdict: "refuse", why: "unchecked", told: said };
  if (await isFull(said, amount, told)) return { verdict: "refuse", why: "full", told: said };
  return { verdict: fault === null ? "genuine" : "unsure", why: fault === null ? "genuine" : "unsure", told: said };
}

async function wrong(said, amount, told) {
  const { signed } = said;
  const now = clock(told);
  const counts = told.keys.filter((each) => !each.not_after || now < Date.parse(each.not_after));
  const real = await genuine(said, counts);
  if (real === false) return "forged";
  if (real === null) return "unchecked";
  if (signed.until && now >= signed.until) return "expired";
  if (now < signed.from) return "early";
  if (signed.traits & SOME_STORES && signed.marks.length && !signed.marks.includes(told.mark)) return "elsewhere";
  const enough = amount && amount.currency === signed.currency && amount.minor >= signed.minimum;
  if (signed.minimum && !enough) return "minimum";
  return signed.traits & ASK ? "unchecked" : null;
}

/** What one use is worth as far as the code says it, or null. */
export function worth(said, amount) {
  const signed = said?.signed;
  if (!signed || signed.traits & ASK) return null;
  if (!(signed.traits & PERCENT)) return signed.worth ? { minor: signed.worth, currency: signed.currency } : null;
  return amount ? { minor: Math.round((amount.minor * signed.worth) / 10000), currency: amount.currency } : null;
}

async function isFull(said, amount, told) {
  const waiting = await unsent();
  if (waiting.length >= told.uses) return true;
  const value = worth(said, amount);
  if (value === null) return false;
  const spent = waiting.filter((each) => each.worth?.currency === value.currency).reduce((sum, each) => sum + each.worth.minor, 0);
  return spent + value.minor > told.value_minor;
}

/** Keep what was taken: signed, chained, on the disk before the customer gets anything. */
export async function keep(id, code, purchase, said, told) {
  const at = clock(told);
  for (;;) {
    const key = await get("keys", `${told.till_id} ${told.store_id}`);
    const record = { id, n: key.n + 1, prev: key.head, code: code.normalize("NFC"), scanned_at: new Date(at).toISOString() };
    if (purchase) record.purchase = purchase;
    const amount = purchase?.amount;
    const signed = ["kairos offline 1", key.id, record.n, record.prev, id, record.scanned_at, record.code];
    const text = JSON.stringify([...signed, amount?.minor ?? null, amount?.currency ?? null, purchase?.order_id ?? null]);
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.secret, bytes(text));
    const kept = { ...record, signature: toBase64(signature), digest: await hash(text) };
    const more = { key_id: key.id, store_id: told.store_id, status: "unsent", at, worth: worth(said, amount) };
    if (await append(key, { ...kept, ...more }, { serial: said.serial, at })) return kept;
  }
}

/** Send what waits, and answer {sent, missing, stuck}: the records with their results; `stuck` names why some could not go. */
export async function send(told) {
  const sent = [];
  let missing = 0;
  let stuck = null;
  const waiting = (await unsent()).filter((each) => each.store_id === told.store_id);
  for (const key of new Set(waiting.map((each) => each.key_id))) {
    const of = waiting.filter((each) => each.key_id === key);
    for (let start = 0; start < of.length && stuck === null; start += told.records) {
      try {
        const { body } = await post(key, of.slice(start, start + told.records));
        sent.push(...(await settle(of.slice(start, start + told.records), body.results)));
        missing += body.missing;
      } catch (error) {
        if (!(error instanceof Problem) || error.status === 0 || error.status === 401 || error.code === "cross_site") throw error;
        if (error.status === 429 || error.status === 503) return { sent, missing, stuck: null }; // later
        if (error.code === "key_revoked" || error.code === "unknown_key") await giveUp(key, error.code);
        stuck = error.code;
      }
    }
  }
  return { sent, missing, stuck };
}

function post(key, records) {
  const wire = records.map(({ id, n, prev, code, scanned_at, purchase, signature }) => ({ id, n, prev, code, scanned_at, purchase, signature }));
  return call("POST", "/v1/redemptions/offline", { body: { key_id: key, records: wire } });
}

/** Put the results beside their records, whose codes are not needed any more. */
async function settle(records, results) {
  const told = records.map((record, place) => {
    const { code, signature, ...left } = record;
    return { ...left, status: results[place].status, result: results[place] };
  });
  await put("records", ...told);
  return told;
}

/** Remember that a pass was used up here, so that it is not taken again when the network has gone. */
export async function remember(code, told) {
  const said = read(code);
  if (said !== null && told !== null && (await keeps())) await put("seen", { serial: said.serial, at: clock(told) });
}
