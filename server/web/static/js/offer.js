// One offer's page: the deeds, the panels, and what the server is still busy with.
import { mountDryRun } from "./dry_run_panel.js";
import { attempt } from "./frame.js";
import { attachDeeds, watchPasses } from "./offer_deeds.js";
import { mountReplay } from "./replay_panel.js";
import { FACTS } from "./words.js";

attachDeeds();
const past = document.querySelector("#replay-panel");
if (past) mountReplay(past);
const panel = document.querySelector("#dry-run");
await Promise.all([attempt(watchPasses), panel ? mountDryRun(panel, { offerId: FACTS.offer }) : null]);
