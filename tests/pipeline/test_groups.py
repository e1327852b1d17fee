"""Groups: exact under any concurrency, decided again where a state was lost, answered after the commit or with 503."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import asyncpg

from server.errors import Refusal, Unavailable
from server.model.ids import bucket_of
from server.pipeline.batch import Answer
from server.store.ids import new_id
from server.store.pool import connect
from tests.pipeline.town import Street, Town, document, fix, off, statuses, street

INSIDE = {"trigger": "inside", "places": {"any": True}}


@contextlib.asynccontextmanager
async def streets(dsn: str, count: int, **environment: str) -> AsyncIterator[list[Street]]:
    """Several processes' parts of the street: each with its own pool, rules and lanes."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(street(dsn, size=4, **environment)) for _ in range(count)]


async def ping_until_done(process: Street, *args: object, **more: object) -> Answer:
    """Repeat a report while it is told to try again, as a phone does."""
    for _ in range(400):
        try:
            return await process.ping(*args, **more)  # type: ignore[arg-type]
        except Unavailable:
            await asyncio.sleep(0.05)
    raise AssertionError("never answered")


async def test_a_cap_is_exact_under_64_pings_at_once_in_four_processes(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    cap = {"max": 3, "period": {"rolling": "P7D"}}
    await town.publish(document(when=INSIDE, limits={"per_customer": [cap]}))
    customers = await town.customers(4)
    async with streets(db_dsn, 4, limits__pings_per_minute="1000") as processes:
        answers = await asyncio.gather(
            *(ping_until_done(processes[n % 4], each, fix()) for n in range(64) for each in customers)
        )
    assert set(statuses(answers)) == {"accepted"}
    told = sum(len(answer.moments) for answer in answers)
    assert told == 3 * len(customers)
    per_customer = await town.rows("SELECT customer_id, count(*) AS n FROM moments GROUP BY 1")
    assert [row["n"] for row in per_customer] == [3] * len(customers)
    assert await town.count("SELECT count(*) FROM pings") == 64 * len(customers)
    assert await town.count("SELECT min(version) FROM customer_state") >= 3


async def test_programme_caps_hold_over_all_offers_at_once(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    for number in range(6):
        await town.publish(document(f"offer-{number}", when=INSIDE))
    customer = await town.customer()
    async with streets(db_dsn, 3, pressure__per_day="2", pressure__per_week="3") as processes:
        await asyncio.gather(*(ping_until_done(processes[n % 3], customer, fix()) for n in range(30)))
    assert await town.count("SELECT count(*) FROM moments") == 2


async def test_a_budget_of_200_gives_exactly_200_to_1000_customers_in_four_processes(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    offer = await town.publish(document(limits={"total": {"units": 200}}))
    customers = await town.customers(1000)
    async with streets(db_dsn, 4, limits__group_fixes="50") as processes:
        answers = await asyncio.gather(
            *(ping_until_done(processes[n % 4], each, fix()) for n, each in enumerate(customers))
        )
    assert sum(len(answer.moments) for answer in answers) == 200
    assert await town.count("SELECT count(*) FROM moments WHERE reserved IS NOT NULL") == 200
    assert await town.rows("SELECT units, liability FROM budgets WHERE offer_id = $1", offer) == [
        {"units": 200, "liability": 200 * 250}
    ]
    gates = await town.rows("SELECT verdicts->0->>'gate' AS gate, count(*) AS n FROM receipts GROUP BY 1 ORDER BY 1")
    assert gates == [{"gate": "budget", "n": 800}, {"gate": None, "n": 200}]


async def test_whoever_is_refused_the_last_unit_gets_the_next_offer(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    best = await town.publish(document("best", priority=90, limits={"total": {"units": 7}}))
    next_best = await town.publish(document("next", priority=80, limits={"total": {"units": 11}}))
    always = await town.publish(document("always", priority=10))
    customers = await town.customers(40)
    async with streets(db_dsn, 2) as processes:
        answers = await asyncio.gather(
            *(ping_until_done(processes[n % 2], each, fix()) for n, each in enumerate(customers))
        )
    told = [answer.moments[0].offer_id for answer in answers]
    assert [told.count(each) for each in (best, next_best, always)] == [7, 11, 22]


async def test_money_is_a_budget_too_and_never_overdrawn(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(limits={"total": {"liability": {"minor": 1_300, "currency": "EUR"}}}))
    customers = await town.customers(20)
    async with streets(db_dsn, 2) as processes:
        answers = await asyncio.gather(
            *(ping_until_done(processes[n % 2], each, fix()) for n, each in enumerate(customers))
        )
    assert sum(len(answer.moments) for answer in answers) == 5
    assert await town.count("SELECT liability FROM budgets") == 1_250


async def test_places_have_shares_of_their_own(town: Town, db_dsn: str) -> None:
    shops = [await town.open_shop(), await town.open_shop(off(5_000), name="Nord")]
    for name, period in (("day", {"calendar": "day"}), ("hour", {"rolling": "PT1H"})):
        limits = {"per_place": {"units": 3, "period": period}}
        await town.publish(document(name, limits=limits, priority=90 if name == "day" else 10))
    customers = await town.customers(20)
    async with streets(db_dsn, 2) as processes:
        answers = await asyncio.gather(
            *(ping_until_done(processes[n % 2], each, fix(shops[n % 2].at)) for n, each in enumerate(customers))
        )
    assert sum(len(answer.moments) for answer in answers) == 12
    by_place = await town.rows("SELECT place_id, offer_name, count(*) AS n FROM moments GROUP BY 1, 2")
    assert [row["n"] for row in by_place] == [3, 3, 3, 3]


async def test_a_repeated_batch_is_told_duplicate_and_its_first_moments(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    batch = (fix(off(-300), age_s=60), fix())
    async with streets(db_dsn, 2) as processes:
        first = await processes[0].ping(customer, *batch)
        again = await processes[1].ping(customer, *batch)
    assert statuses([first, again]) == ["accepted", "accepted", "duplicate", "duplicate"]
    assert [moment.id for moment in again.moments] == [moment.id for moment in first.moments]
    assert len(first.moments) == 1
    assert again.moments[0].title == "Coffee on us"
    assert await town.count("SELECT count(*) FROM pings") == 2


async def test_the_same_fix_twice_in_one_batch_is_stored_once(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    one = fix()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, one, one)
    assert statuses([answer]) == ["accepted", "duplicate"]
    assert len(answer.moments) == 1
    assert await town.count("SELECT count(*) FROM pings") == 1


async def test_one_fix_sent_by_thirty_retries_at_once_to_three_processes_is_stored_once(
    town: Town, db_dsn: str
) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE))
    customer = await town.customer()
    one = fix()
    async with streets(db_dsn, 3) as processes:
        answers = await asyncio.gather(*(ping_until_done(processes[n % 3], customer, one) for n in range(30)))
    assert sorted(statuses(answers)) == ["accepted"] + ["duplicate"] * 29
    assert await town.count("SELECT count(*) FROM pings") == 1
    assert len({answer.moments[0].id for answer in answers}) == 1
    assert await town.count("SELECT count(*) FROM moments") == 1


async def test_a_state_that_was_changed_meanwhile_is_decided_again_and_the_others_stand(
    town: Town, db_dsn: str
) -> None:
    await town.open_shop()
    await town.publish()
    lost, *others = await town.customers(6)
    async with street(db_dsn) as process, connect(db_dsn, application_name="rival") as rival:
        # The rival holds one customer's row with a newer version: the group waits for it at its write, and loses that row.
        await rival.execute("BEGIN")
        await rival.execute("UPDATE customer_state SET version = version + 1 WHERE customer_id = $1", lost)
        waiting = [asyncio.create_task(process.ping(each, fix())) for each in (lost, *others)]
        await _until_blocked(rival)
        await rival.execute("COMMIT")
        answers = await asyncio.gather(*waiting)
    assert [len(answer.moments) for answer in answers] == [1] * 6
    versions = await town.rows("SELECT customer_id = $1 AS lost, version FROM customer_state", lost)
    assert {row["version"] for row in versions if row["lost"]} == {2}
    assert {row["version"] for row in versions if not row["lost"]} == {1}
    assert await town.count("SELECT count(*) FROM pings") == 6


async def test_consent_withdrawn_while_a_decision_is_under_way_stops_it(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process, connect(db_dsn, application_name="rival") as rival:
        await rival.execute("BEGIN")
        await rival.execute("UPDATE customers SET location = false WHERE id = $1", customer)
        await rival.execute("UPDATE customer_state SET version = version + 1 WHERE customer_id = $1", customer)
        waiting = asyncio.create_task(process.ping(customer, fix()))
        await _until_blocked(rival)
        await rival.execute("COMMIT")
        [outcome] = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "consent_required"
    for table in ("pings", "moments", "receipts", "deliveries"):
        assert await town.count(f"SELECT count(*) FROM {table}") == 0


AFRESH = "SELECT pg_stat_clear_snapshot()"
"""Within a transaction the list of connections is read once: who came later would never be seen."""


async def _until_blocked(db: asyncpg.Connection | object) -> None:
    """Wait until somebody waits for a lock that this connection holds."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    for _ in range(200):
        await db.execute(AFRESH)  # type: ignore[attr-defined]
        if await db.fetchval(sql):  # type: ignore[attr-defined]
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def _outcomes(process: Street, customers: Sequence[object]) -> list[object]:
    return list(await asyncio.gather(*(process.ping(each, fix()) for each in customers), return_exceptions=True))  # type: ignore[arg-type]


async def test_a_connection_cut_in_the_middle_of_a_group_gives_503_and_leaves_nothing(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(limits={"total": {"units": 100}}))
    customers = await town.customers(12)
    async with street(db_dsn) as process, connect(db_dsn, application_name="rival") as rival:
        await rival.execute("BEGIN")
        await rival.execute("SELECT * FROM budgets FOR UPDATE")  # the groups get stuck with their states held
        waiting = asyncio.create_task(_outcomes(process, customers))
        await _until_blocked(rival)
        gone = (  # of this database alone: other tests run beside this one
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'street' AND datname = current_database()"
        )
        await rival.execute(AFRESH)
        assert all(row[0] for row in await rival.fetch(gone))  # before the lock is free: else one may still get it
        await rival.execute("ROLLBACK")
        outcomes = await waiting
        refused = [each for each in outcomes if isinstance(each, Unavailable)]
        assert refused
        assert all(each.retry_after_s for each in refused)
        assert len(refused) + sum(isinstance(each, Answer) for each in outcomes) == 12
        answered = sum(isinstance(each, Answer) for each in outcomes)
        assert await town.count("SELECT count(*) FROM pings") == answered
        assert await town.count("SELECT units FROM budgets") == answered
        again = await asyncio.gather(*(ping_until_done(process, each, fix()) for each in customers))
    assert await town.count("SELECT units FROM budgets") == 12
    assert set(statuses(again)) == {"accepted"}


async def test_a_database_that_hangs_gets_everybody_503_within_three_seconds(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customers = await town.customers(8)
    async with street(db_dsn) as process, connect(db_dsn, application_name="rival") as rival:
        await rival.execute("BEGIN")
        await rival.execute("LOCK TABLE customer_state")
        begun = time.monotonic()
        outcomes = await _outcomes(process, customers)
        took = time.monotonic() - begun
        await rival.execute("ROLLBACK")
        assert [type(each) for each in outcomes] == [Unavailable] * 8
        assert took < 3.0
        assert statuses([await ping_until_done(process, customers[0], fix())]) == ["accepted"]
    assert await town.count("SELECT count(*) FROM pings") == 1


async def test_one_customer_whose_row_is_broken_breaks_alone(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    broken, *others = await town.customers(8)
    await town.count(
        "WITH u AS (UPDATE customer_state SET state = '[1]' WHERE customer_id = $1 RETURNING 1) SELECT count(*) FROM u",
        broken,
    )
    async with street(db_dsn) as process:
        outcomes = await _outcomes(process, [broken, *others])
    assert not isinstance(outcomes[0], Answer | Refusal)
    assert [type(each) for each in outcomes[1:]] == [Answer] * 7


async def test_who_goes_away_while_waiting_changes_nothing_for_the_others(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    gone, *others = await town.customers(8)
    one = fix()
    async with street(db_dsn) as process:
        leaver = asyncio.create_task(process.ping(gone, one))
        waiting = [asyncio.create_task(process.ping(each, fix())) for each in others]
        await asyncio.sleep(0)
        leaver.cancel()
        answers = await asyncio.gather(*waiting)
        back = await process.ping(gone, one)
    assert [len(answer.moments) for answer in answers] == [1] * 7
    assert len(back.moments) == 1
    assert await town.count("SELECT count(*) FROM pings") == 8


async def test_customers_without_a_state_row_get_one_with_their_first_ping(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    await town.count("WITH d AS (DELETE FROM customer_state RETURNING 1) SELECT count(*) FROM d")
    async with street(db_dsn) as process:
        assert len((await process.ping(customer, fix())).moments) == 1
    assert await town.count("SELECT version FROM customer_state WHERE customer_id = $1", customer) == 1


async def test_whoever_listens_on_a_stream_needs_no_push(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    here, elsewhere, nowhere = await town.customers(3)
    async with street(db_dsn) as process:
        woken = asyncio.Event()
        stop = process.arrivals.subscribe(here, woken.set)
        await town.count(
            "WITH u AS (UPDATE customer_state SET stream_until = now() + interval '30 s' WHERE customer_id = $1"
            " RETURNING 1) SELECT count(*) FROM u",
            elsewhere,
        )
        answers = [await process.ping(each, fix(), foreground=False) for each in (here, elsewhere, nowhere)]
        stop()
    assert [answer.moments[0].channel for answer in answers] == ["in_app", "in_app", "push"]
    assert woken.is_set()


async def test_a_dwell_timer_fires_for_a_phone_that_rests(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when={"trigger": "dwell", "places": {"any": True}, "dwell": "PT2M"}))
    customer, early = await town.customers(2)
    async with street(db_dsn) as process:
        await process.ping(customer, fix(age_s=130), fix(age_s=60))
        await process.ping(early, fix())
        due = await town.rows("SELECT customer_id, wake_at <= clock_timestamp() AS due FROM customer_state")
        assert {row["customer_id"]: row["due"] for row in due} == {customer: True, early: False}
        await process.arrivals.ring([customer, early])
        await process.arrivals.ring([customer, early])
    [moment] = await town.rows("SELECT customer_id, state FROM moments")
    assert moment["customer_id"] == customer
    assert await town.count("SELECT count(*) FROM customer_state WHERE wake_at <= clock_timestamp()") == 0


async def test_ids_of_moments_follow_from_their_cause(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        [moment] = (await process.ping(customer, fix())).moments
    assert moment.id.int & 1023 == customer.int & 1023
    assert new_id() != moment.id


async def test_a_token_that_was_revoked_meanwhile_is_refused_and_the_customers_other_reports_are_not(
    town: Town, db_dsn: str
) -> None:
    customer, gone, other = await town.customer(), await town.customer(), await town.customer()
    dead, alive = b"d" * 32, b"a" * 32
    async with street(db_dsn) as process:
        async with process.pool.acquire() as db:
            for token, revoked in ((dead, "now()"), (alive, "NULL")):
                await db.execute(
                    "INSERT INTO customer_tokens (bucket, hash, customer_id, revoked_at)"  # two constants
                    f" VALUES ($1, $2, $3, {revoked})",
                    *(bucket_of(customer), token, customer),
                )
            await db.execute("DELETE FROM customers WHERE id = $1", gone)
        asked = [(customer, dead), (customer, alive), (customer, None), (other, alive), (gone, dead)]
        answers = await asyncio.gather(
            *(process.ping(each, fix(), proof=proof) for each, proof in asked), return_exceptions=True
        )
    assert [type(each).__name__ for each in answers] == [
        *("Unauthenticated", "Answer", "Answer", "Unauthenticated", "Unauthenticated"),
    ]
    assert await town.count("SELECT count(*) FROM pings") == 2
