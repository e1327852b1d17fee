"""The plans of the statements that run for every ping, every redemption and every look of a phone.

They are the generic ones, which a connection keeps for a statement that it runs often: made without looking at the values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from server.store import (
    acceptances,
    arrivals,
    audiences,
    budgets,
    cards,
    conversions,
    counter,
    cube,
    customers,
    devices,
    erasure,
    events,
    expiry,
    external_sends,
    farewell,
    funnel,
    geofences,
    google_objects,
    google_outbox,
    happened,
    idempotency,
    keys,
    knocks,
    kpis,
    liabilities,
    loyalty,
    members,
    moments,
    occasions,
    outbox,
    pass_jobs,
    pass_news,
    pass_tags,
    passes,
    pings,
    pushes,
    reasons,
    receipts,
    redemptions,
    registrations,
    retention,
    sights,
    states,
    stores,
    trials,
    webhook_calls,
    webhook_events,
)
from server.store.pool import Connection, Pool

BIG = {
    *("customers", "external_ids", "customer_state", "customer_tokens", "consents", "devices", "push_tokens"),
    *(
        "customer_events",
        "occasions",
        "segment_members",
        "pings",
        "receipts",
        "receipt_lines",
        "moments",
        "deliveries",
        "app_events",
        "passes",
        "redemptions",
        "reversals",
    ),
    *("external_sends", "google_objects", "google_callbacks"),
    *("registrations", "idempotency_keys", "budgets", "place_budgets", "funnel_cells", "api_keys", "offer_versions"),
    *("visits", "trials", "lift_cells", "happened_cells", "funnel_sums", "lift_sums"),
    *("loyalty_days", "loyalty_marks"),
    *("webhook_events", "webhook_calls", "signed_messages"),
}
"""Tables that grow with customers, offers or time: nothing hot may read one from end to end."""

# A customer of number n lies in bucket n % 1024 and has the id md5(n); everything of theirs follows from the number.
FILL = """
INSERT INTO customers (bucket, id, external_id) SELECT n % 1024, md5(n::text)::uuid, 'c' || n FROM generate_series(1, 8000) n;
INSERT INTO external_ids SELECT bucket, external_id, id FROM customers;
INSERT INTO segment_members SELECT bucket, id, 'regulars' FROM customers;
INSERT INTO customer_state (bucket, customer_id, wake_at)
    SELECT bucket, id, CASE WHEN bucket = 3 THEN now() END FROM customers;
INSERT INTO customer_tokens (bucket, hash, customer_id) SELECT bucket, sha256(uuid_send(id)), id FROM customers;
INSERT INTO consents (bucket, id, customer_id, purpose, granted, terms, source)
    SELECT bucket, id, id, 'push', true, 'v1', 'app' FROM customers;
INSERT INTO devices (bucket, customer_id, device_id, platform) SELECT bucket, id, 'one', 'ios' FROM customers;
INSERT INTO push_tokens (bucket, hash, customer_id, device_id)
    SELECT 1023 - bucket, sha256(uuid_send(id)), id, 'one' FROM customers;
INSERT INTO customer_events (bucket, id, customer_id, name, at)
    SELECT bucket, md5(id::text || n)::uuid, id, 'visit', now() - n * interval '1 day' FROM customers, generate_series(1, 3) n;
INSERT INTO external_sends (bucket, customer_id, id, channel, pressure, at, received_at)
    SELECT bucket, id, n::text, 'email', 'x', now(), now() - n * interval '1 day' FROM customers, generate_series(1, 3) n;
INSERT INTO occasions (bucket, id, customer_id, kind, name, at, due_at)
    SELECT bucket, id, customer_id, 'event', name, at, at FROM customer_events;
INSERT INTO firings (id, kind, at, next_chunk)
    SELECT md5(n::text)::uuid, 'schedule', now() - n * interval '6 minutes', 1024 FROM generate_series(1, 8000) n;
INSERT INTO pings (bucket, customer_id, id, at, received_at, cell)
    SELECT bucket, id, md5(id::text || n)::uuid, now(), now() - n * interval '1 day', '' FROM customers, generate_series(1, 3) n;
INSERT INTO moments (bucket, id, customer_id, offer_id, offer_version, offer_name, variant, placement, channel, pressure,
                     title, body, action, place_id, created_at, deliver_by, valid_until, state, reserved, local_day,
                     local_hour, weekday)
    SELECT bucket, md5(id::text || n)::uuid, id, md5((bucket % 500)::text)::uuid, 1, 'o', 'card', 'card', 'push', 'marketing',
           't', 'b', '{}', id, now() - n * interval '1 day', now() + interval '1 hour', now() + n * interval '1 day',
           CASE n WHEN 1 THEN 'created' WHEN 2 THEN 'opened' ELSE 'accepted' END, '{"units": 1}', now(), 1, 1
    FROM customers, generate_series(1, 3) n;
INSERT INTO deliveries (bucket, id, moment_id, customer_id, offer_id, channel, not_before, deliver_by, created_at, state,
                        way)
    SELECT bucket, id, id, customer_id, offer_id, channel, created_at, deliver_by, created_at,
           CASE WHEN bucket % 8 = 3 THEN 'queued' ELSE 'delivered' END, CASE WHEN bucket % 16 = 3 THEN 'apns' END FROM moments;
INSERT INTO deliveries (bucket, id, customer_id, channel, way, device_hash, serial, not_before, deliver_by, created_at)
    SELECT bucket, md5(id::text || channel)::uuid, id, channel, channel, sha256(uuid_send(id)), id, now(), now(), now()
    FROM customers, unnest(ARRAY['apple_wallet', 'google_wallet']) AS channel;
INSERT INTO app_events (bucket, customer_id, id, moment_id, type, at, received_at)
    SELECT bucket, customer_id, id, id, 'opened', created_at, created_at FROM moments;
INSERT INTO visits (bucket, customer_id, at, geofence_id) SELECT bucket, customer_id, created_at, id FROM moments;
INSERT INTO trials (bucket, customer_id, offer_id, moment_id, held_out, started_at, goal_until, due_at, next_at, followed_until)
    SELECT bucket, customer_id, id, id, false, created_at, created_at + interval '1 day', created_at + interval '2 days',
           CASE WHEN bucket % 8 = 3 THEN created_at + interval '2 days' END, created_at FROM moments;
INSERT INTO lift_cells
    SELECT created_at, offer_id, id, channel, placement, variant, local_day, 1, 1, '', '', false, 1, 1, 1, 1, 1, 1, true, true
    FROM moments;
INSERT INTO receipts (bucket, id, customer_id, at, moment_id, verdicts)
    SELECT bucket, id, customer_id, created_at, id, '[]' FROM moments;
INSERT INTO receipt_lines (bucket, receipt_id, place, offer_id, at) SELECT bucket, id, 1, offer_id, created_at FROM moments;
INSERT INTO passes (bucket, serial, customer_id, moment_id, offer_id, offer_version, design, reward, uses_total, uses_left,
                    valid_from, valid_until, key_id, token_sealed)
    SELECT bucket, id, customer_id, id, offer_id, 1, '{}', '{}', 9, 9, now(), valid_until, 1, '' FROM moments
    WHERE state <> 'created';
INSERT INTO redemptions (bucket, id, serial, use_no, uses_left, store_id, till_id, redeemed_at)
    SELECT bucket, serial, serial, 1, 8, md5((bucket % 500)::text)::uuid, 't', valid_until - interval '9 days' FROM passes;
INSERT INTO reversals (bucket, id, redemption_id, serial, reversed_by, reason)
    SELECT bucket, id, id, serial, 't', 'r' FROM redemptions;
INSERT INTO registrations (bucket, device_hash, pass_type, serial, pass_bucket, push_token)
    SELECT 1023 - bucket, sha256(uuid_send(serial)), 'pass.x', serial, bucket, serial::text FROM passes;
INSERT INTO webhooks (id, url, events, secret_sealed) SELECT md5(n::text)::uuid, 'u', '{*}', '' FROM generate_series(1, 20) n;
INSERT INTO webhook_events (bucket, id, type, at, subject, customer_id, data)
    SELECT bucket, id, 't', created_at, id, customer_id, '{}' FROM moments;
INSERT INTO webhook_calls (bucket, event_id, webhook_id, state, queued_at, not_before)
    SELECT bucket, id, md5((bucket % 20 + 1)::text)::uuid, CASE WHEN bucket % 8 = 3 THEN 'queued' ELSE 'sent' END, at, at
    FROM webhook_events;
INSERT INTO google_objects (bucket, serial, kind, known_at) SELECT bucket, serial, 'offer', now() FROM passes;
INSERT INTO google_callbacks (bucket, serial, nonce_hash, event, received_at)
    SELECT bucket, serial, '', 'save', valid_until - interval '9 days' FROM passes;
INSERT INTO idempotency_keys (bucket, principal, route, key, body_hash, created_at)
    SELECT bucket, 'customer:' || id, 'POST /x', 'k', '', now() - bucket * interval '10 minutes' FROM customers;
INSERT INTO replays (id, offer_id, version, from_at, to_at, asked_by, created_at, state)
    SELECT gen_random_uuid(), gen_random_uuid(), 1, now(), now(), 'u', now() - n * interval '1 minute', 'done'
    FROM generate_series(1, 8000) n;
INSERT INTO pass_jobs (id, kind, state, asked_by, created_at)
    SELECT gen_random_uuid(), 'resign', 'done', 'u', now() - n * interval '1 minute' FROM generate_series(1, 8000) n;
INSERT INTO signed_messages (key_id, id_hash, at)
    SELECT md5((n % 5)::text)::uuid, sha256(n::text::bytea), now() - n * interval '1 minute' FROM generate_series(1, 20000) n;
INSERT INTO skies (id, weather, used_at)
    SELECT n, '[]', now() - n * interval '1 minute' FROM generate_series(1, 20000) n;
INSERT INTO offers (id, name, version, document, author)
    SELECT md5(n::text)::uuid, n, 1, '{}', 'u' FROM generate_series(0, 11999) n;
INSERT INTO offer_versions SELECT id, version, document, author FROM offers;
INSERT INTO budgets (offer_id) SELECT id FROM offers;
INSERT INTO place_budgets (offer_id, place_id, period) SELECT id, id, 'all' FROM offers;
INSERT INTO api_keys (id, kind, hash, hint) SELECT id, 'app', sha256(uuid_send(id)), 'x' FROM offers;
INSERT INTO funnel_facts (bucket, moment_id, customer, step, delta, slot, offer_id, channel, placement, variant, local_day,
                          local_hour, weekday)
    SELECT bucket, id, 1, 'decided', 1, created_at, offer_id, channel, placement, variant, local_day, 1, 1 FROM moments;
INSERT INTO happened_cells (slot, what, count)
    SELECT now() - n * interval '15 minutes', what, n
    FROM generate_series(1, 3000) n, unnest('{pings,moments,opens,passes,redemptions}'::text[]) what;
INSERT INTO funnel_cells (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather,
                          currency, in_sums, in_place_sums)
    SELECT created_at, offer_id, id, channel, placement, variant, local_day, 1, 1, '', '', true, true FROM moments;
INSERT INTO funnel_sums
    SELECT 1 + bucket % 27, offer_id, slot, offer_id, place_id, channel, placement, variant, weather, local_day, local_hour,
           weekday, currency, 1, 1, 1, 1, 1, 1, 1, 1, 1, '{1}'
    FROM funnel_cells CROSS JOIN LATERAL (SELECT hashtext(offer_id::text) & 1023 AS bucket) AS b ON CONFLICT DO NOTHING;
INSERT INTO loyalty_marks SELECT now() - n * interval '15 minutes' FROM generate_series(1, 3000) n;
INSERT INTO loyalty_days SELECT current_date - n, part, '', '', '', '', 0, 0
    FROM generate_series(1, 3000) n, unnest('{active,orders,answers}'::text[]) part;
ANALYZE;
"""

# By name, the statement and the indexes that it must use: no other, and none that it does not need.
HOT: Mapping[str, tuple[str, set[str]]] = {
    "a group's load": (
        arrivals.LOAD,
        {"customers_pkey", "customer_state_pkey", "customer_events_owner", "customer_events_bought", "pings_pkey"}
        | {"customer_tokens_pkey"},
    ),
    "a group's record": (arrivals.RECORD, {"customer_state_pkey"}),
    "the states' lock": (states.LOCK, {"customer_state_pkey"}),
    "a state's bump": (states.BUMP, {"customer_state_pkey"}),
    "a state's rewriting": (states.REWRITE, {"customer_state_pkey"}),
    "a state's look": (states.READ, {"customer_state_pkey"}),
    "a listener": (states.LISTEN, {"customer_state_pkey"}),
    "who listens": (knocks.NUDGE, {"customer_state_pkey"}),
    "the customers of tokens": (keys.FIND_OWNERS, {"customer_tokens_pkey"}),
    "the tokens' use": (keys.TOUCH_TOKENS, {"customer_tokens_pkey"}),
    "a customer": (customers.FIND, {"customers_pkey", "segment_members_pkey"}),
    "who is in which segment": (members.WRITE, {"segment_members_pkey"}),
    "a customer's lock": (customers.LOCK, {"customers_pkey"}),
    "a brand's number": (customers.KNOWN, {"external_ids_pkey"}),
    "a push token's owner": (devices.OWNER, {"push_tokens_pkey"}),
    "a device": (devices.OLD, {"devices_pkey"}),
    "a message of others": (external_sends.FIND, {"external_sends_pkey"}),
    "a kept answer": (idempotency.READ, {"idempotency_keys_pkey"}),
    "keeping an answer": (idempotency.KEEP, {"idempotency_keys_pkey"}),
    "the inbox": (moments.INBOX, {"moments_owner"}),
    "what came after": (moments.AFTER, {"moments_owner"}),
    "what was put off": (moments.BACK, {"moments_snoozed"}),
    "a mark": (moments.MARK, {"a customer's moments"}),
    "moments by id": (moments.BY_ID, {"a customer's moments"}),
    "moments held for events": (events.HOLD, {"a customer's moments"}),
    "pushes given to devices": (pushes.ADDRESS, {"deliveries_pkey"}),
    "moments that were reached": (pushes.REACHED, {"moments_pkey"}),
    "addresses that are dead": (devices.GONE, {"devices_pkey", "push_tokens_pkey"}),
    "leases kept": (outbox.RENEW, {"deliveries_pkey"}),
    "deliveries that end": (outbox.END, {"deliveries_pkey", "deliveries_wallet", "deliveries_google"}),
    "moments stepping on": (events.STEP, {"moments_pkey", "deliveries_moment"}),
    "a moment's acceptance": (acceptances.OFFERED, {"a customer's moments", "customers_pkey", "offer_versions_pkey"}),
    "a pass's making": (acceptances.INSERT, {"moments_pkey"}),
    "a pass": (passes.FIND, {"passes_pkey"}),
    "a moment's pass": (passes.OF_MOMENT, {"passes_bucket_moment_id_key"}),
    "a customer's passes": (passes.PAGE, {"passes_owner"}),
    "voiding a pass": (passes.VOID, {"passes_pkey"}),
    "voiding a customer's passes": (passes.VOID_CUSTOMER, {"passes_owner"}),
    "a pass held for a registration": (registrations.HOLD, {"passes_pkey"}),
    "a registration dropped": (registrations.DELETE, {"registrations_pkey"}),
    "a push token renewed": (registrations.RENEW, {"registrations_pkey"}),
    "a wallet's numbers": (pass_tags.NUMBER_THESE, {"passes_pkey"}),
    "passes whose stores changed": (
        sights.AFFECTED,
        {"passes_relevant_walk", "moments_pkey", "customers_pkey", "customer_state_pkey"},
    ),
    "passes looked at": (sights.SEE, {"passes_pkey"}),
    "cards held": (cards.HOLD, {"passes_pkey"}),
    "cards rewritten": (cards.REWRITE, {"passes_pkey"}),
    "where a customer was last": (sights.POINT, {"customers_pkey", "customer_state_pkey"}),
    "passes marked": (pass_jobs.MARK, {"passes_pkey", "registrations_held"}),
    "wallets' push tokens": (registrations.TOKENS, {"registrations_pkey"}),
    "a device's passes": (registrations.UPDATED, {"registrations_pkey", "passes_pkey"}),
    "the till's look": (
        counter.LOOK,
        {
            "passes_pkey",
            "redemptions_bucket_serial_use_no_key",
            "redemptions_step",
            "reversals_bucket_redemption_id_key",
        },
    ),
    "the secret of a changing barcode": (google_objects.TOTP, {"google_objects_pkey"}),
    "which passes Google has": (google_objects.KINDS, {"google_objects_pkey"}),
    "news for Google": (google_objects.ENQUEUE, {"passes_pkey", "google_objects_pkey"}),
    "what Google has of passes": (google_outbox.BEGIN, {"google_objects_pkey", "passes_pkey", "customers_pkey"}),
    "what Google took": (google_outbox.SENT, {"google_objects_pkey"}),
    "a customer's passes at Google": (google_outbox.OTHERS, {"passes_owner", "google_objects_pkey"}),
    "the till's hold": (counter.HOLD, {"passes_pkey"}),
    "the claim of a use": (redemptions.CLAIM, {"passes_pkey", "moments_pkey", "redemptions_step"}),
    "a use given back": (
        redemptions.REVERSE,
        {
            "redemptions_pkey",
            "passes_pkey",
            "moments_pkey",
            "customer_events_pkey",
            "occasions_pkey",
            "reversals_bucket_redemption_id_key",
        },
    ),
    "one's own redemptions": (
        redemptions.OWN,
        {"passes_owner", "redemptions_bucket_serial_use_no_key", "reversals_bucket_redemption_id_key"},
    ),
    "one's own receipts": (reasons.PAGE, {"receipts_owner", "moments_pkey"}),
    "trials begun": (trials.BEGIN, {"moments_pkey", "offer_versions_pkey"}),
    "the funnel's facts": (funnel.NOTE, {"moments_pkey"}),
    "what a customer had reserved": (expiry.RELEASE, {"moments_owner", "moments_pkey"}),
    "moments that end": (expiry.END, {"moments_pkey", "deliveries_moment", "receipts_moment"}),
    "pings forgotten": (pings.FORGET, {"pings_pkey", "visits_pkey"}),
    "moments that are told of": (webhook_events.MOMENTS, {"moments_pkey"}),
    "passes that were issued": (webhook_events.OF_MOMENTS, {"passes_bucket_moment_id_key"}),
    "passes that changed": (webhook_events.CHANGED, {"passes_pkey"}),
    "uses that are told of": (webhook_events.USES, {"redemptions_pkey", "passes_pkey"}),
    "reversals that are told of": (webhook_events.REVERSALS, {"reversals_pkey", "redemptions_pkey", "passes_pkey"}),
    "occasions that wait": (occasions.PENDING, {"occasions_pkey"}),
    "occasions decided": (occasions.SETTLE, {"occasions_pkey"}),
    "occasions put off": (occasions.POSTPONE, {"occasions_pkey"}),
    "a customer's occasions forgotten": (occasions.FORGET_ALL, {"occasions_owner"}),
}
# What is not one customer's has no bucket: budgets are offers', keys are machines', jobs ask every shard.
WIDE: Mapping[str, tuple[str, set[str]]] = {
    "budgets looked at": (budgets.READ, {"budgets_pkey"}),
    "budgets locked": (budgets.LOCK, {"budgets_pkey"}),
    "budgets counted": (budgets.ADD, {"budgets_pkey"}),
    "shares looked at": (budgets.READ_PLACES, {"place_budgets_pkey"}),
    "shares locked": (budgets.LOCK_PLACES, {"place_budgets_pkey"}),
    "shares counted": (budgets.ADD_PLACES, {"place_budgets_pkey"}),
    "rolling shares": (budgets.COUNT_ROLLING, {"moments_reserved"}),
    "an offer's receipts": (receipts.OF_OFFER, {"receipt_lines_offer", "receipts_pkey"}),
    "a machine's key": (keys.FIND, {"api_keys_hash_key"}),
    "a push token's other device": (registrations.TAKE, {"registrations_token"}),
    "a dead push token dropped": (registrations.DROP_DEAD, {"registrations_token"}),
    "a dead push token turned off": (registrations.TURN_OFF, {"registrations_token"}),
    "wallets that hold passes": (pass_news.WALLETS, {"registrations_pass"}),
    "a wallet that heard the last word": (farewell.HEARD, {"registrations_pass"}),
    "tokens of erased customers": (farewell.QUIET, {"registrations_erased"}),
    "outbox rows of erased customers": (farewell.UNNAME, {"deliveries_farewell"}),
    "passes of erased customers": (farewell.CLOSE, {"passes_erased"}),
    "registrations of erased customers": (farewell.LEAVE, {"registrations_erased"}),
    "pushes asked about": (
        pushes.FACTS,
        {"deliveries_pkey", "customers_pkey", "customer_state_pkey", "moments_pkey", "devices_pkey", "offers_pkey"}
        | {"offer_versions_pkey"},
    ),
    "timers that ran out": (states.DUE, {"customer_state_wake"}),
}
# A LIMIT must be seen: of an unknown one the planner thinks that it takes a tenth of the table.
PORTIONS: Mapping[str, tuple[str, list[str], set[str]]] = {
    "moments undelivered": (expiry.UNDELIVERED, ["now()", "500"], {"moments_open"}),
    "moments unused": (expiry.UNUSED, ["now()", "500"], {"moments_told"}),
    "pushes without a device": (pushes.UNADDRESSED, ["now()", "100", "20"], {"deliveries_out", "devices_pkey"}),
    "deliveries that are due": (
        outbox.LEASE,
        ["'push'", "'apns'", "now()", "100", "md5('7')::uuid", "now()"],
        {"deliveries_out", "deliveries_pkey"},
    ),
    "news for Google that are due": (
        google_outbox.LEASE,
        ["now()", "100", "md5('7')::uuid", "now()"],
        {"deliveries_out", "deliveries_pkey", "deliveries_google_out"},
    ),
    "passes that end": (passes.EXPIRE, ["now()", "500"], {"passes_expiry", "passes_pkey"}),
    "customers at home": (audiences.AT_HOME, ["16", "32", "NULL", "'UTC'"], {"customers_pkey"}),
    "customers in a zone": (
        audiences.IN_ZONE,
        ["16", "32", "'UTC'", "'UTC'", "now()"],
        {"customers_pkey", "customer_state_pkey"},
    ),
    "customers who were seen": (
        audiences.SEEN,
        ["16", "32", "NULL", "'UTC'", "now()"],
        {"customers_pkey", "customer_state_pkey"},
    ),
    "customers who were born": (audiences.BORN, ["16", "32", "'UTC'", "'UTC'", "'{11-03}'"], {"customers_pkey"}),
    "customers who are absent": (
        audiences.ABSENT,
        ["16", "32", "now()"],
        {"customers_pkey", "customer_state_pkey", "customer_events_bought"},
    ),
    "occasions that are due": (occasions.DUE, ["now() - interval '1 day'", "500"], {"occasions_due"}),
    "passes to number": (pass_tags.NUMBER, ["7", "500"], {"passes_changed", "passes_pkey"}),
    "passes to walk": (
        pass_jobs.OF_OFFER,
        ["md5('7')::uuid", "now() - interval '1 day'", "7", "md5('7')::uuid", "now()", "500"],
        {"passes_offer"},
    ),
    "passes whose window opens or closes": (
        sights.BY_TIME,
        ["now() - interval '1 day'", "200"],
        {"passes_relevant", "passes_pkey", "moments_pkey", "customers_pkey", "customer_state_pkey"},
    ),
    "passes walked to": (sights.NEXT, ["7", "md5('7')::uuid", "200"], {"passes_relevant_walk"}),
    "all passes to walk": (pass_jobs.OF_ALL, ["7", "md5('7')::uuid", "500"], {"passes_pkey"}),
    "trials to be followed": (
        trials.FOLLOW,
        ["now()", "50", "interval '1 day'", "interval '1 day'"],
        {"trials_next", "trials_pkey", "visits_pkey", "customer_events_owner", "customer_events_bought", "moments_pkey"}
        | {"offer_versions_pkey"},
    ),
    "what came of moments": (
        conversions.LOOK,
        ["now()", "50", "interval '7 days'", "interval '1 day'", "interval '1 day'"],
        {"moments_attributed", "moments_owner", "moments_pkey", "offer_versions_pkey", "visits_pkey"}
        | {"customer_events_owner", "redemptions_bucket_serial_use_no_key", "passes_bucket_moment_id_key"}
        | {"reversals_bucket_redemption_id_key"},
    ),
    "calls that are due": (
        webhook_calls.LEASE,
        ["now()", "50", "md5('7')::uuid", "now()", "10", "interval '3 days'"],
        {"webhook_calls_due", "webhook_calls_out", "webhook_calls_pkey", "webhook_events_pkey"},
    ),
    "an endpoint's log": (
        webhook_calls.LOG,
        ["md5('7')::uuid", "NULL", "NULL", "NULL", "200"],
        {"webhook_calls_log", "webhook_events_pkey"},
    ),
    "what happened of late": (
        webhook_calls.AGAIN_SPAN,
        ["md5('7')::uuid", "now() - interval '30 hours'", "now() - interval '29 hours'", "1000", "'t2'"],
        {"webhook_events_at"},  # of endpoints there are a few
    ),
    "customers to judge": (members.NEXT, ["7", "md5('7')::uuid", "250"], {"customers_pkey"}),
    "an offer's passes": (passes.VOID_OFFER, ["md5('7')::uuid", "'r'", "500"], {"passes_open", "passes_pkey"}),
}
EITHER = {"moments_owner", "moments_pkey"}
"""Where both the customer and the id are given, either index finds a row or a few."""


@pytest.fixture(scope="module")
async def filled(shared_pool: Pool) -> Pool:
    """A database that is large enough for the planner to care."""
    async with shared_pool.acquire() as db:
        await db.execute("SET statement_timeout = 0")
        await db.execute("VACUUM")  # the files of tables that another test filled and emptied are as long as they were
        await db.execute(FILL, timeout=60)
        await db.execute("RESET statement_timeout")
    return shared_pool


async def plan_of(
    db: Connection, sql: str, values: Sequence[str] | None = None, *, as_in_the_house: bool = False
) -> list[dict[str, Any]]:
    """Give the nodes of a statement's plan: the generic one, or that for some values (SQL expressions).

    As PostgreSQL chooses by itself, which is harder than what the house's connections ask of it (see `open_pool`).
    """
    count = max((int(number) for number in re.findall(r"\$(\d+)", sql)), default=0)
    given = ", ".join(values or ["NULL"] * count)
    async with db.transaction():
        kind = "force_custom_plan" if values else "force_generic_plan"
        await db.execute(f"SET LOCAL plan_cache_mode = {kind}; SET LOCAL jit = off; SET LOCAL enable_seqscan = on")
        if as_in_the_house:
            await db.execute("SET LOCAL enable_seqscan = off")
        await db.execute(f"PREPARE hot AS {sql}")
        told = json.loads(await db.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot{f'({given})' if count else ''}"))
        await db.execute("DEALLOCATE hot")
    return list(_nodes(told[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


SHORT = {"passes_changed", "deliveries_farewell"}
"""Indexes of nothing but what is to be done: whoever reads one whole reads no more than that."""


def read_whole(nodes: list[dict[str, Any]]) -> set[str]:
    """Tell which big tables are read from end to end, be it by an index without a condition."""
    return {
        node.get("Relation Name", node.get("Index Name", "?"))
        for node in nodes
        if (node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG)
        or ("Index Name" in node and node["Index Name"] not in SHORT and "Index Cond" not in node)
    }


def indexes_of(nodes: list[dict[str, Any]]) -> set[str]:
    """Tell which indexes rows are looked up by."""
    return {node["Index Name"] for node in nodes if "Index Name" in node}


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_statement_goes_to_its_rows_within_one_shard(filled: Pool, name: str) -> None:
    sql, expected = HOT[name]
    async with filled.acquire() as db:
        nodes = await plan_of(db, sql)
    assert read_whole(nodes) == set()
    assert indexes_of(nodes) in ([expected] if "a customer's moments" not in expected else either(expected))
    looks = [node for node in nodes if node.get("Index Name", "offer_versions_pkey") != "offer_versions_pkey"]
    assert not [(node["Index Name"], node["Index Cond"]) for node in looks if "bucket = " not in node["Index Cond"]]


def either(expected: set[str]) -> list[set[str]]:
    """Spell the sets of indexes that are as good as the one that was named."""
    return [expected - {"a customer's moments"} | {index} for index in EITHER]


@pytest.mark.parametrize("name", WIDE)
async def test_what_lies_in_no_shard_is_found_by_an_index_too(filled: Pool, name: str) -> None:
    sql, expected = WIDE[name]
    async with filled.acquire() as db:
        nodes = await plan_of(db, sql)
    assert read_whole(nodes) == set()
    assert indexes_of(nodes) == expected


@pytest.mark.parametrize("name", PORTIONS)
async def test_a_jobs_portion_is_found_by_an_index_of_what_is_due(filled: Pool, name: str) -> None:
    sql, values, expected = PORTIONS[name]
    async with filled.acquire() as db:
        nodes = await plan_of(db, sql, values)
    assert read_whole(nodes) == set()
    assert indexes_of(nodes) == expected


@pytest.mark.parametrize(
    "statement", [idempotency.CLAIM, moments.INSERT, events.INSERT, customers.TAKE, budgets.MAKE, external_sends.INSERT]
)
async def test_what_is_written_once_is_known_by_its_key(filled: Pool, statement: str) -> None:
    async with filled.acquire() as db:
        nodes = await plan_of(db, statement)
    assert read_whole(nodes) - {"offers_pkey"} == set()
    [insert] = [node for node in nodes if node.get("Conflict Resolution")]
    assert insert["Node Type"] == "ModifyTable"
    arbiters = insert.get("Conflict Arbiter Indexes")
    assert arbiters is None or arbiters == [f"{insert['Relation Name']}_pkey"]


async def test_facts_are_taken_from_where_they_lie_and_counted_by_the_cells_key(filled: Pool) -> None:
    async with filled.acquire() as db:
        nodes = await plan_of(db, funnel.ROLL)
    assert read_whole(nodes) == set()
    assert [node["Relation Name"] for node in nodes if node["Node Type"] == "Tid Scan"] == ["funnel_facts"]
    whole = [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert {node["Relation Name"] for node in whole} == {"funnel_facts"}  # under a LIMIT: it stops after some rows
    added = [node["Conflict Arbiter Indexes"] for node in nodes if node.get("Conflict Resolution")]
    assert sorted(added) == [["funnel_cells_pkey"], ["funnel_sums_pkey"], ["happened_cells_pkey"]]


QUESTIONS = {
    "all by offer": ((("offer_id",), ()), {"funnel_cells_pkey"}),
    "one offer by store": ((("place_id",), ("offer_id",)), {"funnel_cells_offer"}),
    "one store by the week's hours": ((("weekday", "local_hour"), ("place_id",)), {"funnel_cells_at_place"}),
    "one offer at one store by day": ((("local_day",), ("offer_id", "place_id")), {"funnel_cells_at_place"}),
    "an offer's days in the rain": ((("offer_id", "local_day"), ("offer_id", "weather")), {"funnel_cells_offer"}),
}
"""What reports ask, and by which index its cells may be found besides their key."""


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_report_reads_the_sums_and_cells_of_its_range_alone(filled: Pool, name: str) -> None:
    (keys, filters), cells = QUESTIONS[name]
    async with filled.acquire() as db:
        for statement in (cube.counting(keys, filters), cube.naming(keys, filters)):
            nodes = await plan_of(db, statement, as_in_the_house=True)
            assert read_whole(nodes) == set()
            used = indexes_of(nodes)
            assert "funnel_sums_pkey" in used
            assert used & {"funnel_cells_pkey", "funnel_cells_offer", "funnel_cells_at_place"} <= {
                *cells,
                "funnel_cells_pkey",
            }


@pytest.mark.parametrize(
    "statement",
    [
        happened.SINCE,
        loyalty.GATHER,
        loyalty.MARKED,
        loyalty.TAKE,
        loyalty.DAYS,
        loyalty.TOTALS,
        loyalty.ADD_UP,
        kpis.VISITS,
    ],
)
async def test_todays_figures_and_key_figures_are_found_by_their_time(filled: Pool, statement: str) -> None:
    async with filled.acquire() as db:
        assert read_whole(await plan_of(db, statement)) == set()


async def test_what_passes_may_cost_is_read_from_indexes_of_those_that_are_open(filled: Pool) -> None:
    async with filled.acquire() as db:
        nodes = await plan_of(db, liabilities.OPEN, as_in_the_house=True)
    assert "passes_open" in indexes_of(nodes) <= {"passes_open", "passes_expiry"}
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}


FORGOTTEN_WHOLE = {"sessions", "half_logins", "login_failures"}
"""Rows of a day, of people who log in: so few that no index is worth its writing."""


@pytest.mark.parametrize("table", sorted(retention.FORGET.keys() - FORGOTTEN_WHOLE))
async def test_the_oldest_rows_are_found_by_their_time(filled: Pool, table: str) -> None:
    async with filled.acquire() as db:
        nodes = await plan_of(db, retention.FORGET[table], ["interval '30 days'", "5000"])
    assert read_whole(nodes) == set()
    assert len(indexes_of(nodes)) == 1
    assert [node["Relation Name"] for node in nodes if node["Node Type"] == "Tid Scan"] == [table]


@pytest.mark.parametrize("table", erasure.TABLES)
async def test_an_export_reads_one_customers_rows(filled: Pool, table: str) -> None:
    async with filled.acquire() as db:
        assert read_whole(await plan_of(db, erasure.TABLES[table])) == set()


@pytest.mark.parametrize("table", erasure.ERASE)
async def test_an_erasure_touches_one_customers_rows(filled: Pool, table: str) -> None:
    async with filled.acquire() as db:
        assert read_whole(await plan_of(db, erasure.ERASE[table])) == set()


BERLIN = "ARRAY[box(point(13, 52), point(14, 53))]"
LOOKS: Mapping[str, tuple[str, list[str], set[str]]] = {
    "stores in view": (stores.IN_VIEW, ["NULL", "'{}'", "'{}'", "201", BERLIN], {"stores_where"}),
    "stores of a tag": (stores.SEARCH, ["NULL", "'{t7}'", "'{}'", "201"], {"stores_tags"}),
    "fences in view": (geofences.IN_VIEW, ["NULL", "'{}'", "'{}'", "false", "201", BERLIN], {"geofences_where"}),
    "fences of a tag": (geofences.SEARCH, ["NULL", "'{t7}'", "'{}'", "false", "201"], {"geofences_tags"}),
    "heaps of fences in view": (geofences.CELLS, [BERLIN, "'{}'", "'{}'", "false", "0.5"], {"geofences_where"}),
}
"""What a map asks while it is moved."""
PLACES = """
INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, tags, geofence_id)
    SELECT gen_random_uuid(), n, n % 170 - 85, (n * 7) % 360 - 180, 100, 'UTC', ARRAY['t' || n % 400], gen_random_uuid()
    FROM generate_series(1, 8000) n;
INSERT INTO geofences (id, name, lat, lon, radius_m, tags, store_id, changed)
    SELECT geofence_id, name, lat, lon, radius_m, tags, id, 1 FROM stores;
ANALYZE stores, geofences;
"""


async def test_a_look_at_a_map_reads_what_is_in_view(db: Connection) -> None:
    await db.execute(PLACES)
    for sql, values, expected in LOOKS.values():
        nodes = await plan_of(db, sql, values)
        assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
        assert indexes_of(nodes) == expected
