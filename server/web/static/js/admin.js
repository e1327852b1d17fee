// The house's own pages: each section has a module of its own.
import { markPlace } from "./admin_parts.js";
import { find } from "./dom.js";
import { shown } from "./frame.js";
import { FACTS } from "./words.js";

markPlace();
const { show } = await import(`./admin_${FACTS.section}.js`);
shown(find("#section"), show);
