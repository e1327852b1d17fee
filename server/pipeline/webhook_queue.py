"""Webhooks for the outbox's engine: leased, signed with secrets that are opened for the moment, and written down.

Rule 1: an endpoint that takes something is well, whatever else went wrong with it; one that takes nothing for days, or says
        that it is gone, is turned off, and the audit says so.
Rule 2: how often is a matter of time alone: a call is tried until it is taken or too old.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import structlog

from server.channels.base import Channel, Outcome, Receipt
from server.channels.webhook import Endpoint, Message, body_for
from server.pipeline.author import Author
from server.pipeline.queue import Ended
from server.pipeline.webhooks import TABLE
from server.store import webhook_calls, webhooks
from server.store.pool import Connection, Pool
from server.store.webhook_calls import Call, End
from server.store.webhook_events import WORD
from server.wallet.keyring import Keyring

BY: Final = Author("kairos")
"""Who turns an endpoint off that takes nothing."""

_log = structlog.get_logger("kairos.webhooks")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried, and an endpoint that takes nothing is borne with."""

    within: timedelta
    off_after: timedelta


class WebhookQueue:
    """All endpoints' calls; see `server.pipeline.queue.Queue`."""

    name = "webhooks"
    channel = WORD
    sips = True

    def __init__(
        self,
        pool: Pool,
        channel: Channel[Message, Endpoint],
        *,
        keyring: Keyring,
        source: str,
        patience: Patience,
        each: int = webhook_calls.EACH,
    ) -> None:
        """`source` is who tells (the server's public address), `each` how many calls of one endpoint may be out at once."""
        self._pool, self._way, self._keyring = pool, channel, keyring
        self._source, self._patience, self._each = source, patience, each

    async def lease(self, *, limit: int, now: datetime, for_s: float) -> Sequence[Call]:
        """Take what is due."""
        async with self._pool.transaction() as db:
            return await webhook_calls.lease(
                db, limit=limit, now=now, for_s=for_s, within=self._patience.within, each=self._each
            )

    async def send(self, item: Call, *, now: datetime) -> Receipt:
        """Sign it and send it, once."""
        sealed = [each for each in (item.secret_sealed, item.old_sealed) if each is not None]
        row = item.webhook_id.bytes
        opened = [self._keyring.unseal(each, table=TABLE, row=row, now=now) for each in sealed]
        secrets = [each for each in opened if each is not None]
        if not secrets:
            return Receipt(Outcome.REFUSED, "secret_lost")
        body = body_for(
            id=item.event_id,
            source=self._source,
            type=item.type,
            at=item.at,
            subject=item.subject,
            data=item.data,
        )
        return await self._way.send(Message(item.event_id, body), Endpoint(item.url, secrets), now=now)

    async def renew(self, items: Sequence[Call], *, until: datetime) -> Collection[int]:
        """Keep the leases."""
        async with self._pool.transaction() as db:
            held = await webhook_calls.renew(db, calls=items, until=until)
        return [place for place, item in enumerate(items) if (item.event_id, item.webhook_id) in held]

    async def end(self, ended: Sequence[Ended[Call]], *, now: datetime) -> None:
        """Write what became of calls, and what that says of their endpoints."""
        async with self._pool.transaction() as db:
            off = await self._judge(db, ended)  # endpoints before calls, as whoever removes an endpoint does
            await webhook_calls.end(db, ends=[_end(each) for each in ended])
            for webhook_id, word in off:
                await BY.record(db, "webhook.disable", f"webhook:{webhook_id}", after={"disabled_for": word})
        for webhook_id, word in off:
            _log.warning("a webhook was turned off", webhook_id=str(webhook_id), reason=word)

    async def _judge(self, db: Connection, ended: Sequence[Ended[Call]]) -> list[tuple[UUID, str]]:
        """Note how endpoints are, and give those that are turned off; in one order, so that nobody waits in a ring."""
        off: list[tuple[UUID, str]] = []
        for webhook_id in sorted({each.item.webhook_id for each in ended if each.receipt is not None}):
            came = set(_outcomes(ended, webhook_id))
            if Outcome.SENT in came:
                await webhooks.went_well(db, webhook_id=webhook_id)
                continue
            word = await webhooks.went_badly(
                db, webhook_id=webhook_id, gone=Outcome.GONE in came, patience=self._patience.off_after
            )
            off += [(webhook_id, word)] if word is not None else []
        return off

    async def release(self, items: Sequence[Call], *, now: datetime) -> None:
        """Put back what was not sent."""
        async with self._pool.transaction() as db:
            await webhook_calls.end(db, ends=[End(item, "queued", None, now, counted=False) for item in items])

    async def close(self) -> None:
        """Let go of connections."""
        await self._way.close()


def _outcomes(ended: Sequence[Ended[Call]], webhook_id: UUID) -> Iterator[Outcome]:
    return (each.receipt.outcome for each in ended if each.item.webhook_id == webhook_id and each.receipt is not None)


def _end(ended: Ended[Call]) -> End:
    state: Literal["queued", "sent", "dead"] = "dead"
    if ended.state == "queued":
        state = "queued"
    elif ended.state == "delivered":
        state = "sent"
    reason = ended.receipt.reason if ended.receipt is not None else ended.reason
    return End(ended.item, state, reason, ended.not_before)
