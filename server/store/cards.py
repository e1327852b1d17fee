"""Cards that are written anew, because their offer was: what passes show changes, and nothing of what they promise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.pass_ import Benefit, Card, benefit_from, card_document, card_from
from server.store.pool import Connection


class HeldCard(NamedTuple):
    """What a pass shows, with what its words are about; its row is held."""

    serial: UUID
    offer_version: int
    card: Card
    benefit: Benefit
    valid_until: datetime | None
    created_at: datetime


HOLD = """
SELECT p.serial, p.offer_version, p.design, p.reward, p.valid_until, p.created_at
FROM unnest($1::smallint[], $2::uuid[]) AS asked (bucket, serial) JOIN passes p USING (bucket, serial)
WHERE p.state = 'active' ORDER BY p.bucket, p.serial FOR UPDATE OF p
"""


async def hold(db: Connection, *, serials: Sequence[UUID]) -> list[HeldCard]:
    """Read the cards of those passes that can still be used, and hold them until the transaction ends."""
    return [
        HeldCard(
            row["serial"],
            row["offer_version"],
            card_from(json.loads(row["design"])),
            benefit_from(json.loads(row["reward"])),
            row["valid_until"],
            row["created_at"],
        )
        for row in await db.fetch(HOLD, [bucket_of(each) for each in serials], list(serials))
    ]


class NewCard(NamedTuple):
    """The card that a pass bears from now on."""

    serial: UUID
    card: Card


REWRITE = """
UPDATE passes p SET design = new.design::jsonb
FROM unnest($1::smallint[], $2::uuid[], $3::text[]) AS new (bucket, serial, design)
WHERE p.bucket = new.bucket AND p.serial = new.serial
"""


async def rewrite(db: Connection, *, cards: Sequence[NewCard]) -> None:
    """Write cards anew on passes that are held; who calls marks them as changed."""
    await db.execute(
        REWRITE,
        [bucket_of(each.serial) for each in cards],
        [each.serial for each in cards],
        [json.dumps(card_document(each.card)) for each in cards],
    )


LOOK_AGAIN = """
UPDATE passes p SET relevant_at = clock_timestamp()
FROM unnest($1::smallint[], $2::uuid[]) AS same (bucket, serial)
WHERE p.bucket = same.bucket AND p.serial = same.serial
"""


async def look_again(db: Connection, *, serials: Sequence[UUID]) -> None:
    """Have it looked at soon where passes that are held come up by themselves."""
    await db.execute(LOOK_AGAIN, [bucket_of(each) for each in serials], list(serials))
