// Codes as a till reads them without the server: Crockford's base32, and the signed ones of version 3 (docs/api.md).

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const VALUES = new Map([...ALPHABET].map((character, value) => [character, value]));
for (const [typed, meant] of [["O", 0], ["I", 1], ["L", 1]]) VALUES.set(typed, meant);

export const SEVERAL_USES = 1;
export const PERCENT = 2;
export const SOME_STORES = 4;
export const ASK = 8;

const DOMAIN = new TextEncoder().encode("kairos signed code\0");
const HEAD = 38;
const SIGNATURE = 64;
const PLAIN = 30;

/** Write what is typed in groups of four, as it stands on a pass; what is no code stays as it is. */
export function grouped(text) {
  const typed = text.replace(/[\s-]/g, "");
  if (!/^[0-9a-z]+$/i.test(typed)) return text;
  return typed.toUpperCase().replace(/(.{4})(?=.)/g, "$1 ");
}

/** Read base32 into bytes; null for what is none. */
export function decode(text) {
  const typed = text.replace(/[\s-]/g, "").toUpperCase();
  const bytes = [];
  let held = 0;
  let bits = 0;
  for (const character of typed) {
    const value = VALUES.get(character);
    if (value === undefined) return null;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 255);
      held &= (1 << bits) - 1;
    }
  }
  return bits >= 5 || held !== 0 ? null : new Uint8Array(bytes);
}

const hex = (bytes) => [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");

/**
 * Read what a code says, without believing it: null for what is no code of ours, else {serial, key, raw} and, of a signed one,
 * {signed: {from, until, traits, worth, currency, minimum, marks}}. Of a code that changes no more is known than its pass:
 * {changing: true, serial}.
 */
export function read(text) {
  const [, name] = /^([^.]+)\.\d+$/.exec(text.trim()) ?? [];
  const raw = decode(name ?? text);
  if (name !== undefined) return { changing: true, serial: raw?.length === PLAIN ? serialOf(raw) : name };
  if (raw === null || raw.length < PLAIN) return null;
  const told = { serial: serialOf(raw), key: raw[1], raw };
  if (raw.length === PLAIN) return raw[0] === 1 ? told : null;
  if (raw[0] !== 3 || raw.length < HEAD + SIGNATURE) return null;
  return { ...told, signed: fields(raw) };
}

const serialOf = (raw) => hex(raw.slice(2, 18));

/** What a code is of: one pass, typed, signed or in this half minute's digits, is the same; any other text is itself. */
export const passOf = (text) => read(text)?.serial ?? text.trim();

function fields(raw) {
  const view = new DataView(raw.buffer);
  const stores = raw.slice(HEAD, raw.length - SIGNATURE);
  const marks = [];
  for (let at = 0; at < stores.length; at += 2) marks.push(hex(stores.slice(at, at + 2)));
  return {
    from: view.getUint32(18) * 1000,
    until: view.getUint32(22) * 1000,
    traits: raw[26],
    worth: view.getUint32(27),
    currency: String.fromCharCode(...raw.slice(31, 34)).replace(/\0/g, ""),
    minimum: view.getUint32(34),
    marks,
  };
}

/** A fresh id, also where the browser gives none because the page came without https. */
export function freshId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const raw = crypto.getRandomValues(new Uint8Array(16));
  raw[6] = (raw[6] & 15) | 64;
  raw[8] = (raw[8] & 63) | 128;
  return hex(raw).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Bytes of base64url. */
export const fromBase64 = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));

/** Bytes (or a buffer) as base64url. */
export const toBase64 = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Tell whether a signed code is genuine by the keys of codes; null where this browser cannot tell. */
export async function genuine(told, keys) {
  const key = keys.find((each) => each.id === told.key);
  if (key === undefined) return null;
  let verifier;
  try {
    verifier = await crypto.subtle.importKey("raw", fromBase64(key.key), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null; // an older browser does not know this kind of signature
  }
  const end = told.raw.length - SIGNATURE;
  const said = new Uint8Array(DOMAIN.length + end);
  said.set(DOMAIN);
  said.set(told.raw.slice(0, end), DOMAIN.length);
  return crypto.subtle.verify({ name: "Ed25519" }, verifier, told.raw.slice(end), said);
}
