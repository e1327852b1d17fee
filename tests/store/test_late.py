"""The late claim is the counter's claim but for when and for whom, and says so where that one changes."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from pathlib import Path

import pytest

from server.model.ids import bucket_of
from server.model.money import Money
from server.store import late, redemptions
from server.store.ids import new_id
from server.store.late import Outcome, Record
from server.store.pool import Connection, Contended
from tests.counter_rows import NO_PURCHASE, set_scene


def test_it_differs_from_the_claim_at_the_counter_in_five_places() -> None:
    changed = [
        line for line in difflib.ndiff(redemptions.CLAIM.splitlines(), late.CLAIM.splitlines()) if line[0] in "+-"
    ]
    assert len([line for line in changed if line[0] == "+"]) == 3
    assert not re.search(r"wrong_codes|held_until IS NULL", late.CLAIM)
    assert "held_until = NULL" in late.CLAIM


async def test_it_asks_for_the_instant_that_counts(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    now = await db.fetchval("SELECT clock_timestamp()")
    hour = timedelta(hours=1)
    await db.execute(
        "UPDATE passes SET state = 'expired', valid_from = $1, valid_until = $2", now - 2 * hour, now - hour
    )
    given = {
        "serial": scene.serial,
        "store_id": scene.store_id,
        "till_id": "key:a",
        "purchase": NO_PURCHASE,
        "step": None,
    }

    async def claim(ago: timedelta) -> bool:
        identifier = new_id(bucket=bucket_of(scene.serial))
        return await late.claim(db, id=identifier, at=now - ago, **given) is not None  # type: ignore[arg-type]

    assert [await claim(ago) for ago in (hour, 2.1 * hour, 2 * hour, 2 * hour)] == [False, False, True, False]
    held = await late.hold(db, serial=scene.serial)
    assert held is not None
    assert (held.state, held.uses_made, held.value_minor, held.currency) == ("redeemed", 1, 250, "EUR")
    assert await late.hold(db, serial=new_id()) is None


async def test_what_came_of_a_record_is_found_by_it(undone: Connection) -> None:
    now = await undone.fetchval("SELECT clock_timestamp()")
    record = Record(new_id(), new_id(), 1, b"d" * 32, "key:a", new_id(), None, now, now)
    assert await late.known(undone, record) is None
    outcome = Outcome("refused", "unknown_code")
    await late.keep(undone, record, outcome)
    assert await late.known(undone, record) == (b"d" * 32, outcome)
    first = await late.conflicts(undone, store_id=record.store_id, after=None, limit=1)
    assert [(each.id, each.outcome) for each in first] == [(record.id, outcome)]
    after = (first[0].received_at, first[0].id)
    assert await late.conflicts(undone, store_id=record.store_id, after=after, limit=1) == []


async def test_of_two_records_with_one_id_at_once_one_is_kept_and_the_other_asked_to_come_again(
    undone: Connection,
) -> None:
    now = await undone.fetchval("SELECT clock_timestamp()")
    record = Record(new_id(), new_id(), 1, b"d" * 32, "key:a", new_id(), None, now, now)
    await late.keep(undone, record, Outcome("refused", "unknown_code"))
    with pytest.raises(Contended):  # as for whoever looked before the first one was there
        await late.keep(undone, record._replace(key_id=new_id()), Outcome("refused", "expired"))
    known = await late.known(undone, record)
    assert known is not None
    assert known[1].reason == "unknown_code"


async def test_losses_beyond_all_counting_are_still_told(undone: Connection) -> None:
    now, store = await undone.fetchval("SELECT clock_timestamp()"), new_id()
    for number in range(1, 12):
        record = Record(new_id(), new_id(), number, b"d" * 32, "key:a", store, None, now, now)
        await late.keep(undone, record, Outcome("refused", "expired", cost=Money(2**60, "EUR")))
    assert await late.losses(undone, store_id=store) == [(11, 2**53 - 1, "EUR")]
