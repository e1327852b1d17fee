"""Who did what: a row in the transaction of the deed, chained to the row before by a hash, never changed.

The chain tells whether a row was changed, left out or put in afterwards, even by somebody with the owner's rights
who drops the trigger: every hash after it would have to be made anew, and the newest hash may be written down elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from server.store.pool import Connection

GENESIS = bytes(32)
"""What the first row is chained to."""

_VERIFY_ROWS = 1000


class Entry(NamedTuple):
    """One deed. `before_hash` and `after_hash` are SHA-256 (hex) of the object's canonical JSON, not the object."""

    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    before_hash: str | None
    after_hash: str | None
    address: str | None
    request_id: str | None
    previous: bytes
    hash: bytes


class Verdict(NamedTuple):
    """What a check of the chain found: how many rows, and the number of the first that is wrong (None: all good)."""

    rows: int
    broken_at: int | None


TURN = "SELECT seq + 1 AS seq, greatest(clock_timestamp(), at) AS at, hash AS previous FROM audit_head FOR UPDATE"

INSERT = """
INSERT INTO audit (seq, at, actor, action, object, before_hash, after_hash, address, request_id, previous, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

ADVANCE = "UPDATE audit_head SET seq = $1, at = $2, hash = $3"


async def record(
    db: Connection,
    *,
    actor: str,
    action: str,
    object: str,  # noqa: A002  the column's word
    before: Any = None,
    after: Any = None,
    address: str | None = None,
    request_id: str | None = None,
) -> None:
    """Write a deed down, in the transaction that does it; call it last, for others wait here until the COMMIT.

    `actor` is a principal's id, `action` like "offer.publish", `object` like "offer:UUID"; `before` and `after` any
    value that msgspec can write: its hash alone is kept, so that the log holds no secret and nobody's data.
    """
    head = await db.fetchrow(TURN)
    if head is None:
        raise LookupError("the audit has lost its head")
    seq, at, previous = head["seq"], head["at"], head["previous"]
    draft = Entry(seq, at, actor, action, object, _digest(before), _digest(after), address, request_id, previous, b"")
    entry = draft._replace(hash=chain_hash(draft))
    await db.execute(INSERT, *entry)
    await db.execute(ADVANCE, entry.seq, entry.at, entry.hash)


def _digest(value: Any) -> str | None:
    if value is None:
        return None
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def chain_hash(entry: Entry) -> bytes:
    """Hash a row with the hash of the row before: SHA-256 of a JSON list of every column but the hash itself."""
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(msgspec.json.encode([entry.seq, at, *entry[2:9], entry.previous.hex()])).digest()


def first_broken(entries: Iterator[Entry] | list[Entry], *, seq: int, previous: bytes) -> int | None:
    """Find the first row that does not follow from the one before (its number and hash); None when all do."""
    for entry in entries:
        if entry.seq != seq + 1:
            return seq + 1
        if entry.previous != previous or entry.hash != chain_hash(entry):
            return entry.seq
        seq, previous = entry.seq, entry.hash
    return None


AFTER = """
SELECT seq, at, actor, action, object, before_hash, after_hash, address, request_id, previous, hash
FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2
"""


HEAD = "SELECT seq, hash FROM audit_head"


class Mark(NamedTuple):
    """How far a check has come: the last row that is good."""

    seq: int = 0
    hash: bytes = GENESIS


class Look(NamedTuple):
    """What a check of some rows found: how far it came, the number of the first that is wrong, and whether that was all."""

    mark: Mark
    broken_at: int | None
    done: bool


async def look(db: Connection, *, after: Mark, rows: int) -> Look:
    """Check up to `rows` rows of the chain after a mark, and at its end that it ends where the head says.

    In a transaction that sees one state, else a row that comes meanwhile looks like one that the head does not know.
    """
    entries = [Entry(*row.values()) for row in await db.fetch(AFTER, after.seq, rows)]
    broken = first_broken(entries, seq=after.seq, previous=after.hash)
    if broken is not None:
        return Look(after, broken, True)
    mark = Mark(entries[-1].seq, entries[-1].hash) if entries else after
    if len(entries) == rows:
        return Look(mark, None, False)
    head = await db.fetchrow(HEAD)
    whole = head is not None and (head["seq"], head["hash"]) == mark
    return Look(mark, None if whole else mark.seq + 1, True)


async def verify(db: Connection, *, rows: int = _VERIFY_ROWS) -> Verdict:
    """Check the whole chain from its first row on, `rows` at a time."""
    mark = Mark()
    while True:
        found = await look(db, after=mark, rows=rows)
        if found.done:
            return Verdict(found.mark.seq, found.broken_at)
        mark = found.mark


class Sought(NamedTuple):
    """Which deeds: of an actor, of an action or a kind of them ("user", "user.create"), to an object, from … to below …"""

    actor: str | None = None
    action: str | None = None
    object: str | None = None
    start: datetime | None = None
    end: datetime | None = None


PAGE = """
SELECT seq, at, actor, action, object, before_hash, after_hash, address, request_id, previous, hash
FROM audit
WHERE ($1::bigint IS NULL OR seq < $1::bigint)
  AND ($2::text IS NULL OR actor = $2)
  AND ($3::text IS NULL OR action = $3 OR starts_with(action, $3 || '.'))
  AND ($4::text IS NULL OR object = $4)
  AND ($5::timestamptz IS NULL OR at >= $5)
  AND ($6::timestamptz IS NULL OR at < $6)
ORDER BY seq DESC LIMIT $7
"""


async def page(db: Connection, *, before: int | None, limit: int, sought: Sought = Sought()) -> list[Entry]:  # noqa: B008  frozen
    """List deeds, the newest first, that came before the given number."""
    return [Entry(*row.values()) for row in await db.fetch(PAGE, before, *sought, limit)]
