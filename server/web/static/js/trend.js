// How offers fared day by day, as GET /v1/reports/trend tells it.
import { call, Problem } from "./api.js";
import { FACTS } from "./words.js";
import { wallOf } from "./zone_time.js";

const DAYS = 28;
const DAY = 86400000;

/** Redemptions of the last four weeks, one figure a day (null: too few people), by offer; null where nobody can tell. */
export async function redemptionsOf(offers) {
  const today = Date.parse(`${wallOf(new Date(), FACTS.zone).date}T12:00Z`);
  const days = Array.from({ length: DAYS }, (_, at) => dateOf(today - (DAYS - 1 - at) * DAY));
  const query = `by=day&from=${days[0]}&to=${dateOf(today + DAY)}&offer_id=${offers.join(",")}`;
  try {
    const { body } = await call("GET", `/v1/reports/trend?${query}`);
    const rows = new Map(body.rows.map((row) => [row.offer_id, new Map(row.points.map((each) => [each.at, each.redeemed]))]));
    return new Map(offers.map((offer) => [offer, days.map((day) => (rows.get(offer)?.has(day) ? rows.get(offer).get(day) : 0))]));
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // the list stands without its lines
    return null;
  }
}

const dateOf = (instant) => new Date(instant).toISOString().slice(0, 10);
