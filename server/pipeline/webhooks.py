"""Endpoints of other systems: made, changed, given another secret, tried, and told once more what they missed.

A secret is told when it is made and never again; at rest it is sealed to its endpoint's row.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from server.channels.signed import write_secret
from server.errors import Conflict, FieldError, Invalid, NotFound
from server.pipeline.author import Author
from server.store import webhook_calls, webhook_events, webhooks
from server.store.knocks import knock
from server.store.pool import Connection
from server.store.webhooks import Endpoint
from server.wallet.keyring import Keyring

SECRET_BYTES: Final = 32
TABLE: Final = "webhooks"
"""What secrets are sealed to, with the endpoint's id."""


class TooManyWebhooks(Conflict):
    """There are as many endpoints as limits.webhooks allows."""

    code, title = "too_many_webhooks", "Too many webhooks"


class WebhookOff(Conflict):
    """This endpoint is turned off; turn it on first."""

    code, title = "webhook_disabled", "Webhook disabled"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an endpoint is to be."""

    url: str = field(repr=False)
    events: Sequence[str]
    description: str | None = None
    enabled: bool = True


async def create(
    db: Connection, *, wanted: Wanted, keyring: Keyring, now: datetime, most: int, by: Author
) -> tuple[Endpoint, str]:
    """Add an endpoint, and give it with its secret; raises TooManyWebhooks. Needs a transaction."""
    identifier, secret = webhooks.fresh_id(), secrets.token_bytes(SECRET_BYTES)
    made = await webhooks.insert(
        db,
        id=identifier,
        url=wanted.url,
        description=wanted.description,
        events=wanted.events,
        secret_sealed=_sealed(keyring, identifier, secret, now),
        most=most,
    )
    if made is None:
        raise TooManyWebhooks
    await by.record(db, "webhook.create", f"webhook:{identifier}", after=_told(made))
    return made, write_secret(secret)


async def change(db: Connection, *, before: Endpoint, wanted: Wanted, by: Author) -> Endpoint:
    """Write what an endpoint that is held is from now on. Needs a transaction."""
    after = await webhooks.change(
        db,
        webhook_id=before.id,
        url=wanted.url,
        description=wanted.description,
        events=wanted.events,
        enabled=wanted.enabled,
    )
    if after is None:
        raise NotFound
    await knock(db, webhook_events.WORD)  # what waited for an endpoint that was off goes on
    await by.record(db, "webhook.change", f"webhook:{before.id}", before=_told(before), after=_told(after))
    return after


async def rotate(
    db: Connection, *, webhook_id: UUID, overlap: timedelta, keyring: Keyring, now: datetime, by: Author
) -> tuple[Endpoint, str]:
    """Give an endpoint another secret, and tell it; for `overlap` the one before signs too. Needs a transaction."""
    secret = secrets.token_bytes(SECRET_BYTES)
    sealed = _sealed(keyring, webhook_id, secret, now)
    after = await webhooks.rotate(db, webhook_id=webhook_id, secret_sealed=sealed, overlap=overlap)
    if after is None:
        raise NotFound
    await by.record(db, "webhook.rotate", f"webhook:{webhook_id}")
    return after, write_secret(secret)


async def remove(db: Connection, *, webhook_id: UUID, by: Author) -> None:
    """Remove an endpoint with its log. Needs a transaction."""
    before = await webhooks.hold(db, webhook_id=webhook_id)
    if before is None or not await webhooks.remove(db, webhook_id=webhook_id):
        raise NotFound
    await by.record(db, "webhook.remove", f"webhook:{webhook_id}", before=_told(before))


async def test(db: Connection, *, webhook_id: UUID, now: datetime) -> UUID:
    """Send an endpoint an event that tells nothing, and give its id. Needs a transaction."""
    await _in_use(db, webhook_id)
    return await webhook_events.test(db, webhook_id=webhook_id, now=now)


async def replay(
    db: Connection, *, webhook_id: UUID, span: tuple[datetime, datetime] | None, events: Sequence[UUID], most: int, by: Author
) -> int:  # fmt: skip
    """Tell an endpoint once more what happened within a span, or some events; give how many. Needs a transaction."""
    await _in_use(db, webhook_id)
    if span is None:
        count: int | None = await webhook_calls.again(db, webhook_id=webhook_id, events=events)
    else:
        count = await webhook_calls.again_span(db, webhook_id=webhook_id, start=span[0], end=span[1], most=most)
    if count is None:
        raise Invalid(errors=[FieldError("to", f"holds more than {most} events (limits.webhook_replay)")])
    await knock(db, webhook_events.WORD)
    await by.record(db, "webhook.replay", f"webhook:{webhook_id}", after={"events": count})
    return count


async def _in_use(db: Connection, webhook_id: UUID) -> None:
    found = await webhooks.find(db, webhook_id=webhook_id)
    if found is None:
        raise NotFound
    if not found.enabled:
        raise WebhookOff


def _sealed(keyring: Keyring, webhook_id: UUID, secret: bytes, now: datetime) -> bytes:
    return keyring.seal(secret, table=TABLE, row=webhook_id.bytes, now=now)


def _told(endpoint: Endpoint) -> dict[str, object]:
    """Give what the audit hashes of an endpoint: its secret is not among it."""
    return {"url": endpoint.url, "events": list(endpoint.events), "enabled": endpoint.enabled}
