// Server-Sent Events that come back by themselves, and say whether they are there.

const AGAIN_MS = 15_000;

/** Listen: live("/v1/reports/today/stream", {today: (data) => …}, {state: (up) => …}). Answers what ends it. */
export function live(path, hear, { state = () => {} } = {}) {
  let source;
  let waiting;
  const open = () => {
    source = new EventSource(path);
    source.onopen = () => state(true);
    source.onerror = () => {
      state(false);
      if (source.readyState === EventSource.CLOSED) waiting = setTimeout(open, AGAIN_MS); // refused: browsers give up then
    };
    for (const [name, heard] of Object.entries(hear)) source.addEventListener(name, (event) => heard(JSON.parse(event.data), event));
  };
  open();
  return () => {
    clearTimeout(waiting);
    source.close();
  };
}
