"""A customer's own receipts, verdict by verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from server.store import moments, reasons
from server.store.ids import new_id
from server.store.pool import Connection
from tests.builders import NOON
from tests.store.test_moments import KIM, row

COFFEE, TEA = UUID(int=5), UUID(int=6)


async def _receipt(db: Connection, minutes: int, moment: UUID | None, *offers: UUID) -> None:
    verdicts = [
        {
            "offer_id": str(each),
            "offer": f"{each.int}@1",
            "gate": "cap",
            "truth": "holds",
            "reason": "Why.",
            "values": {"n": n},
        }
        for n, each in enumerate(offers)
    ]
    await db.execute(
        "INSERT INTO receipts (bucket, id, customer_id, at, moment_id, verdicts) VALUES (77, $1, $2, $3, $4, $5)",
        new_id(bucket=77),
        KIM,
        NOON + timedelta(minutes=minutes),
        moment,
        json.dumps(verdicts),
    )


async def test_pages_hold_every_verdict_once_newest_receipt_first(db: Connection) -> None:
    for minutes in (1, 2, 2):
        await _receipt(db, minutes, None, COFFEE, TEA)
    whole = await reasons.page(db, customer_id=KIM, after=None, limit=50)
    assert [each.offer for each in whole] == ["5@1", "6@1"] * 3
    assert [each.mark.at for each in whole[:4]] == [NOON + timedelta(minutes=2)] * 4
    paged, after = [], None
    while found := await reasons.page(db, customer_id=KIM, after=after, limit=1):
        paged += found
        assert len(paged) <= len(whole)
        after = found[-1].mark
    assert paged == whole
    assert await reasons.page(db, customer_id=new_id(bucket=77), after=None, limit=50) == []


async def test_the_moment_is_named_by_its_own_offer_alone_and_never_to_a_control_group(db: Connection) -> None:
    shown, spared = row(1, offer_id=COFFEE), row(2, offer_id=COFFEE, held_out=True)
    await moments.insert(db, moments=[shown, spared])
    await _receipt(db, 2, shown.id, COFFEE, TEA)
    await _receipt(db, 1, spared.id, COFFEE)
    found = await reasons.page(db, customer_id=KIM, after=None, limit=50)
    assert [each.moment_id for each in found] == [shown.id, None, None]


async def test_a_receipt_without_verdicts_has_nothing_to_read(undone: Connection) -> None:
    await _receipt(undone, 1, None)
    assert await reasons.page(undone, customer_id=KIM, after=None, limit=9) == []


async def test_a_verdict_is_read_whole(undone: Connection) -> None:
    await _receipt(undone, 1, None, COFFEE)
    [found] = await reasons.page(undone, customer_id=KIM, after=None, limit=9)
    assert (found.offer, found.gate, found.truth, found.reason, found.values) == (
        "5@1",
        "cap",
        "holds",
        "Why.",
        {"n": 0},
    )
    assert (found.mark.at, found.mark.number, found.moment_id) == (NOON + timedelta(minutes=1), 1, None)


async def test_a_neighbour_of_the_same_bucket_reads_nothing(undone: Connection) -> None:
    await _receipt(undone, 1, None, COFFEE)
    assert await reasons.page(undone, customer_id=new_id(bucket=77), after=None, limit=9) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
async def test_pages_of_any_length_hold_the_same(undone: Connection, limit: int) -> None:
    for minutes, offers in ((1, 3), (2, 1), (2, 4), (2, 0), (3, 2)):
        await _receipt(undone, minutes, None, *(UUID(int=number) for number in range(offers)))
    whole = await reasons.page(undone, customer_id=KIM, after=None, limit=1000)
    assert len(whole) == 10
    paged, after = [], None
    while found := await reasons.page(undone, customer_id=KIM, after=after, limit=limit):
        assert len(found) <= limit
        paged += found
        assert len(paged) <= len(whole)
        after = found[-1].mark
    assert paged == whole


async def test_a_page_that_was_begun_is_not_disturbed_by_what_comes_and_goes(undone: Connection) -> None:
    for minutes in range(1, 6):
        await _receipt(undone, minutes, None, COFFEE, TEA)
    first = await reasons.page(undone, customer_id=KIM, after=None, limit=3)
    await _receipt(undone, 9, None, COFFEE)
    await undone.execute("DELETE FROM receipts WHERE at = $1", NOON + timedelta(minutes=4))  # the mark's own
    rest = await reasons.page(undone, customer_id=KIM, after=first[-1].mark, limit=99)
    assert [round((each.mark.at - NOON).total_seconds() / 60) for each in rest] == [3, 3, 2, 2, 1, 1]


async def test_a_moment_that_was_forgotten_is_named_no_more(undone: Connection) -> None:
    made = row(1, offer_id=COFFEE)
    await moments.insert(undone, moments=[made])
    await _receipt(undone, 1, made.id, COFFEE)
    [found] = await reasons.page(undone, customer_id=KIM, after=None, limit=9)
    assert found.moment_id == made.id
    await undone.execute("DELETE FROM moments")
    assert await reasons.page(undone, customer_id=KIM, after=None, limit=9) == [replace(found, moment_id=None)]
