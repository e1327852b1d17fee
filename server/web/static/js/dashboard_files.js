// Tables as files. The links do without a script; with it, what the server refuses is said where it was asked for.
import { call } from "./api.js";
import { all } from "./dom.js";
import { attempt } from "./frame.js";
import { download } from "./png.js";

const MARK = "\ufeff"; // without it spreadsheets read UTF-8 as something else; reading the answer as text took it away

/** Let the links to files be fetched and saved by the page. */
export function savesFiles() {
  for (const link of all("main a[download]"))
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return; // as the browser likes it
      event.preventDefault();
      if (!link.hasAttribute("aria-busy")) attempt(() => save(link), { busy: link });
    });
}

async function save(link) {
  const { body, headers } = await call("GET", link.getAttribute("href"));
  const [, name] = /filename="([^"]+)"/.exec(headers.get("Content-Disposition") ?? "") ?? [];
  download(new Blob([MARK, body], { type: headers.get("Content-Type") }), name ?? "kairos.csv");
}
