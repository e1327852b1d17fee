// What customers would see of the document as it stands: the moment in each language and placement, and the pass.
import { Problem, call } from "./api.js";
import { el, fill, soon } from "./dom.js";
import { FACTS, knows, number, say } from "./words.js";
import { localeName } from "./editor_controls.js";
import { passView } from "./pass_view.js";

const { choices } = FACTS;

/** Show a draft's preview in a node, anew after each change; `found(errors, warnings)` hears what the server says of the document. */
export function openPreview(node, draft, found) {
  const reader = { name: "", sky: "", warmth: "", placement: "", content: "", wallet: "apple" };
  const shown = el("div", { class: "previews" });
  const said = el("p", { class: "note", role: "status" });
  const now = { items: [], asked: 0 };

  const show = () => fill(shown, drawItems(now, reader, show));
  const ask = async () => {
    const asked = (now.asked += 1);
    try {
      const { body } = await call("POST", "/v1/preview", { body: { document: draft.document, ...readerOf(reader) } });
      if (asked !== now.asked) return;
      found(body.errors, body.warnings);
      if (body.errors.length) fill(said, say("preview_wrong", { number: body.errors.length }));
      else fill(said, say(body.place ? "preview_at" : "preview_nowhere", { place: body.place ?? "" }));
      if (!body.errors.length) now.items = body.items;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (asked === now.asked) fill(said, say("failed", { problem: error.words }));
    }
    show();
  };
  const later = soon(ask, 500);
  draft.on("change", later);
  fill(node, el("h2", {}, say("preview")), drawReader(reader, later), said, shown);
  ask();
}

function readerOf({ name, sky, warmth, wallet }) {
  const weather =
    sky || warmth !== ""
      ? { ...(sky ? { kind: sky } : {}), ...(warmth !== "" ? { temperature_c: Number(warmth) } : {}) }
      : undefined;
  return { wallet, ...(name ? { customer: { attributes: { first_name: name } } } : {}), ...(weather ? { weather } : {}) };
}

/** Who reads it: made up. */
function drawReader(reader, changed) {
  const set = (key) => (event) => {
    reader[key] = event.target.value;
    changed();
  };
  const skies = [
    el("option", { value: "" }, say("unknown")),
    ...choices.sky.map((each) => el("option", { value: each }, say(`sky_${each}`))),
  ];
  const wallets = ["apple", "google"].map((each) => el("option", { value: each }, say(`wallet_${each}`)));
  return el(
    "details",
    { class: "reader" },
    el("summary", {}, say("reader")),
    el(
      "div",
      { class: "fields" },
      el(
        "label",
        {},
        say("reader_name"),
        el("input", { type: "text", maxlength: 60, autocomplete: "off", oninput: set("name") }),
      ),
      el("label", {}, say("reader_sky"), el("select", { onchange: set("sky") }, skies)),
      el(
        "label",
        {},
        say("reader_warmth"),
        el("input", { type: "number", step: "any", min: -60, max: 60, oninput: set("warmth") }),
      ),
      el("label", {}, say("reader_wallet"), el("select", { onchange: set("wallet") }, wallets)),
    ),
  );
}

const nameOf = (item) => `${item.locale}${item.formality ? `-${item.formality}` : ""}`;
const wordsOf = (item) => `${localeName(item.locale)}${item.formality ? `, ${say(`formality_${item.formality}`)}` : ""}`;

function drawItems(now, reader, show) {
  if (!now.items.length) return null;
  const contents = [...new Map(now.items.map((item) => [nameOf(item), item])).values()];
  if (!contents.some((item) => nameOf(item) === reader.content)) reader.content = nameOf(contents[0]);
  const tab = (item) =>
    el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          "aria-pressed": String(nameOf(item) === reader.content),
          onclick: () => {
            reader.content = nameOf(item);
            show();
          },
        },
        wordsOf(item),
      ),
    );
  const items = now.items.filter((item) => nameOf(item) === reader.content);
  const pass = items.find((item) => item.pass)?.pass;
  return [
    contents.length > 1 && el("ul", { class: "tabs small", "aria-label": say("languages") }, contents.map(tab)),
    el("div", { class: "placements", lang: items[0].locale }, items.map(drawItem)),
    pushes(items[0]),
    pass && [el("h3", {}, say("pass")), passView(pass)],
  ];
}

/** One placement, as a phone would show it. */
function drawItem(item) {
  const picture = item.image_url && el("p", { class: "picture", title: item.image_url }, say("picture_there"));
  const action =
    item.action.type === "link" ? say("open_link") : item.pass || item.action.type === "pass" ? say("take_pass") : null;
  return el(
    "figure",
    { class: `shown as-${item.placement}` },
    el(
      "figcaption",
      {},
      say(`as_${item.placement}`),
      " ",
      el("small", { class: "note" }, say("variant", { name: item.variants.join(", ") })),
    ),
    el(
      "div",
      { class: "screen" },
      el(
        "div",
        { class: "moment" },
        picture,
        el("strong", {}, item.title),
        el("p", {}, item.body),
        item.placement !== "inbox" && action && el("span", { class: "tap" }, action),
      ),
    ),
    item.cut && el("p", { class: "warning" }, say("cut")),
  );
}

function pushes(item) {
  if (!item.push.length) return null;
  const line = (each) =>
    el(
      "li",
      {},
      say(each.whole ? "push_whole" : "push_cut", {
        way: knows(`way_${each.way}`) ? say(`way_${each.way}`) : each.way,
        bytes: number(each.bytes),
        limit: number(each.limit),
      }),
    );
  return el(
    "details",
    {},
    el("summary", {}, say(item.push.every((each) => each.whole) ? "pushes_whole" : "pushes_cut")),
    el("ul", { class: "note" }, item.push.map(line)),
  );
}
