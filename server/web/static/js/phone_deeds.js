// What a person does here: once something succeeds, the note of a failure that was before it is over.
import { find } from "./dom.js";
import { attempt, tell } from "./frame.js";

/** attempt() of frame.js for a deed; `done` tells from the answer whether it succeeded. */
export async function deed(work, { busy, done = (answer) => answer !== undefined } = {}) {
  const said = find("#said");
  const stale = said.classList.contains("wrong") && said.textContent;
  const answer = await attempt(work, { busy });
  if (done(answer) && stale && said.textContent === stale) tell("");
  return answer;
}
