// The log-in's page: whoever comes here is nobody yet, and so this browser is nobody's till, wherever they logged out.
import { forget } from "./counter_store.js";

forget().catch(() => {}); // a browser that keeps nothing has nothing to forget
