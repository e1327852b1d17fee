// The day and the sky of a demonstration: what is chosen here is so for everybody in it.
import { call } from "./api.js";
import { fill, find } from "./dom.js";
import { now, setClock } from "./phone_self.js";
import { FACTS, knows, number, say } from "./words.js";

const TICK_MS = 1000;
let zone = FACTS.zone;

/** Show the time; in a demonstration let it be chosen. `changed` is called after the day has moved. */
export async function openScene(changed) {
  setInterval(tick, TICK_MS);
  tick();
  if (!FACTS.scene) return;
  const form = find("#scene");
  form.addEventListener("submit", (event) => (event.preventDefault(), change(form, event.submitter, changed)));
  await call("GET", "/app/scene").then(({ body }) => draw(form, body));
}

async function change(form, button, changed) {
  const fields = new FormData(form);
  const day = { weekday: fields.get("weekday"), clock: fields.get("clock") };
  const sky = { kind: fields.get("kind"), temperature_c: Number(fields.get("temperature_c")) };
  const wrong = find("#scene-wrong");
  wrong.hidden = true;
  button.setAttribute("aria-busy", "true");
  try {
    const { body } = await call("PUT", "/app/scene", { body: button.value === "day" ? { day } : { sky } });
    draw(form, body);
    changed();
  } catch (error) {
    wrong.hidden = false;
    fill(wrong, error.words ?? String(error));
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function draw(form, scene) {
  setClock(scene.now);
  zone = scene.zone;
  if (scene.sky.kind) form.elements.kind.value = scene.sky.kind;
  if (scene.sky.temperature_c !== null) form.elements.temperature_c.value = scene.sky.temperature_c;
  const kind = scene.sky.kind && knows(`sky_${scene.sky.kind}`) ? say(`sky_${scene.sky.kind}`) : "";
  const warmth = scene.sky.temperature_c === null ? "" : `${number(scene.sky.temperature_c)} °C`;
  fill(find("#sky"), [kind, warmth].filter(Boolean).join(", "));
  tick();
}

function tick() {
  const clock = find("#clock");
  const locale = document.documentElement.lang === "de" ? "de-DE" : "en-GB";
  const text = new Intl.DateTimeFormat(locale, { weekday: "long", hour: "2-digit", minute: "2-digit", timeZone: zone }).format(now());
  if (clock.textContent === text) return;
  clock.dateTime = now().toISOString();
  fill(clock, text);
}
