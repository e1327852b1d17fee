// Which holidays count at a store, and what offers make of them.
import { call } from "./api.js";
import { el, fill, soon } from "./dom.js";
import { LANGUAGE, day, say } from "./words.js";

const SHOWN = 6;

/** The next holidays of a country and region. Answers {node, ask, regions}: `ask` looks anew, `regions` is a datalist. */
export function holidays() {
  const list = el("ul", { class: "holidays" });
  const note = el("p", { class: "note" });
  const regions = el("datalist", { id: "regions" });
  const node = el("details", { class: "more" }, el("summary", {}, say("holidays")), note, list);
  let asked = 0;

  async function ask(country, region) {
    const mine = ++asked;
    if (!/^[A-Z]{2}$/.test(country)) return show(say("holidays_no_country"), []);
    const query = new URLSearchParams({ country, language: LANGUAGE, ...(region ? { region } : {}) });
    let told;
    try {
      told = (await call("GET", `/v1/holidays?${query}`)).body;
    } catch (problem) {
      return mine === asked && show(problem.message, []);
    }
    if (mine !== asked) return undefined;
    fill(regions, told.regions.map((name) => el("option", { value: name })));
    if (!told.known) return show(say(told.regions.length ? "holidays_no_region" : "holidays_unknown"), []);
    return show(say("holidays_mean"), told.holidays);
  }

  function show(text, days) {
    note.textContent = text;
    fill(list, days.slice(0, SHOWN).map((each) => el("li", {}, el("time", { datetime: each.day }, day(each.day)), el("span", {}, each.name))));
  }

  return { node, regions, ask: soon((country, region) => ask(country.trim(), region.trim()), 200) };
}
