// What a till's browser keeps over a restart: whose till it is and by which terms, its key, records that were not sent yet,
// redemptions that nobody answered yet, and which passes it took. No answer of the server but the terms, and no code longer than
// it is needed.

const NAME = "kairos-counter";
const STORES = { kept: "name", keys: "owner", records: "id", seen: "serial" };
const KEEP_MS = 3 * 86400_000;

let opening;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const [store, keyPath] of Object.entries(STORES)) request.result.createObjectStore(store, { keyPath });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const ended = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });

/** Whether this browser keeps anything at all: some do not in a private window. */
export const keeps = () => open().then(() => true, () => false);

/** One value of a store, or undefined. */
export async function get(store, key) {
  if (!(await keeps())) return undefined;
  return answer((await open()).transaction(store).objectStore(store).get(key));
}

/** All values of a store. */
export async function all(store) {
  if (!(await keeps())) return [];
  return answer((await open()).transaction(store).objectStore(store).getAll());
}

/** Write values; they are on the disk when this is over. */
export async function put(store, ...values) {
  const transaction = (await open()).transaction(store, "readwrite", { durability: "strict" });
  for (const value of values) transaction.objectStore(store).put(value);
  return ended(transaction);
}

/** Delete one value. */
export async function drop(store, key) {
  const transaction = (await open()).transaction(store, "readwrite");
  transaction.objectStore(store).delete(key);
  return ended(transaction);
}

/** Forget whose till this browser was, if it was one; what was not sent stays. */
export async function forget() {
  const known = await indexedDB.databases();
  if (known.some(({ name }) => name === NAME)) await drop("kept", "terms");
}

/**
 * Append a record to its key's chain, together with that it was seen: all of it or nothing. Answers false where another tab was
 * quicker: the record is then to be signed anew.
 */
export async function append(key, record, seen) {
  const transaction = (await open()).transaction(["keys", "records", "seen"], "readwrite", { durability: "strict" });
  const done = ended(transaction);
  const now = await answer(transaction.objectStore("keys").get(key.owner));
  if (now.id !== key.id || now.n !== record.n - 1) return false;
  transaction.objectStore("keys").put({ ...now, n: record.n, head: record.digest });
  transaction.objectStore("records").put(record);
  transaction.objectStore("seen").put(seen);
  await done;
  return true;
}

/** Forget what is over: passes seen and records that were sent, after some days. */
export async function tidy(now = Date.now()) {
  for (const each of await all("seen")) if (each.at < now - KEEP_MS) await drop("seen", each.serial);
  for (const each of await all("records")) if (each.result && each.at < now - KEEP_MS) await drop("records", each.id);
}
