"""Classes at Google Wallet: what an offer's class is made of, and which body of it Google took last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from server.model.titled import Words
from server.store.pool import Connection

WORDS = """
SELECT o.id, o.name, v.document->'moment'->'content' AS contents, v.document->'moment'->>'fallback_locale' AS fallback
FROM offers o JOIN offer_versions v ON v.offer_id = o.id AND v.version = coalesce(o.live_version, o.version)
WHERE o.id = ANY ($1)
"""


async def words(db: Connection, *, offers: Iterable[UUID]) -> dict[UUID, Words]:
    """Read what the classes of these offers are made of."""
    rows = await db.fetch(WORDS, list(offers))
    return {
        row["id"]: Words(row["id"], row["name"], _titles(json.loads(row["contents"] or "{}")), row["fallback"] or "en")
        for row in rows
    }


def _titles(contents: Mapping[str, Any]) -> dict[str, str]:
    """Give each locale's title; of a locale with two (du, sie) the first."""
    found = {}
    for locale, content in contents.items():
        first = content[0] if isinstance(content, list) and content else content
        if isinstance(first, Mapping) and isinstance(first.get("title"), str):
            found[locale] = first["title"]
    return found


DIGESTS = "SELECT id, digest FROM google_classes WHERE id = ANY ($1)"


async def digests(db: Connection, *, ids: Iterable[str]) -> dict[str, bytes]:
    """Tell which of these classes Google has, by the digest of what it took."""
    return {row["id"]: row["digest"] for row in await db.fetch(DIGESTS, list(ids))}


SENT = """
INSERT INTO google_classes (id, digest) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, sent_at = clock_timestamp()
"""


async def sent(db: Connection, *, id: str, digest: bytes) -> None:  # noqa: A002  the column's word
    """Remember which body of a class Google took."""
    await db.execute(SENT, id, digest)
