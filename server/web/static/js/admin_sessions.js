// Who is logged in, and ending that.
import { badge, button, cell, deeds, table } from "./admin_parts.js";
import { call, everything } from "./api.js";
import { el, fill } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { say, time } from "./words.js";

/** Show everybody's log-ins, and which is the one that looks. */
export async function show(place) {
  const [items, mine] = await Promise.all([everything("/v1/sessions"), call("GET", "/v1/account/sessions")]);
  const own = items.find(({ id }) => mine.body.items.some((each) => each.current && each.id === id));
  const heads = [say("person"), say("browser"), say("network"), say("made"), say("seen"), say("ends"), null];
  fill(place, el("section", { class: "panel" }, table(heads, items.map((item) => row(item, own, place)), { empty: say("nobody") })));
}

function row(item, own, place) {
  const named = (key) => say(key, { name: item.name });
  const end = (path, question, told, itself) => async (event) => {
    if (!(await ask(question))) return;
    await attempt(async () => {
      await call("DELETE", path);
      if (itself) return location.assign("/login"); // nothing more is answered to this log-in
      tell(told);
      return show(place);
    }, { busy: event.target });
  };
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, item.name, item === own && [" ", badge(say("this_one"), "good")], el("small", {}, item.email)),
    cell(say("browser"), item.browser ?? say("unknown_browser")),
    cell(say("network"), item.network ?? "–"),
    cell(say("made"), time(item.created_at)),
    cell(say("seen"), time(item.seen_at)),
    cell(say("ends"), time(item.ends_at)),
    deeds(
      button(say("end"), end(`/v1/sessions/${item.id}`, named(item === own ? "sure_end_own" : "sure_end"), say("ended"), item === own)),
      button(say("end_all"), end(`/v1/users/${item.user_id}/sessions`, named("sure_end_all"), named("ended_all"), item.user_id === own?.user_id)),
    ),
  );
}
