// What a new offer begins as: nothing, one of the examples that come with the house, or a copy of an offer.
import { call, everything } from "./api.js";
import { el, fill, find } from "./dom.js";
import { ask, attempt } from "./frame.js";
import { FACTS, LANGUAGE, say } from "./words.js";
import { copy } from "./editor_paths.js";

/** An offer that nobody has written anything of. */
export function blank() {
  const locales = FACTS.locales.length ? FACTS.locales : [LANGUAGE === "de" ? "de-DE" : "en-US"];
  const words = (locale) =>
    locale.startsWith("de") ? { formality: FACTS.formality, title: "", body: "" } : { title: "", body: "" };
  return {
    name: "",
    when: { trigger: "enter", places: { any: true } },
    moment: {
      surfaces: ["in_app", "push"],
      content: Object.fromEntries(locales.map((each) => [each, words(each)])),
      fallback_locale: locales[0],
    },
  };
}

/** A copy of a document under a name of its own; states are led by other doors. */
function copied(document) {
  const { status, ...made } = copy(document);
  return { ...made, name: `${made.name.slice(0, 58)}-copy` };
}

/** Draw the choice. An address with ?from=ID has made it already. */
export async function drawStart(node, draft) {
  const from = new URLSearchParams(location.search).get("from");
  const begin = async (document) => {
    if (draft.isDirty && !(await ask(say("sure_replace")))) return;
    draft.replace(document);
  };
  const copyOf = (id) =>
    attempt(async () => begin(copied((await call("GET", `/v1/offers/${encodeURIComponent(id)}`)).body.document)));
  if (from) {
    await copyOf(from);
    return;
  }
  const button = (word, document) => el("button", { type: "button", class: "quiet", onclick: () => begin(document) }, word);
  const offers = el(
    "select",
    {
      id: "copy-of",
      onchange: (event) => {
        if (event.target.value) copyOf(event.target.value);
        event.target.value = "";
      },
    },
    el("option", { value: "" }, "…"),
  );
  fill(
    node,
    el("h2", {}, say("start_from")),
    el(
      "div",
      { class: "buttons" },
      button(say("start_blank"), blank()),
      Object.entries(FACTS.examples).map(([name, document]) => button(name, document)),
    ),
    el("label", {}, say("start_copy"), offers),
  );
  node.hidden = false;
  const listed = await attempt(() => everything("/v1/offers"));
  fill(
    find("#copy-of"),
    el("option", { value: "" }, "…"),
    (listed ?? []).map((offer) => el("option", { value: offer.id }, offer.name)),
  );
}
