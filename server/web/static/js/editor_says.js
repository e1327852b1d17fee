// The server's sentences about mistakes, in the page's language. What is not known here is told as the server says it.
import { say } from "./words.js";

const PATTERNS = [
  ["required", /^is required$/],
  ["empty", /^must be a text that is not empty$/],
  ["longest", /^must have at most (?<most>\d+) characters$/],
  ["one_of", /^must be one of (?<list>.+)$/],
  ["twice", /^(?:names something twice|is used twice)$/],
  ["whole", /^must be a whole number$/],
  ["number", /^must be a number$/],
  ["range", /^must be from (?<low>.+) to (?<high>.+)$/],
  ["duration", /^must be an ISO 8601 duration/],
  ["clock", /^must be a time of day/],
  ["date", /^must be a date such as/],
  ["zone", /^must be place, customer_home or an IANA zone/],
  ["unknown", /^is not known here; known are (?<list>.+)$/],
  ["segment", /^there is no segment (?<name>.+)$/],
  ["tag", /^no place has the tag (?<name>.+)$/],
  ["place", /^is not the id of a store or a fence$/],
  ["elements", /^must have (?<low>\d+) to (?<high>\d+) elements$/],
  ["never", /^can never hold$/],
  ["window", /^the window is empty/],
  ["before", /^must not be before from$/],
  ["after", /^must be after from$/],
  ["default", /^(?<name>\S+) needs a default, such as (?<example>.+)$/],
  ["placeholder", /^(?<name>.+) is no known placeholder; known are (?<list>.+)$/],
  ["on_a_pass", /^(?<name>.+) is no placeholder of a pass; known are (?<list>.+)$/],
  ["on_a_pass_customer", /^(?<name>.+) cannot stand on a pass, which anybody may see/],
  ["content", /^there is no content for (?<name>.+)$/],
  ["budget", /^needs a reward with a value, by which it is counted$/],
  ["currency", /^must be that of the reward's value, (?<name>.+)$/],
  ["iso", /^must be an ISO 4217 code/],
  ["https", /^must be an https address$/],
  ["name", /^must begin with a letter or digit/],
  ["taken", /^Another one has this name already\.$/],
  ["colour", /^must be a colour such as/],
  ["missing_text", /^the moment is told in (?<name>.+), too: a text in it is missing$/],
  ["contrast", /^can hardly be read on this background$/],
  ["narrow", /^fences under (?<radius>.+) m radius: (?<list>.+); a phone's fix/],
  ["waits", /^Version (?<version>\d+) waits until a second person has approved it/],
  ["ask_for", /^must ask for (?<list>.+)$/],
  ["one_condition", /^must be an object with one condition/],
  ["belongs", /^belongs to (?<name>.+)$/],
  ["not_type", /^does not belong to the type (?<name>.+)$/],
  ["no_words", /^has no words(?: for customers who are addressed as|, and no other locale)/],
  ["reward_empty", /^(?<name>\S+) stays empty: the offer has no reward$/],
];

/** Put a sentence of the server into the page's words. */
export function inWords(message) {
  for (const [name, pattern] of PATTERNS) {
    const found = pattern.exec(message);
    if (found) return say(`e_${name}`, found.groups ?? {});
  }
  return message;
}
