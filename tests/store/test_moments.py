"""Moments: written with their way out and first fact, listed for their customers, over when their time is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.model.ids import bucket_of, with_bucket
from server.model.moment import Step
from server.store import moments
from server.store.ids import new_id
from server.store.moments import MomentRow, shown_of
from server.store.pool import Connection
from tests.builders import NOON, store_id

KIM = with_bucket(UUID(int=0xC057 << 16), 77)


def row(number: int = 1, **changes: Any) -> MomentRow:
    """A moment, made that many minutes after noon."""
    at = NOON + timedelta(minutes=number)
    usual: dict[str, Any] = {
        "bucket": 77,
        "id": with_bucket(UUID(int=number << 16), 77),
        "customer_id": KIM,
        "offer_id": UUID(int=5),
        "offer_version": 2,
        "offer_name": "coffee",
        "held_out": False,
        "variant": "card",
        "placement": "card",
        "channel": "push",
        "pressure": "marketing",
        "title": "Kaffee — “heute”",
        "body": "Bis 11 Uhr.",
        "image_url": None,
        "action": {"type": "link", "url": "https://example.org"},
        "reward": {"type": "free_item"},
        "place_id": store_id(1),
        "place_kind": "store",
        "place_name": "Mitte",
        "valid_from": at,
        "valid_until": at + timedelta(hours=4),
        "redeem_at": {"ids": [str(store_id(1))]},
        "created_at": at,
        "deliver_by": at + timedelta(minutes=5),
        "local_day": date(2026, 11, 3),
        "local_hour": 12,
        "weekday": 1,
        "weather": "rain",
        "value_minor": 250,
        "currency": "EUR",
        "reserved": {"units": 1, "liability": 250, "place_id": None, "period": None},
    }
    return MomentRow(**(usual | changes))


async def test_a_moment_is_written_as_it_is_with_its_way_out_and_its_fact(db: Connection) -> None:
    made = row()
    await moments.insert(db, moments=[made])
    [found] = await moments.by_id(db, customer_id=KIM, ids=[made.id])
    assert found == shown_of(made)
    way = await db.fetchrow("SELECT * FROM deliveries")
    assert way is not None
    assert (way["bucket"], way["moment_id"], way["channel"], way["state"]) == (77, made.id, "push", "queued")
    assert (way["not_before"], way["deliver_by"]) == (made.created_at, made.deliver_by)
    assert bucket_of(way["id"]) == 77
    fact = await db.fetchrow("SELECT * FROM funnel_facts")
    assert fact is not None
    assert (fact["step"], fact["delta"], fact["slot"], fact["weather"]) == ("decided", 1, NOON, "rain")


async def test_a_held_out_winner_is_a_row_with_a_fact_of_its_own_and_nothing_to_see(db: Connection) -> None:
    made = row(held_out=True)
    await moments.insert(db, moments=[made])
    assert await moments.by_id(db, customer_id=KIM, ids=[made.id]) == []
    assert await moments.inbox(db, customer_id=KIM, states=None, before=None, now=NOON, limit=9) == []
    assert await moments.after(db, customer_id=KIM, mark=(NOON, UUID(int=0)), limit=9) == []
    assert await moments.mark_of(db, customer_id=KIM, moment_id=made.id) is None
    assert await db.fetchval("SELECT count(*) FROM deliveries") == 0
    assert await db.fetchval("SELECT step FROM funnel_facts") == "control"


async def test_a_moment_that_is_there_already_is_not_written_and_not_counted_twice(db: Connection) -> None:
    await moments.insert(db, moments=[row()])
    await moments.insert(db, moments=[row(title="other"), row(2)])
    assert await db.fetchval("SELECT count(*) FROM moments") == 2
    assert await db.fetchval("SELECT count(*) FROM deliveries") == 2
    assert await db.fetchval("SELECT count(*) FROM funnel_facts") == 2
    assert await db.fetchval("SELECT count(*) FROM moments WHERE title = 'other'") == 0


async def test_lists_are_ones_own_in_order_and_in_pages(db: Connection) -> None:
    rows = [row(number) for number in range(1, 6)]
    await moments.insert(db, moments=[*rows, row(9, customer_id=with_bucket(new_id(), 77))])
    ids = [each.id for each in rows]
    newest = await moments.inbox(db, customer_id=KIM, states=None, before=None, now=NOON, limit=3)
    assert [each.id for each in newest] == ids[:1:-1]
    mark = (newest[-1].created_at, newest[-1].id)
    older = await moments.inbox(db, customer_id=KIM, states=None, before=mark, now=NOON, limit=3)
    assert [each.id for each in older] == ids[1::-1]
    after = await moments.mark_of(db, customer_id=KIM, moment_id=ids[2])
    assert after is not None
    assert [each.id for each in await moments.after(db, customer_id=KIM, mark=after, limit=9)] == ids[3:]
    assert await moments.by_id(db, customer_id=new_id(), ids=ids) == []


async def test_the_inbox_is_filtered_by_the_state_as_of_now(db: Connection) -> None:
    rows = [row(1), row(2), row(3), row(4)]
    await moments.insert(db, moments=rows)
    await db.execute("UPDATE moments SET state = 'opened' WHERE id = ANY ($1)", [rows[1].id, rows[2].id])
    await db.execute("UPDATE moments SET valid_until = NULL WHERE id = $1", rows[2].id)
    await db.execute("UPDATE moments SET state = 'accepted' WHERE id = $1", rows[3].id)

    async def asked(state: str, minutes: float) -> list[int]:
        now = NOON + timedelta(minutes=minutes)
        found = await moments.inbox(db, customer_id=KIM, states=[state], before=None, now=now, limit=9)
        assert {each.state_at(now) for each in found} <= {Step(state)}
        return [each.id.int >> 16 for each in found]

    assert (await asked("created", 5), await asked("opened", 5), await asked("expired", 5)) == ([1], [3, 2], [])
    assert (await asked("created", 6), await asked("expired", 6)) == ([], [1])
    assert (await asked("opened", 242), await asked("expired", 242)) == ([3], [2, 1])
    assert await asked("accepted", 10_000) == [4]


@pytest.mark.parametrize(
    ("state", "minutes", "expected"),
    [
        (Step.CREATED, 4.99, Step.CREATED),
        (Step.CREATED, 5, Step.EXPIRED),
        (Step.DELIVERED, 5, Step.DELIVERED),
        (Step.CLICKED, 240, Step.EXPIRED),
        (Step.ACCEPTED, 999, Step.ACCEPTED),
        (Step.DISMISSED, 999, Step.DISMISSED),
    ],
)
def test_a_moment_is_over_at_the_instant_its_time_is(state: Step, minutes: float, expected: Step) -> None:
    shown = replace(shown_of(row(0)), state=state)
    assert shown.state_at(NOON + timedelta(minutes=minutes)) is expected
