// The till's service worker: keeps the files of one version (VERSION and FILES stand before this text), and gives them where
// the network does not. It never keeps an answer of /v1, nor a page with somebody's log-in.
const SHELL = "/counter/shell";
const CACHE = `counter-${VERSION}`;
const PATIENCE_MS = 4000;

self.addEventListener("install", (event) => {
  const fresh = [...FILES, SHELL].map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("counter-") && name !== CACHE;
  const gone = caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))));
  event.waitUntil(gone.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && pathname === "/counter") event.respondWith(either(event.request, SHELL));
  else if (FILES.includes(pathname)) event.respondWith(either(event.request, pathname));
});

/** The network's answer if there is one in time, else what was kept. */
async function either(request, path) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), PATIENCE_MS));
  try {
    const answer = await Promise.race([fetch(request), late]);
    if (answer.status < 500) return answer;
  } catch {
    // no network, or one that does not answer
  }
  return (await (await caches.open(CACHE)).match(path)) ?? Response.error();
}

// The page speaks another language from now on, and so does what is kept of it.
self.addEventListener("message", (event) => {
  if (event.data !== "shell") return;
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add(new Request(SHELL, { cache: "reload" }))));
});
