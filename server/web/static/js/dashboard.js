// The dashboard: what is drawn and what lives. What the address says was rendered by the server already.
import { Problem } from "./api.js";
import { savesFiles } from "./dashboard_files.js";
import { saveFunnel } from "./dashboard_funnel.js";
import { showHeat } from "./dashboard_heat.js";
import { showKpis } from "./dashboard_kpis.js";
import { showMap } from "./dashboard_map.js";
import { showMoney } from "./dashboard_money.js";
import { showToday } from "./dashboard_today.js";
import { showTrend } from "./dashboard_trend.js";
import { all, el, fill, find } from "./dom.js";
import { tell } from "./frame.js";
import { say } from "./words.js";

const PANELS = [
  ["now", showToday],
  ["trend", showTrend],
  ["heat", showHeat],
  ["stores", showMap],
  ["money", showMoney],
  ["kpis", showKpis],
];

/** Let a button save a picture, once there is one. */
function saves(name, save) {
  for (const button of all(`[data-picture="${name}"]`)) {
    button.hidden = false;
    button.addEventListener("click", save);
  }
}

/** Draw a panel; what the server refuses, or what did not load, stands in it, with a way to try again. */
async function open(node, show) {
  if (node === null) return;
  node.setAttribute("aria-busy", "true");
  try {
    const save = await show(node);
    if (save) saves(node.id, save);
  } catch (error) {
    const refused = error instanceof Problem;
    if (!refused) console.error(error);
    const anew = () => (refused ? open(node, show) : location.reload()); // a script that is missing comes with the page alone
    const again = el("button", { type: "button", class: "quiet slim", onclick: anew }, say("again"));
    const away = !refused || error.status >= 500 || error.status === 429; // nothing that whoever looks could mend
    fill(node, el("p", { class: "complaint" }, away ? say("not_now") : say("failed", { problem: error.words })), again);
  } finally {
    node.removeAttribute("aria-busy");
  }
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    tell(say("copied"));
  } catch {
    tell(say("not_copied", { link: location.href }), { wrong: true });
  }
}

const copy = find("#copy-link");
copy.hidden = false;
copy.addEventListener("click", copyLink);
savesFiles();
if (document.querySelector("svg.wide")) saves("funnel", saveFunnel);
for (const [id, show] of PANELS) open(document.getElementById(id), show);
