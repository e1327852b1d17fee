"""The weather that decided: each reading once, cited by the records of pings, so that the past can be decided again.

A row is refreshed when a process cites it first, so those that no kept record cites any more are the oldest.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from server.store.pool import Connection

# used_at moves at most once a day: the row is read far more often than anybody needs to know of it.
KEEP = """
INSERT INTO skies (id, weather)
SELECT * FROM unnest($1::text[], $2::json[]) ON CONFLICT (id) DO UPDATE SET used_at = now()
WHERE skies.used_at < now() - interval '1 day'
"""


async def keep(db: Connection, *, skies: Mapping[str, str]) -> None:
    """Keep readings (JSON) by their ids; one that is kept already is in use from now on again."""
    ids = sorted(skies)
    await db.execute(KEEP, ids, [skies[each] for each in ids])


READ = "SELECT id, weather FROM skies WHERE id = ANY ($1::text[])"


async def read(db: Connection, *, ids: Collection[str]) -> dict[str, object]:
    """Read readings by their ids; those that are gone are missing."""
    return {row["id"]: json.loads(row["weather"]) for row in await db.fetch(READ, list(ids))}
