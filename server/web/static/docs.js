// Shows the routes that hold what was typed, and opens the one that the address names.
"use strict";

const routes = [...document.querySelectorAll(".route")];
const filter = document.getElementById("filter");

filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const route of routes) {
    const text = route.dataset.words.toLowerCase();
    route.hidden = !words.every((word) => text.includes(word));
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = [...section.querySelectorAll(".route")].every((route) => route.hidden);
  }
});

const named = document.getElementById(location.hash.slice(1));
if (named instanceof HTMLDetailsElement) named.open = true;
