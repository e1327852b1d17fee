"""Apple Push Notification service: moments as alerts on iPhones.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns

An alert carries `moment_id`, so that the app can fetch what is too large for a push: words are cut, and picture and action
left out, before a payload is over Apple's 4,096 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec

from server.channels.apple import LARGEST, NOBODY, Http2, Postbox, request_for
from server.channels.base import Alert, Receipt
from server.channels.loud import Log
from server.channels.provider_token import ProviderToken
from server.channels.shorten import fit

LEAST: Final = 120
"""So much of the words is worth more than a picture or an action, which the app can fetch by the moment's id."""

_COLLAPSE_BYTES: Final = 64


class Apns:
    """The channel. Without `bearer` the client's certificate says who we are."""

    name = "apns"

    def __init__(
        self,
        http2: Http2,
        *,
        topic: str,
        bearer: ProviderToken | None,
        timeout_s: float,
        log: Log,
        shift: timedelta = timedelta(0),
    ) -> None:
        """Send to one app through one client, which is closed with the channel."""
        self._http2, self._topic, self._bearer = http2, topic, bearer
        self._postbox = Postbox(self.name, timeout_s=timeout_s, shift=shift, log=log)

    async def send(self, thing: Alert, address: str, *, now: datetime) -> Receipt:
        """Try once."""
        apples = self._postbox.apples(now)
        token = None if self._bearer is None else self._bearer.at(apples)
        shared, once = headers_for(thing, self._topic, token=token, ends=self._postbox.apples(thing.expires_at))
        request = request_for(address, shared, once, payload_for(thing))
        receipt = await self._postbox.send(self._http2, request, until=thing.expires_at, now=now)
        if receipt.reason == "ExpiredProviderToken" and self._bearer is not None and token is not None:
            self._bearer.refused(token, now=apples)
            return replace(receipt, retry_after_s=0.0)
        return receipt

    async def reach(self, delivery: UUID, *, now: datetime) -> Receipt:
        """Send to a token that no device has: "BadDeviceToken" means that Apple knows us and our topic."""
        nothing = Alert(
            id=delivery, moment_id=delivery, title="", body="", collapse_id="", expires_at=now + timedelta(minutes=1)
        )
        return await self.send(nothing, NOBODY, now=now)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._http2.close()


def headers_for(
    alert: Alert, topic: str, *, token: str | None, ends: datetime
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Write Apple's headers: those that are the same for all, and those of this one. `ends` is by Apple's clock."""
    shared = {"apns-topic": topic, "apns-push-type": "alert", "apns-priority": "10"}
    once = {"apns-id": str(alert.id), "apns-expiration": str(max(0, int(ends.timestamp())))}
    if alert.collapse_id:
        once["apns-collapse-id"] = _collapse(alert.collapse_id)
    if token is not None:
        once["authorization"] = f"bearer {token}"
    return shared, once


def _collapse(text: str) -> str:
    """Give it as it is where it fits, else something of its length that is as much its own."""
    return (
        text if len(text.encode()) <= _COLLAPSE_BYTES and text.isascii() else hashlib.sha256(text.encode()).hexdigest()
    )


def payload_for(alert: Alert) -> bytes:
    """Write the payload in at most 4,096 bytes: shorter words first, then without what the app can fetch."""
    titled = partial(_payload, alert, alert.title)
    for extras in (_extras(alert), {"action": dict(alert.action)} if alert.action else {}):
        found = fit(partial(titled, extras=extras), alert.body, limit=LARGEST, least=LEAST)
        if found is not None:
            return found
    found = fit(titled, alert.body, limit=LARGEST) or fit(partial(_payload, alert, body=""), alert.title, limit=LARGEST)
    return found or _payload(alert, "", "")


def _extras(alert: Alert) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if alert.image_url is not None:
        extras["image_url"] = alert.image_url
    if alert.action:
        extras["action"] = dict(alert.action)
    return extras


def _payload(alert: Alert, title: str, body: str, extras: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    aps: dict[str, Any] = {"alert": {"title": title, "body": body}, "sound": "default"}
    if "image_url" in extras:
        aps["mutable-content"] = 1  # the app's extension may fetch the picture
    return msgspec.json.encode({"aps": aps, "moment_id": str(alert.moment_id), **extras})
