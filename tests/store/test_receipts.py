"""Receipts read back as lines: newest decisions first, each verdict once, whatever the pages."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import receipts
from server.store.ids import new_id
from server.store.pool import Connection
from tests.lives import MORNING, customer
from tests.written import write_receipt

EVER = {"start": MORNING - timedelta(days=9), "end": MORNING + timedelta(days=9)}


async def receipt(db: Connection, of: int, *offers: int, minutes: int = 0, moment: UUID | None = None) -> UUID:
    """A receipt with one verdict for each offer."""
    person, at = customer(of), MORNING + timedelta(minutes=minutes)
    verdicts = [
        {"offer_id": str(UUID(int=number)), "offer": f"o{number}@1", "place_id": None, "gate": "cap", "truth": "holds",
         "reason": "Enough.", "values": {"max": number}}
        for number in offers
    ]  # fmt: skip
    return await write_receipt(db, person, verdicts, at=at, moment=moment)


async def test_a_line_holds_what_the_verdict_said(db: Connection) -> None:
    moment = new_id(bucket=bucket_of(customer(1)))
    identifier = await receipt(db, 1, 7, moment=moment)
    [line] = await receipts.of_moment(db, moment_id=moment, after=None, limit=9)
    assert line == (MORNING, identifier, 1, customer(1), moment, "o7@1", "cap", "holds", "Enough.", {"max": 7}, 1.0)


async def test_an_offers_lines_are_of_all_customers_within_the_range(db: Connection) -> None:
    for of, minutes in ((1, 0), (2, 10), (3, 20)):
        await receipt(db, of, 5, 6, minutes=minutes)
    span = {"start": MORNING, "end": MORNING + timedelta(minutes=20)}
    lines = await receipts.of_offer(db, offer_id=UUID(int=6), **span, after=None, limit=9)
    assert [(line.customer_id, line.offer) for line in lines] == [(customer(2), "o6@1"), (customer(1), "o6@1")]


async def test_a_customers_lines_are_of_all_offers(db: Connection) -> None:
    await receipt(db, 1, 5, 6)
    await receipt(db, 2, 5)
    lines = await receipts.of_customer(db, customer_id=customer(1), **EVER, after=None, limit=9)
    assert [line.offer for line in lines] == ["o5@1", "o6@1"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_pages_of_any_size_give_each_line_once_in_one_order(db: Connection, size: int) -> None:
    for minutes in (0, 0, 0, 5, 9):
        await receipt(db, 1, 1, 2, 3, minutes=minutes)
    whole = await receipts.of_customer(db, customer_id=customer(1), **EVER, after=None, limit=99)
    seen: list[receipts.Line] = []
    while True:
        after = (seen[-1].at, seen[-1].id, seen[-1].place) if seen else None
        page = await receipts.of_customer(db, customer_id=customer(1), **EVER, after=after, limit=size)
        if not page:
            break
        seen += page
    assert seen == whole
    assert len(whole) == 15
    assert [line.at for line in whole] == sorted((line.at for line in whole), reverse=True)


async def test_a_rare_offers_lines_are_found_among_everybodys(db: Connection) -> None:
    """Also those of receipts in which it stands behind others, and page by page."""
    for minutes in range(30):
        await receipt(db, 1 + minutes % 3, 5, *([6] if minutes % 10 == 7 else []), minutes=minutes)
    seen: list[receipts.Line] = []
    for _ in range(4):
        after = (seen[-1].at, seen[-1].id, seen[-1].place) if seen else None
        seen += await receipts.of_offer(db, offer_id=UUID(int=6), **EVER, after=after, limit=2)
    assert [line.at for line in seen] == [MORNING + timedelta(minutes=minutes) for minutes in (27, 17, 7)]
    assert {(line.offer, line.place) for line in seen} == {("o6@1", 2)}


async def test_a_line_tells_how_many_it_stands_for(db: Connection) -> None:
    verdict = {
        "offer_id": str(UUID(int=7)),
        "offer": "o7@1",
        "gate": "place",
        "truth": "holds",
        "reason": "",
        "values": {},
    }
    await write_receipt(db, customer(1), [verdict | {"weight": 20.0}, verdict], at=MORNING)
    lines = await receipts.of_offer(db, offer_id=UUID(int=7), **EVER, after=None, limit=9)
    assert [line.weight for line in lines] == [20.0, 1.0]
