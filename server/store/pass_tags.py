"""Update tags of passes: numbers by which a phone asks "what changed since", of which none may be skipped.

Numbers that were given out in the changing transactions could be committed in another order, and a phone that asked in
between would miss the smaller one for ever; a counter locked by each redemption until its commit would make every till
wait for every other. So a change only marks its pass, and marked passes that are committed are numbered here, by one
process at a time, before anybody is told a tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection, Row

MARK: Final = -1
"""The tag of a pass that changed under somebody's eyes. The statements that change passes have it as a number."""

LATER: Final = -2
"""The tag of one that changed with many others: numbered, and told, after those."""


class Numbered(NamedTuple):
    """A pass that has its number now: whose it is (None: erased, and when), and whether somebody waits to hear of it."""

    bucket: int
    serial: UUID
    customer_id: UUID | None
    erased_at: datetime | None
    urgent: bool


TURN = """
INSERT INTO pass_tags (pass_type) VALUES ($1) ON CONFLICT (pass_type) DO UPDATE SET tag = pass_tags.tag RETURNING tag
"""

# Statements of their own: their snapshot is taken after the turn's lock, so they see what earlier turns committed.
NUMBER = """
WITH due AS (
    SELECT bucket, serial, tag FROM passes WHERE tag < 0
    ORDER BY tag DESC, modified_at, bucket, serial LIMIT $2 FOR UPDATE SKIP LOCKED
), ordered AS (
    SELECT bucket, serial, tag AS mark, $1::bigint + row_number() OVER (ORDER BY bucket, serial) AS tag FROM due
)
UPDATE passes p SET tag = ordered.tag FROM ordered WHERE p.bucket = ordered.bucket AND p.serial = ordered.serial
RETURNING p.bucket, p.serial, p.customer_id, p.erased_at, ordered.mark = -1 AS urgent
"""
# (tag + 0: the few by their key, not out of the index of all that changed, which may be a campaign's.)
NUMBER_THESE = """
WITH due AS (
    SELECT p.bucket, p.serial, p.tag FROM unnest($2::smallint[], $3::uuid[]) AS these (bucket, serial)
    JOIN passes p USING (bucket, serial) WHERE p.tag + 0 < 0
    ORDER BY p.bucket, p.serial FOR UPDATE OF p SKIP LOCKED
), ordered AS (
    SELECT bucket, serial, tag AS mark, $1::bigint + row_number() OVER (ORDER BY bucket, serial) AS tag FROM due
)
UPDATE passes p SET tag = ordered.tag FROM ordered WHERE p.bucket = ordered.bucket AND p.serial = ordered.serial
RETURNING p.bucket, p.serial, p.customer_id, p.erased_at, ordered.mark = -1 AS urgent
"""

TURN_OVER = "UPDATE pass_tags SET tag = $2 WHERE pass_type = $1"


async def number(db: Connection, *, pass_type: str, limit: int) -> Sequence[Numbered]:
    """Number changed passes, at most `limit`, and give them; needs a transaction, and makes others wait for it.

    A pass that is just being changed again is left for the next turn.
    """
    tag = await db.fetchval(TURN, pass_type)
    return await _turn_over(db, await db.fetch(NUMBER, tag, limit), pass_type=pass_type, tag=tag)


async def number_these(db: Connection, *, pass_type: str, serials: Sequence[UUID]) -> Sequence[Numbered]:
    """Number those of these passes that changed, as `number` does: for a wallet that asks while a campaign changes many."""
    tag = await db.fetchval(TURN, pass_type)
    rows = await db.fetch(NUMBER_THESE, tag, [bucket_of(serial) for serial in serials], list(serials))
    return await _turn_over(db, rows, pass_type=pass_type, tag=tag)


async def _turn_over(db: Connection, rows: Sequence[Row], *, pass_type: str, tag: int) -> Sequence[Numbered]:
    if rows:
        await db.execute(TURN_OVER, pass_type, tag + len(rows))
    return [Numbered(*row) for row in rows]


NEWEST = "SELECT coalesce((SELECT tag FROM pass_tags WHERE pass_type = $1), 0)"


async def newest(db: Connection, *, pass_type: str) -> int:
    """Tell the largest tag given out so far; 0 where there was none."""
    return int(await db.fetchval(NEWEST, pass_type))


CHANGED = "SELECT EXISTS (SELECT FROM passes WHERE tag < 0)"


async def any_changed(db: Connection) -> bool:
    """Tell whether there is a pass to number: a look that writes nothing."""
    return bool(await db.fetchval(CHANGED))


WAITING = "SELECT count(*) FROM passes WHERE tag < 0"


async def waiting(db: Connection) -> int:
    """Tell how many changed passes have no number yet (for the metrics)."""
    return int(await db.fetchval(WAITING))
