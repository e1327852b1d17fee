"""Which signed messages have counted: each once, whatever number of processes is asked.

The row belongs into the transaction of what the message asked for: where that comes to nothing, the message has not counted.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from server.store.pool import Connection


class Message(NamedTuple):
    """A message whose signature holds: whose key signed it, and the SHA-256 of its `webhook-id`."""

    key_id: UUID
    id_hash: bytes


SPEND = "INSERT INTO signed_messages (key_id, id_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true"


async def spend(db: Connection, message: Message) -> bool:
    """Let a message count, and tell whether it is its first time; waits for whoever is about to do the same."""
    return bool(await db.fetchval(SPEND, message.key_id, message.id_hash))
