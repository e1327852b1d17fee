// What the server says of a wrong field, in the page's language. What is not known here is shown as it came.
import { LANGUAGE, say } from "./words.js";

const REASONS = [
  [/^must be a number (?:of metres )?from (\S+) to (\S+)$/, "wrong_number"],
  [/^must be a (?:text|string) of 1 to (\d+) printable characters$/, "wrong_text"],
  [/^must be without line breaks/, "wrong_breaks"],
  [/^must be two capitals/, "wrong_country"],
  [/^must be a time zone's name/, "wrong_zone"],
  [/^is not known for this position; name one$/, "wrong_no_zone"],
  [/^is not known; that of the position was taken$/, "wrong_zone_replaced"],
  [/^must be (\d+) at most$/, "wrong_many"],
  [/^stands there already/, "wrong_there"],
  [/^is in this list before/, "wrong_twice"],
  [/^is below (\d+) m: many phones/, "wrong_narrow"],
  [/^this ring crosses or touches itself$/, "wrong_crossing"],
  [/^this ring crosses or overlaps another ring$/, "wrong_overlap"],
  [/^this ring is a hole outside of its polygon$/, "wrong_hole"],
  [/^this ring is a hole inside of another hole$/, "wrong_hole"],
  [/^this ring lies inside of another polygon$/, "wrong_overlap"],
  [/^must have at least (?:three|four) /, "wrong_corners"],
  [/^must not be larger than a circle of (\d+) m radius/, "wrong_large"],
  [/^must have an area of at least one square metre$/, "wrong_small"],
  [/^must have at most (\d+) vertices/, "wrong_vertices"],
  [/^must be (?:Polygon, MultiPolygon|"Feature")/, "wrong_shape"],
  [/^must be (?:closed|an array|\[longitude)/, "wrong_shape"],
  [/^is a (?:longitude|latitude) and must be from (\S+) to (\S+)$/, "wrong_number"],
  [/^needs a geocoder/, "wrong_no_geocoder"],
  [/^was not looked up: one import may ask for (\d+)/, "wrong_too_many_addresses"],
  [/^was not (?:looked up|found): the geocoder/, "wrong_geocoder"],
  [/^was not found; give lat and lon$/, "wrong_not_found"],
  [/^would be looked up/, "wrong_unplaced"],
  [/^has (\d+) cells under (\d+) columns$/, "wrong_cells"],
  [/^has more than (\d+) rows$/, "wrong_rows"],
  [/^cannot be read as CSV/, "wrong_csv"],
  [/^is required as a column/, "wrong_no_name"],
  [/^and lon are required as columns/, "wrong_no_position"],
  [/^must be (?:an object|a list|two times|times) such as|^opens and closes at the same time|^must be JSON/, "hours_wrong"],
];

/** Say why a field is wrong. */
export function reason(message) {
  if (LANGUAGE === "en") return message;
  for (const [known, word] of REASONS) {
    const found = known.exec(message);
    if (found) return say(word, { a: figure(found[1]), b: figure(found[2]) });
  }
  return message;
}

const figure = (text) => (text === undefined ? "" : text.replace(".", ","));
