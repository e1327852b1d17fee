// Server-Sent Events that come back by themselves, and say whether they are there.

/** Listen: live("/v1/reports/today/stream", {today: (data) => …}, {state: (up) => …}). Answers what ends it. */
export function live(path, hear, { state = () => {} } = {}) {
  const source = new EventSource(path);
  source.onopen = () => state(true);
  source.onerror = () => state(false);
  for (const [name, heard] of Object.entries(hear)) source.addEventListener(name, (event) => heard(JSON.parse(event.data), event));
  return () => source.close();
}
