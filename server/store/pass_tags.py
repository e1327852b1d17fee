"""Update tags of passes: numbers by which a phone asks "what changed since", of which none may be skipped.

Numbers that were given out in the changing transactions could be committed in another order, and a phone that asked in
between would miss the smaller one for ever; a counter locked by each redemption until its commit would make every till
wait for every other. So a change only marks its pass (tag -1), and marked passes that are committed are numbered here,
by one process at a time, before anybody is told a tag.
"""

from __future__ import annotations

from server.store.pool import Connection

TURN = """
INSERT INTO pass_tags (pass_type) VALUES ($1) ON CONFLICT (pass_type) DO UPDATE SET tag = pass_tags.tag RETURNING tag
"""

# A statement of its own: its snapshot is taken after the turn's lock, so it sees what earlier turns committed.
NUMBER = """
WITH due AS (
    SELECT bucket, serial FROM passes WHERE tag < 0 ORDER BY modified_at, bucket, serial LIMIT $2 FOR UPDATE SKIP LOCKED
), ordered AS (
    SELECT bucket, serial, $1::bigint + row_number() OVER (ORDER BY bucket, serial) AS tag FROM due
), numbered AS (
    UPDATE passes p SET tag = ordered.tag FROM ordered WHERE p.bucket = ordered.bucket AND p.serial = ordered.serial
    RETURNING p.tag
)
SELECT coalesce(max(tag), $1::bigint) AS newest, count(*) AS count FROM numbered
"""

TURN_OVER = "UPDATE pass_tags SET tag = $2 WHERE pass_type = $1"


async def number(db: Connection, *, pass_type: str, limit: int) -> int:
    """Number changed passes, at most `limit`, and tell how many; needs a transaction, and makes others wait for it.

    A pass that is just being changed again is left for the next turn.
    """
    tag = await db.fetchval(TURN, pass_type)
    row = await db.fetchrow(NUMBER, tag, limit)
    assert row is not None  # noqa: S101  an aggregate has one row
    if row["count"]:
        await db.execute(TURN_OVER, pass_type, row["newest"])
    return int(row["count"])


NEWEST = "SELECT coalesce((SELECT tag FROM pass_tags WHERE pass_type = $1), 0)"


async def newest(db: Connection, *, pass_type: str) -> int:
    """Tell the largest tag given out so far; 0 where there was none."""
    return int(await db.fetchval(NEWEST, pass_type))
