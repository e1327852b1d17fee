// This page as the server would show it now: whose it is, and its token. Another tab may have logged out and in meanwhile.
import { find } from "./dom.js";

/** Ask for it: {who, token}, `who` null where nobody is logged in and "" where it is somebody who may not see it; null without an answer. */
export async function pageNow({ path = location.pathname + location.search, signal } = {}) {
  try {
    const found = await fetch(path, { headers: { Accept: "text/html" }, signal });
    if (found.status >= 500) return null;
    if (new URL(found.url).pathname === "/login") return { who: null, token: "" };
    if (!found.ok) return { who: "", token: "" };
    const page = new DOMParser().parseFromString(await found.text(), "text/html");
    const token = page.querySelector("meta[name=csrf]")?.content;
    return token ? { who: JSON.parse(find("#facts", page).textContent).who, token } : null;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}
