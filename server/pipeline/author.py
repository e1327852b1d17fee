"""Who writes: named in the audit, in the transaction of the deed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.store import audit
from server.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Author:
    """A principal's id, and from where and in which request they wrote."""

    actor: str
    address: str | None = None
    request_id: str | None = None

    async def record(self, db: Connection, action: str, what: str, *, before: Any = None, after: Any = None) -> None:
        """Write down that they did something to an object ("offer.publish", "offer:UUID"); call it last."""
        await audit.record(
            db,
            actor=self.actor,
            action=action,
            object=what,
            before=before,
            after=after,
            address=self.address,
            request_id=self.request_id,
        )
