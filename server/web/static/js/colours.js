// The colours of the sheet that is in force, for what is drawn by scripts.

/** A colour of base.css by its name: ink, paper, card, line, accent, second, good, wrong. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Call when light and dark change. */
export const whenSheetChanges = (call) => matchMedia("(prefers-color-scheme: dark)").addEventListener("change", call);
