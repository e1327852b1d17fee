"""A customer's own receipts, verdict by verdict."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

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
