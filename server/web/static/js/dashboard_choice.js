// Choices that change a picture and not the page: the address keeps them, and the back button takes them back.
import { all, el } from "./dom.js";

/** Let the links of a list (with data-NAME) choose: `changed(value)` is told, now and then. */
export function choice(list, name, usual, changed) {
  const links = all(`a[data-${name}]`, list);
  const now = () => new URL(location.href).searchParams.get(name) ?? usual;
  const show = (value) => {
    for (const link of links) link.toggleAttribute("aria-current", link.dataset[name] === value);
    for (const link of links) if (link.hasAttribute("aria-current")) link.setAttribute("aria-current", "true");
    carry(name, value, usual, links);
    changed(value);
  };
  for (const link of links)
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      history.pushState(null, "", keeping(location.href, name, link.dataset[name], usual));
      show(link.dataset[name]);
    });
  addEventListener("popstate", () => show(now()));
  show(now());
}

/** An address with the choice in it; what is usual is left out. */
function keeping(address, name, value, usual) {
  const url = new URL(address);
  if (value === usual) url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  return url;
}

/** Whatever else is clicked keeps the choice. */
function carry(name, value, usual, own) {
  for (const link of all('main a[href^="/dashboard"]')) if (!own.includes(link)) link.setAttribute("href", short(keeping(link.href, name, value, usual)));
  for (const form of all("main form")) {
    form.querySelector(`[name="${name}"]`)?.remove();
    if (value !== usual) form.append(el("input", { type: "hidden", name, value }));
  }
}

const short = (url) => `${url.pathname}${url.search}${url.hash}`;
