"""Pings arrive: what is decided on them, what is written down, and what the phone is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from geopy.distance import geodesic

from server.errors import ConsentRequired, TooMany, Unauthenticated
from server.store.ids import new_id
from tests.pipeline.town import SENT, TOWN, Town, document, fix, off, street


async def test_whoever_enters_a_store_is_told_its_moment(town: Town, db_dsn: str) -> None:
    shop = await town.open_shop()
    offer = await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix())
    assert [result.status for result in answer.results] == ["accepted"]
    [moment] = answer.moments
    assert (moment.offer_id, moment.title, moment.body) == (offer, "Coffee on us", "At Mitte.")
    assert (moment.place_id, moment.channel, moment.state) == (shop.id, "in_app", "created")
    assert moment.action == {"type": "pass"}
    assert moment.deliver_by - moment.created_at == timedelta(minutes=5)
    [row] = await town.rows("SELECT * FROM moments")
    assert (row["id"], row["customer_id"], row["value_minor"], row["currency"]) == (moment.id, customer, 250, "EUR")
    assert row["redeem_at"] == f'{{"ids": ["{shop.id}"]}}'


async def test_what_was_answered_is_stored_with_its_way_out_its_fact_and_its_receipt(town: Town, db_dsn: str) -> None:
    shop = await town.open_shop()
    await town.publish()
    customer = await town.customer()
    reported = fix()
    async with street(db_dsn) as process:
        [moment] = (await process.ping(customer, reported, foreground=False)).moments
    [ping] = await town.rows("SELECT * FROM pings")
    assert (ping["customer_id"], ping["id"], ping["moment_id"]) == (customer, reported.id, moment.id)
    assert (ping["cell"], ping["geofence_ids"], ping["reason"]) == ("52.52,13.40", [shop.fence], None)
    [way] = await town.rows("SELECT * FROM deliveries")
    assert (way["moment_id"], way["channel"], way["state"]) == (moment.id, "push", "queued")
    [fact] = await town.rows("SELECT * FROM funnel_facts")
    assert (fact["moment_id"], fact["step"], fact["place_id"]) == (moment.id, "decided", shop.id)
    [receipt] = await town.rows("SELECT moment_id, verdicts->0 AS first FROM receipts")
    assert receipt["moment_id"] == moment.id
    assert '"gate": null' in receipt["first"]


async def test_no_position_is_stored_finer_than_promised(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    customer = await town.customer()
    async with street(db_dsn) as process:
        canary = off(33.21, 44.56)
        await process.ping(customer, fix(canary))
        far = off(40_000)
        await process.ping(customer, fix(far))  # a jump: held
    dump = ""
    for table in ("pings", "receipts", "moments", "customer_state", "deliveries", "funnel_facts"):
        dump += str(await town.rows(f"SELECT to_jsonb(t)::text AS line FROM {table} t"))
    assert '"held": {' in dump.replace("\\", "") or '"held":{' in dump.replace("\\", "")
    for number in (canary.lat, canary.lon, far.lat, far.lon):
        assert f"{number:.4f}" not in dump
        assert str(round(number, 3)) in dump


async def test_without_consent_nothing_is_stored(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer(location=False)
    async with street(db_dsn) as process:
        with pytest.raises(ConsentRequired):
            await process.ping(customer, fix())
    for table in ("pings", "receipts", "moments", "deliveries", "funnel_facts"):
        assert await town.count(f"SELECT count(*) FROM {table}") == 0
    assert await town.count("SELECT sum(version) FROM customer_state") == 0


async def test_one_without_consent_does_not_stop_the_others_of_the_group(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    good = await town.customers(10)
    bad = await town.customer(location=False)
    async with street(db_dsn) as process:
        outcomes = await asyncio.gather(
            *(process.ping(each, fix()) for each in (*good, bad, new_id())), return_exceptions=True
        )
    assert sum(not isinstance(each, Exception) for each in outcomes) == 10
    assert isinstance(outcomes[10], ConsentRequired)
    assert isinstance(outcomes[11], Unauthenticated)
    assert await town.count("SELECT count(*) FROM moments") == 10


async def test_a_fix_far_from_everything_leaves_its_fact_and_no_receipt(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(off(5_000)))
    assert answer.moments == ()
    assert await town.count("SELECT count(*) FROM pings") == 1
    assert await town.count("SELECT count(*) FROM receipts") == 0


async def test_fixes_are_decided_in_the_order_of_event_time_whatever_their_order_in_the_batch(
    town: Town, db_dsn: str
) -> None:
    await town.open_shop()
    await town.publish(document("dwell", when={"trigger": "dwell", "places": {"any": True}, "dwell": "PT2M"}))
    one, two = await town.customers(2)
    ages = (150, 100, 50, 0)
    async with street(db_dsn) as process:
        forth = await process.ping(one, *(fix(age_s=age) for age in ages))
        back = await process.ping(two, *(fix(age_s=age) for age in reversed(ages)))
    assert [len(answer.moments) for answer in (forth, back)] == [1, 1]
    states = await town.rows("SELECT state->'stays'->0->>'since' AS since FROM customer_state")
    assert states[0]["since"] is not None


async def test_a_fix_of_yesterday_is_ignored_and_leaves_no_trace(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(age_s=86_402), fix(off(300), age_s=86_390))
    assert [(result.status, result.reason) for result in answer.results] == [("ignored", "too_old"), ("accepted", None)]
    assert await town.count("SELECT count(*) FROM pings") == 1


async def test_a_late_fix_is_recorded_as_a_visit_and_never_fires(town: Town, db_dsn: str) -> None:
    shop = await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(age_s=600))
        again = await process.ping(customer, fix(age_s=0))
    assert answer.results[0].status == "accepted"
    assert (answer.moments, again.moments) == ((), ())
    assert (await town.rows("SELECT geofence_ids FROM pings LIMIT 1"))[0]["geofence_ids"] == [shop.fence]


async def test_a_clock_that_is_a_year_off_changes_no_decision(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customers = await town.customers(3)
    year = timedelta(days=365)
    told = []
    async with street(db_dsn) as process:
        right = await process.now()
        for customer, shift in zip(customers, (timedelta(0), year, -year), strict=True):
            reported = fix(age_s=0)._replace(captured_at=right + shift - timedelta(seconds=20))
            answer = await process.ping(customer, reported, sent_at=right + shift)
            told.append((answer.results[0].status, answer.results[0].reason, len(answer.moments)))
    assert told == [("accepted", None, 1), ("accepted", "ahead,skew", 1), ("accepted", "skew", 1)]
    at = await town.rows("SELECT received_at - at AS age FROM pings")
    assert all(timedelta(seconds=19.5) < row["age"] < timedelta(seconds=24) for row in at)


async def test_a_fix_captured_after_its_sending_counts_as_now_and_opens_no_reward(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    await town.publish(document("hello", reward=None, priority=1))
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(age_s=-30))
    assert "sent_before_captured" in (answer.results[0].reason or "")
    [moment] = answer.moments
    assert moment.action == {"type": "link"}


async def test_clocks_that_claim_the_first_and_the_last_year_are_answered(town: Town, db_dsn: str) -> None:
    customer = await town.customer()
    first, last = SENT.replace(year=1), SENT.replace(year=9999)
    async with street(db_dsn) as process:
        old = await process.ping(customer, fix()._replace(captured_at=first), sent_at=last)
        new = await process.ping(customer, fix()._replace(captured_at=last), sent_at=first)
    assert old.results[0][1:] == ("ignored", "too_old")
    assert new.results[0].status == "accepted"


async def test_a_mocked_fix_is_recorded_and_opens_nothing(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(mock=True))
    assert (answer.results[0].status, answer.results[0].reason, answer.moments) == ("accepted", "mock", ())


async def test_more_fixes_a_minute_than_allowed_are_refused_whole_before_anything_is_decided(
    town: Town, db_dsn: str
) -> None:
    await town.open_shop()
    await town.publish()
    customer, other = await town.customers(2)
    async with street(db_dsn, limits__pings_per_minute="5") as process:
        await process.ping(customer, *(fix(off(114)) for _ in range(4)))
        with pytest.raises(TooMany) as refused:
            await process.ping(customer, fix(), fix())
        assert 1 <= (refused.value.retry_after_s or 0) <= 60
        assert await town.count("SELECT count(*) FROM pings") == 4
        assert len((await process.ping(customer, fix())).moments) == 1
        assert len((await process.ping(other, fix())).moments) == 1


async def test_a_held_out_customer_is_told_nothing_and_counted(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(holdout={"share": 1.0, "salt": "all"}, limits={"total": {"units": 5}}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix())
    assert answer.moments == ()
    assert await town.count("SELECT count(*) FROM moments WHERE held_out AND reserved IS NULL") == 1
    assert await town.count("SELECT count(*) FROM deliveries") == 0
    assert await town.count("SELECT units FROM budgets") == 0
    assert [row["step"] for row in await town.rows("SELECT step FROM funnel_facts")] == ["control"]


async def test_the_phone_is_told_the_nearest_fences_to_watch(town: Town, db_dsn: str) -> None:
    shops = [await town.open_shop(off(400 * number, 37), name=f"Shop {number}") for number in range(1, 25)]
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(TOWN, speed_mps=10.0))
    oracle = sorted(shops, key=lambda shop: geodesic(tuple(TOWN), tuple(shop.at)).m)[:19]
    assert [each.id for each in answer.watch.circles] == [shop.fence for shop in oracle]
    assert answer.watch.circles[0].circle.radius_m == 100
    assert answer.watch.next_ping_s == 15


async def test_fences_that_no_live_offer_names_are_not_watched(town: Town, db_dsn: str) -> None:
    await town.open_shop(off(500), tags=("kiosk",))
    named = await town.open_shop(off(2_000), tags=("cafe",))
    await town.publish(document(when={"trigger": "enter", "places": {"tag": "cafe"}}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix())
    assert [each.id for each in answer.watch.circles] == [named.fence]
