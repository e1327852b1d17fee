// What was taken without a network, as the page shows it: what waits, what came of it, and what needs somebody.
import { reasonWords, rewardWords, when } from "./counter_answer.js";
import { all } from "./counter_store.js";
import { el, fill, find } from "./dom.js";
import { tell } from "./frame.js";
import { FACTS, money, say } from "./words.js";

const SHOWN = 30;

/** Show the records that this browser has, the newest first. */
export async function showRecords() {
  const found = (await all("records")).sort((one, other) => other.at - one.at);
  const waiting = found.filter((each) => each.status === "unsent").length;
  const stuck = found.filter((each) => each.status === "stuck").length;
  find("#offline").hidden = found.length === 0;
  fill(find("#waiting"), waiting ? say("waiting", { times: waiting }) : say("nothing_waits"), stuck ? ` ${say("stuck")}` : "");
  find("#send").hidden = waiting === 0;
  fill(find("#records"), found.slice(0, SHOWN).map(row));
}

function row({ at, status, result, worth }) {
  const kind = { redeemed: "good", unsent: "" }[status] ?? "wrong";
  const cost = result?.cost ?? worth;
  const about = status === "conflict" && result.redeemed_at ? twice(at, result) : result?.code ? reasonWords(result.code) : "";
  return el(
    "li",
    {},
    el("time", {}, when(at)),
    el("span", { class: "what" }, result?.reward ? rewardWords(result.reward) : worth ? money(worth) : ""),
    el("span", { class: `badge ${kind}` }, say(`record_${status}`)),
    about && el("p", { class: "small" }, [about, cost && status !== "conflict" && say("cost", { value: money(cost) })].filter(Boolean).join(" · ")),
  );
}

function twice(at, result) {
  const here = result.store_id === FACTS.store_id ? FACTS.store : say("elsewhere");
  return say("served_twice", { before: when(result.redeemed_at), store: here, served: when(at), cost: result.cost ? money(result.cost) : "–" });
}

/** Say what came of those that were just sent. */
export function tellUnsent(sent) {
  const lost = sent.filter((each) => each.status !== "redeemed").length;
  tell(lost ? say("sent_but", { times: sent.length, lost }) : say("sent_all", { times: sent.length }), { wrong: lost > 0 });
}
