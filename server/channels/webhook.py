"""Messages to other systems as the Standard Webhooks sign them, with a CloudEvents body.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md

    webhook-id: the event's id, the same over all tries
    webhook-timestamp: when this try was signed
    webhook-signature: "v1," + base64(HMAC-SHA256(secret, id + "." + timestamp + "." + body)), one for each secret
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from server.channels.base import Outcome, Receipt
from server.channels.outward import DEADLINE_S, Failed, Outward
from server.channels.signed import sign

MEDIA: Final = "application/cloudevents+json"
_LONGEST_WAIT_S: Final = 86_400.0
"""Who asks to be left alone for longer is asked again tomorrow."""


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way; the body is the same over all tries."""

    id: UUID
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a message goes, and the secrets that sign it, the newest first. It is in no repr."""

    url: str = field(repr=False)
    secrets: Sequence[bytes] = field(repr=False)


class Webhook:
    """A channel; see `server.channels.base`."""

    name = "webhook"

    def __init__(self, outward: Outward, *, deadline_s: float = DEADLINE_S) -> None:
        """Keep the connections; whoever opened them closes them through `close`."""
        self._outward = outward
        self._deadline_s = deadline_s

    async def send(self, message: Message, endpoint: Endpoint, *, now: datetime) -> Receipt:
        """Try once."""
        headers = headers_for(message, endpoint.secrets, now=now)
        try:
            answer = await self._outward.post(
                endpoint.url, body=message.body, headers=headers, deadline_s=self._deadline_s
            )
        except Failed as failure:
            return Receipt(Outcome.LATER, failure.reason)
        return receipt_from(answer.status, answer.headers, now=now)

    async def close(self) -> None:
        """Let go of connections."""
        await self._outward.close()


def body_for(
    *, id: UUID, source: str, type: str, at: datetime, subject: str, data: Mapping[str, Any]  # noqa: A002
) -> bytes:  # fmt: skip
    """Write an event as CloudEvents 1.0 in JSON."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": str(id),
            "source": source,
            "type": type,
            "subject": subject,
            "time": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def headers_for(message: Message, secrets: Sequence[bytes], *, now: datetime) -> dict[str, str]:
    """Sign a message as of `now`."""
    timestamp = str(int(now.timestamp()))
    return {
        "Content-Type": MEDIA,
        "webhook-id": str(message.id),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(sign(secret, str(message.id), timestamp, message.body) for secret in secrets),
    }


def receipt_from(status: int, headers: Mapping[str, str], *, now: datetime) -> Receipt:
    """Judge by the status alone, as the standard has it: 2xx is taken, 410 is gone, and all else may be mended yet."""
    reason = f"status {status}"
    if 200 <= status < 300:
        return Receipt(Outcome.SENT, reason)
    if status == 410:
        return Receipt(Outcome.GONE, reason)
    given = {name.lower(): value for name, value in headers.items()}
    return Receipt(Outcome.LATER, reason, retry_after_s=_wait_of(given.get("retry-after"), now))


def _wait_of(header: str | None, now: datetime) -> float | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds, or a date; None for what is neither."""
    if header is None:
        return None
    if header.isascii() and header.strip().isdigit():
        return min(float(header[:20]), _LONGEST_WAIT_S)
    try:
        wait_s = (parsedate_to_datetime(header) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)
