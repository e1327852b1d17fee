// The list of places: searched, page by page, and what each needs to be told apart.
import { call } from "./api.js";
import { el, fill, find } from "./dom.js";
import { attempt } from "./frame.js";
import { FACTS, count, say } from "./words.js";

const PAGE = Math.min(50, FACTS.page);

/**
 * The list that the page has. `query(kind)` gives what is looked for, `pick(kind, place)` hears which one is opened, `tagged(tag)`
 * which tag was clicked. Answers {load}: from the beginning.
 */
export function placesList({ query, pick, tagged }) {
  const found = find("#found");
  const more = find("#more");
  const none = find("#none");
  let next = null;
  let asked = 0;
  let kind = "stores";
  let drawn = "";

  async function page(from) {
    const mine = ++asked;
    const asking = new URLSearchParams(query(kind));
    asking.set("limit", String(PAGE));
    if (kind === "fences") asking.set("free", "true");
    if (from) asking.set("cursor", from);
    const { items, next: following } = (await call("GET", `${kind === "stores" ? "/v1/stores" : "/v1/geofences"}?${asking}`)).body;
    if (mine !== asked) return;
    const whole = from || !items.length ? "" : JSON.stringify([kind, items, following]);
    if (whole && whole === drawn) return; // the same again: an entry that is just being clicked stays where it is
    drawn = whole;
    const rows = items.map((place) => rowOf(place));
    if (from) found.append(...rows);
    else fill(found, rows);
    next = following;
    more.hidden = !next;
    none.hidden = found.childElementCount > 0;
    none.textContent = say([...asking.keys()].some((key) => ["q", "tag", "bbox"].includes(key)) ? "nothing_found" : `none_${kind}`);
    if (from) rows[0]?.querySelector("button").focus();
  }

  function rowOf(place) {
    const opened = kind;
    return el(
      "li",
      {},
      el("button", { type: "button", class: "name", onclick: () => pick(opened, place) }, place.name),
      el("p", { class: "note" }, kind === "stores" ? (place.address ?? "") : shapeOf(place)),
      el(
        "p",
        { class: "marks" },
        kind === "stores" && place.hours === null && el("span", { class: "mark" }, say("hours_unknown")),
        place.radius_m !== null && place.radius_m < FACTS.radius.sure && el("span", { class: "mark" }, say("metres", { n: count(place.radius_m) })),
        place.tags.map((tag) => el("button", { type: "button", class: "badge", "aria-label": say("only_tag", { tag }), onclick: () => tagged(tag) }, tag)),
      ),
    );
  }

  more.addEventListener("click", () => attempt(() => page(next), { busy: more }));
  return {
    load(of = kind) {
      kind = of;
      return attempt(() => page(null));
    },
  };
}

const shapeOf = (fence) =>
  fence.kind === "circle" ? say("circle_of", { n: count(fence.radius_m) }) : say("area_of", { n: count(fence.geometry.coordinates.flat(fence.geometry.type === "Polygon" ? 1 : 2).length - rings(fence)) });

const rings = (fence) => (fence.geometry.type === "Polygon" ? fence.geometry.coordinates.length : fence.geometry.coordinates.flat(1).length);
