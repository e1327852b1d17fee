// Server-Sent Events that come back by themselves, and say whether they are there.
// A browser keeps six connections to a house over HTTP/1.1, for all of its tabs: one that nobody sees must hold none of them.

const AGAIN_MS = 15_000;

/**
 * Listen: live("/v1/reports/today/stream", {today: (data) => …}, {state: (up) => …}). Answers what ends it. Nothing is heard
 * while the page is out of sight: the stream must begin with what was missed.
 */
export function live(path, hear, { state = () => {} } = {}) {
  let source = null;
  let waiting;
  const open = () => {
    source = new EventSource(path);
    source.onopen = () => state(true);
    source.onerror = ({ target }) => {
      state(false);
      if (target.readyState === EventSource.CLOSED) waiting = setTimeout(open, AGAIN_MS); // refused: browsers give up then
    };
    for (const [name, heard] of Object.entries(hear)) source.addEventListener(name, (event) => heard(JSON.parse(event.data), event));
  };
  const close = () => {
    clearTimeout(waiting);
    source?.close();
    source = null;
  };
  const look = () => {
    if (document.hidden) return close();
    if (source) return;
    state(false); // until it is there again
    open();
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    close();
  };
}
