// Buttons are there before the scripts that make them work: a click that comes in between is kept, and done once they are. It
// is no module, so that it is there first. Forms that the server takes without a script need no help.
{
  const kept = [];
  const keep = (event) => {
    const button = event.target.closest?.("button");
    if (!button || button.closest("form[method=post]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    kept.push(button);
  };
  addEventListener("click", keep, true);
  addEventListener("DOMContentLoaded", () => {
    removeEventListener("click", keep, true);
    for (const button of kept) if (button.isConnected) button.click();
  });
}
