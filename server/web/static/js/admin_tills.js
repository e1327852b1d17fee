// Tills without a network: whose browsers may sign what they take, and what could not be booked afterwards.
import { actors, badge, button, cell, deeds, table } from "./admin_parts.js";
import { call, everything } from "./api.js";
import { el, fill } from "./dom.js";
import { ask, attempt, tell } from "./frame.js";
import { count, knows, money, say, time } from "./words.js";

/** Show browsers and conflicts. */
export async function show(place) {
  const [holders, keys, stores, conflicts] = await Promise.all([
    actors(),
    everything("/v1/redemptions/offline/keys"),
    everything("/v1/stores"),
    call("GET", "/v1/redemptions/conflicts?limit=100"),
  ]);
  const names = new Map(stores.map((each) => [each.id, each.name]));
  fill(place, browsers(keys, { names, holders }, place), given(conflicts.body));
}

function browsers(keys, { names, holders }, place) {
  const heads = [say("till"), say("state"), say("records"), say("missing"), say("made"), null];
  const rows = keys.map((key) => {
    const name = names.get(key.store_id) ?? key.store_id;
    return el(
      "tr",
      { class: key.revoked_at ? "past" : "" },
      el("th", { scope: "row" }, name, el("small", {}, holders.get(key.till_id) ?? key.till_id)),
      cell(say("state"), key.revoked_at ? badge(say("revoked"), "wrong") : badge(say("good"), "good")),
      cell(say("records"), count(key.n)),
      cell(say("missing"), key.missing ? badge(count(key.missing), "wrong") : count(0)),
      cell(say("made"), time(key.created_at)),
      deeds(!key.revoked_at && button(say("revoke"), (event) => revoke(key, name, place, event.target))),
    );
  });
  return el("section", { class: "panel" }, el("h2", {}, say("till_browsers")), table(heads, rows, { empty: say("tills_empty") }));
}

async function revoke(key, name, place, busy) {
  if (!(await ask(say("sure_till", { name })))) return;
  await attempt(async () => {
    await call("DELETE", `/v1/redemptions/offline/keys/${key.id}`);
    tell(say("revoked"));
    await show(place);
  }, { busy });
}

function given(body) {
  const heads = [say("given_at"), say("store"), say("why_not"), say("cost")];
  const losses = body.losses.map((each) =>
    each.cost ? say("loss", { count: count(each.count), cost: money(each.cost) }) : say("loss_unknown", { count: count(each.count) }),
  );
  return el(
    "section",
    { class: "panel" },
    el("h2", {}, say("served_twice")),
    losses.length > 0 && el("p", {}, say("losses", { losses: losses.join(", ") })),
    table(heads, body.items.map(conflict), { empty: say("conflicts_empty") }),
  );
}

const conflict = (item) =>
  el(
    "tr",
    {},
    el("th", { scope: "row" }, time(item.served_at)),
    cell(say("store"), item.store ?? item.store_id),
    cell(say("why_not"), knows(`why_${item.code}`) ? say(`why_${item.code}`) : item.code),
    cell(say("cost"), item.cost ? money(item.cost) : "–"),
  );
