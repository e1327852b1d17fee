"""What others send counts exactly: against decisions under way, against itself, late, repeated, for whoever is erased."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from server.errors import NotFound
from server.pipeline.external_sends import Counted, OtherSend, UnknownCustomer, count
from server.pipeline.forget import erase
from server.pipeline.rules import empty, programme_of
from server.store import states
from server.store.external_sends import Send
from server.store.ids import new_id
from server.store.pool import Connection, Pool, connect
from tests.pipeline.town import Town, document, fix, settings, street
from tests.store.waits import blocked

INSIDE = {"trigger": "inside", "places": {"any": True}}
WEEK = {"pressure__per_week": "1"}


async def told(
    pool: Pool, customer: UUID, *, now: datetime, id_: str | None = None, at: datetime | None = None, **of: str
) -> Counted:
    """Tell of a letter in a transaction of its own; `kind` and `channel` where they matter."""
    send = Send(id_ or str(new_id()), of.get("channel", "email"), of.get("kind", "marketing"), at or now)
    ruleset = empty(programme_of(settings(**WEEK))).ruleset
    async with pool.transaction() as db:
        return await count(db, customer_id=customer, send=send, timed=at is not None, ruleset=ruleset, now=now)


async def gates(town: Town) -> list[str | None]:
    return [row["gate"] for row in await town.rows("SELECT verdicts->0->>'gate' AS gate FROM receipts ORDER BY at")]


async def test_a_send_between_a_decision_and_its_commit_makes_the_decision_lose(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE))
    customer = await town.customer()
    async with street(db_dsn, **WEEK) as process, connect(db_dsn, application_name="crm") as crm:
        now = await process.now()
        transaction = crm.transaction()
        await transaction.start()
        ruleset = process.rules.current.ruleset
        letter = Send("letter", "email", "marketing", now)
        await count(crm, customer_id=customer, send=letter, timed=True, ruleset=ruleset, now=now)
        # The send holds the state's row: the ping was loaded and decided without it, and waits with its write.
        deciding = asyncio.create_task(process.ping(customer, fix()))
        await until_blocked(crm)
        await transaction.commit()
        answer = await deciding
    assert answer.moments == ()
    assert await gates(town) == ["cap"]
    assert await town.count("SELECT count(*) FROM moments") == 0
    assert await town.count("SELECT version FROM customer_state WHERE customer_id = $1", customer) == 2


async def test_sends_and_pings_at_once_never_overrun_a_cap_together(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE))
    customers = await town.customers(12)
    async with street(db_dsn, **WEEK) as process:
        now = await process.now()
        async with asyncio.TaskGroup() as group:
            for each in customers:
                group.create_task(told(town.pool, each, now=now))
                group.create_task(process.ping(each, fix()))
        [late] = await asyncio.gather(process.ping(customers[0], fix()))
    # Whoever was shown a moment before the letter has both, for a letter is a fact; nobody has a moment after it.
    letters = await town.rows("SELECT state->'shown' AS shown FROM customer_state")
    assert sum(entry["offer_id"] is None for row in letters for entry in json.loads(row["shown"])) == 12
    both = "FROM moments m JOIN external_sends e USING (bucket, customer_id)"
    assert await town.count(f"SELECT count(*) {both} WHERE m.created_at > e.received_at") == 0
    assert late.moments == ()


async def test_a_class_has_a_cap_of_its_own_and_other_classes_leave_it_room(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE, limits={"pressure_class": "service"}))
    free, full = await town.customers(2)
    async with street(db_dsn, pressure__classes="{service = {per_day = 1}}") as process:
        now = await process.now()
        await told(town.pool, free, now=now, kind="marketing")
        await told(town.pool, full, now=now, kind="service")
        assert [len((await process.ping(each, fix())).moments) for each in (free, full)] == [1, 0]


async def test_a_late_send_is_sorted_in_at_the_time_at_which_it_went_out(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE))
    recent, old = await town.customers(2)
    async with street(db_dsn, **WEEK) as process:
        now = await process.now()
        week = timedelta(days=7)
        for customer, ages in ((recent, (timedelta(hours=1), week - timedelta(minutes=5))), (old, (2 * week, week))):
            for age in ages:
                await told(town.pool, customer, now=now, at=now - age)
        async with town.pool.acquire() as db:
            held = await states.read(db, customer_id=recent)
        assert held is not None
        assert [now - each.at for each in held[1].shown] == [week - timedelta(minutes=5), timedelta(hours=1)]
        assert [len((await process.ping(each, fix())).moments) for each in (recent, old)] == [0, 1]


async def test_a_send_that_no_cap_can_ask_for_any_more_is_kept_and_not_counted(pool: Pool, town: Town) -> None:
    [customer] = await town.customers(1)
    now = await the_time(pool)
    assert (await told(pool, customer, now=now)).counts
    assert not (await told(pool, customer, now=now, at=now - timedelta(days=30))).counts
    assert await town.count("SELECT count(*) FROM external_sends") == 2


async def test_a_send_counts_once_by_its_id_and_another_one_under_that_id_is_refused(pool: Pool, town: Town) -> None:
    one, other = await town.customers(2)
    now = await the_time(pool)
    first = await told(pool, one, now=now, id_="a", at=now)
    again = await told(pool, one, now=now + timedelta(minutes=1), id_="a", at=now)
    untimed = await told(pool, one, now=now + timedelta(minutes=1), id_="a")
    assert (first.new, again.new, untimed.new) == (True, False, False)
    assert first.send == again.send == untimed.send
    for differs in ({"at": now - timedelta(hours=1)}, {"channel": "sms"}, {"kind": "service"}):
        with pytest.raises(OtherSend):
            await told(pool, one, now=now, id_="a", **differs)  # type: ignore[arg-type]
    assert (await told(pool, other, now=now, id_="a")).new
    counted = await town.rows("SELECT json_array_length(state->'shown') AS n, version FROM customer_state")
    assert counted == [{"n": 1, "version": 1}] * 2


async def test_many_who_tell_of_one_send_at_once_count_it_once(pool: Pool, town: Town) -> None:
    [customer] = await town.customers(1)
    now = await the_time(pool)
    counted = await asyncio.gather(*(told(pool, customer, now=now, id_="a", at=now) for _ in range(8)))
    assert sum(each.new for each in counted) == 1
    assert await town.count("SELECT json_array_length(state->'shown') FROM customer_state") == 1


async def test_a_dwell_timer_still_rings_after_a_send(pool: Pool, town: Town, db: Connection) -> None:
    [customer] = await town.customers(1)
    now = await the_time(pool)
    await db.execute("UPDATE customer_state SET wake_at = $1", now)
    await told(pool, customer, now=now)
    assert await db.fetchval("SELECT wake_at FROM customer_state") == now


async def test_nobody_and_who_was_erased_is_not_found_and_leaves_no_trace(
    pool: Pool, town: Town, db: Connection
) -> None:
    leaving, imported = await town.customers(2)
    now = await the_time(pool)
    await told(pool, leaving, now=now)
    async with pool.transaction() as held:
        await erase(held, customer_id=leaving)
    for nobody in (leaving, new_id()):
        with pytest.raises(UnknownCustomer):
            await told(pool, nobody, now=now)
    await db.execute("DELETE FROM customer_state")
    assert (await told(pool, imported, now=now)).counts
    rows = await db.fetch(
        "SELECT e.customer_id FROM external_sends e JOIN customer_state s USING (bucket, customer_id)"
    )
    assert [row["customer_id"] for row in rows] == [imported]
    assert issubclass(UnknownCustomer, NotFound)


async def test_a_send_that_meets_an_erasure_is_erased_with_the_rest(town: Town, db: Connection, pool: Pool) -> None:
    [customer] = await town.customers(1)
    now = await the_time(pool)
    transaction = db.transaction()
    await transaction.start()
    ruleset = empty(programme_of(settings())).ruleset
    await count(db, customer_id=customer, send=Send("a", "sms", "x", now), timed=True, ruleset=ruleset, now=now)

    async def leave() -> None:
        async with pool.transaction() as held:
            await erase(held, customer_id=customer)

    leaving = asyncio.create_task(leave())
    await until_blocked(db)
    await transaction.commit()
    await leaving
    assert await db.fetchval("SELECT count(*) FROM external_sends") == 0


async def the_time(pool: Pool) -> datetime:
    async with pool.acquire() as db:
        found: datetime = await db.fetchval("SELECT clock_timestamp()")
    return found


async def until_blocked(db: Connection) -> None:
    """Wait until somebody waits for a lock that this connection holds."""
    for _ in range(500):
        if await blocked(db):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")
