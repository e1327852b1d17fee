"""Endpoints of other systems: which events they want, how their messages are signed, and whether they are in use.

Rule 1: secrets come and go sealed; nothing here can read one.
Rule 2: an endpoint that is off is told nothing: new events pass it by, and what was queued waits for it until it is too old.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from server.store.ids import new_id
from server.store.pool import Connection

EVERYTHING: Final = "*"
"""What stands for every type of event."""

Off = Literal["gone", "failing"]


class Endpoint(NamedTuple):
    """An endpoint; `disabled_for` says why Kairos turned it off (None: a person did, or it is on).

    Until `old_until` messages are also signed with the secret from before.
    """

    id: UUID
    url: str
    description: str | None
    events: Sequence[str]
    enabled: bool
    disabled_for: Off | None
    secret_sealed: bytes
    old_sealed: bytes | None
    old_until: datetime | None
    failing_since: datetime | None
    created_at: datetime

    def __repr__(self) -> str:
        """Name it without its address, which may hold a secret."""
        return f"Endpoint({self.id})"


# Two who make one at once may both find the last room, which does no harm.
INSERT = """
INSERT INTO webhooks (id, url, description, events, secret_sealed)
SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM webhooks) < $6
RETURNING id, url, description, events, enabled, disabled_for, secret_sealed, old_sealed, old_until, failing_since, created_at
"""


async def insert(
    db: Connection,
    *,
    id: UUID,  # noqa: A002  the column's word
    url: str,
    description: str | None,
    events: Sequence[str],
    secret_sealed: bytes,
    most: int,
) -> Endpoint | None:
    """Add an endpoint, in use at once; None where there are `most` already."""
    row = await db.fetchrow(INSERT, id, url, description, list(events), secret_sealed, most)
    return None if row is None else Endpoint(**row)


def fresh_id() -> UUID:
    """Make the id of a new endpoint: it is needed before the row, to seal its secret."""
    return new_id()


FIND = """
SELECT id, url, description, events, enabled, disabled_for, secret_sealed, old_sealed, old_until, failing_since, created_at
FROM webhooks WHERE id = $1
"""


async def find(db: Connection, *, webhook_id: UUID) -> Endpoint | None:
    """Find an endpoint."""
    row = await db.fetchrow(FIND, webhook_id)
    return None if row is None else Endpoint(**row)


HOLD = """
SELECT id, url, description, events, enabled, disabled_for, secret_sealed, old_sealed, old_until, failing_since, created_at
FROM webhooks WHERE id = $1 FOR UPDATE
"""


async def hold(db: Connection, *, webhook_id: UUID) -> Endpoint | None:
    """Find an endpoint, and keep others from changing it until the transaction ends."""
    row = await db.fetchrow(HOLD, webhook_id)
    return None if row is None else Endpoint(**row)


PAGE = """
SELECT id, url, description, events, enabled, disabled_for, secret_sealed, old_sealed, old_until, failing_since, created_at
FROM webhooks WHERE $1::uuid IS NULL OR id < $1::uuid ORDER BY id DESC LIMIT $2
"""


async def page(db: Connection, *, before: UUID | None, limit: int) -> list[Endpoint]:
    """List endpoints, the newest first."""
    return [Endpoint(**row) for row in await db.fetch(PAGE, before, limit)]


# Whoever turns it on again begins with a clean slate.
CHANGE = """
UPDATE webhooks SET url = $2, description = $3, events = $4, enabled = $5,
       disabled_for = CASE WHEN $5 THEN NULL ELSE disabled_for END,
       failing_since = CASE WHEN $5 AND NOT enabled THEN NULL ELSE failing_since END
WHERE id = $1
RETURNING id, url, description, events, enabled, disabled_for, secret_sealed, old_sealed, old_until, failing_since, created_at
"""


async def change(
    db: Connection, *, webhook_id: UUID, url: str, description: str | None, events: Sequence[str], enabled: bool
) -> Endpoint | None:
    """Write what an endpoint is from now on; None where there is none."""
    row = await db.fetchrow(CHANGE, webhook_id, url, description, list(events), enabled)
    return None if row is None else Endpoint(**row)


ROTATE = """
UPDATE webhooks SET secret_sealed = $2,
       old_sealed = CASE WHEN $3::interval > interval '0' THEN secret_sealed END,
       old_until = CASE WHEN $3::interval > interval '0' THEN clock_timestamp() + $3::interval END
WHERE id = $1
RETURNING id, url, description, events, enabled, disabled_for, secret_sealed, old_sealed, old_until, failing_since, created_at
"""


async def rotate(db: Connection, *, webhook_id: UUID, secret_sealed: bytes, overlap: timedelta) -> Endpoint | None:
    """Sign with another secret from now on, and for `overlap` with the present one as well."""
    row = await db.fetchrow(ROTATE, webhook_id, secret_sealed, overlap)
    return None if row is None else Endpoint(**row)


FORGET_CALLS = "DELETE FROM webhook_calls WHERE webhook_id = $1"
REMOVE = "DELETE FROM webhooks WHERE id = $1"


async def remove(db: Connection, *, webhook_id: UUID) -> bool:
    """Remove an endpoint with the log of its calls, and tell whether there was one. Needs a transaction."""
    await db.execute(FORGET_CALLS, webhook_id)
    done = await db.execute(REMOVE, webhook_id)
    return done.endswith(" 1")


# Most calls go well and change nothing here: an endpoint's row is no place where senders meet.
WELL = "UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL"


async def went_well(db: Connection, *, webhook_id: UUID) -> None:
    """Note that an endpoint took a message."""
    await db.execute(WELL, webhook_id)


BADLY = "UPDATE webhooks SET failing_since = clock_timestamp() WHERE id = $1 AND enabled AND failing_since IS NULL"
OFF = """
UPDATE webhooks SET enabled = false, disabled_for = $2
WHERE id = $1 AND enabled AND ($2 = 'gone' OR failing_since < clock_timestamp() - $3::interval)
RETURNING id
"""


async def went_badly(db: Connection, *, webhook_id: UUID, gone: bool, patience: timedelta) -> Off | None:
    """Note that an endpoint did not take a message; where it is gone, or was failing for `patience`, it is turned off.

    Tells why it was turned off, to one of those who found it so.
    """
    word: Off = "gone" if gone else "failing"
    await db.execute(BADLY, webhook_id)
    done = await db.fetchval(OFF, webhook_id, word, patience)
    return word if done is not None else None


BROKEN = "SELECT count(*) FROM webhooks WHERE disabled_for IS NOT NULL"


async def count_broken(db: Connection) -> int:
    """Tell how many endpoints Kairos has turned off and nobody has looked after since."""
    return int(await db.fetchval(BROKEN))
