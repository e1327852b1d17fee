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


async def verify(db: Connection, *, rows: int = _VERIFY_ROWS) -> Verdict:
    """Check the whole chain from its first row on, `rows` at a time, and that it ends where the head says."""
    seq, previous = 0, GENESIS
    while True:
        entries = [Entry(*row.values()) for row in await db.fetch(AFTER, seq, rows)]
        broken = first_broken(entries, seq=seq, previous=previous)
        if broken is not None:
            return Verdict(seq, broken)
        if not entries:
            head = await db.fetchrow(HEAD)
            whole = head is not None and (head["seq"], head["hash"]) == (seq, previous)
            return Verdict(seq, None if whole else seq + 1)
        seq, previous = entries[-1].seq, entries[-1].hash


PAGE = """
SELECT seq, at, actor, action, object, before_hash, after_hash, address, request_id, previous, hash
FROM audit WHERE $1::bigint IS NULL OR seq < $1::bigint ORDER BY seq DESC LIMIT $2
"""


async def page(db: Connection, *, before: int | None, limit: int) -> list[Entry]:
    """List deeds, the newest first, that came before the given number."""
    return [Entry(*row.values()) for row in await db.fetch(PAGE, before, limit)]
