"""Web Push (RFC 8030, RFC 8188, RFC 8291): moments to browsers, encrypted for the one that subscribed.

Rule 1: a subscription is given up where its service says that it is over (404, 410), or where nothing could ever be
        encrypted for it. What may be a mistake of ours (401, 403) is tried again later and told loudly.
Rule 2: addresses come from customers: they are reached through `outward` alone, and neither they nor answers are repeated.
Rule 3: services know no ids. The message carries `delivery_id`, the same over all tries, and its topic is the moment's
        offer: of several that wait for a browser only the last one is kept.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import http_ece
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from server.channels.base import Alert, Outcome, Receipt, Subscription
from server.channels.loud import Log, Loud
from server.channels.outward import Answer, Failed, Outward
from server.channels.rest import retry_after_s
from server.channels.shorten import fit
from server.channels.vapid import Vapid

LARGEST: Final = 4096
"""Bytes of a body that every service takes (RFC 8030 §7.2)."""
OVERHEAD: Final = 16 + 4 + 1 + 65 + 1 + 16
"""Of those are none of the words': salt, record size, length and bytes of our key, delimiter, tag."""
SIZES: Final = (LARGEST - OVERHEAD, 2048, 1024)
"""So much of the words is tried, one after the other, with a service that answers 413."""
LONGEST: Final = timedelta(days=28)
"""No service keeps a message for longer; some refuse a larger TTL."""

LEAST: Final = 120
"""So much of the words is worth more than a picture or an action, which the page can fetch by the moment's id."""

_TOPIC: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_GONE: Final = frozenset({404, 410})
_OURS: Final = frozenset({401, 403})
_TOO_LARGE: Final = 413
_OURS_S: Final = 60.0
_LOOK_AT: Final = (
    "the key that browsers subscribed with is another one (web_push.key_file), web_push.subject, the clock"
)
_NEVER: Final = frozenset({"address_refused"})
"""Words of `outward` for an address that can never be reached."""


class NoKeys(Exception):
    """A subscription's keys are none: nothing can be encrypted for it."""


class WebPush:
    """The channel. `shift` is how far the house's clock is moved (in test mode): that of the services is not."""

    name = "webpush"

    def __init__(
        self, outward: Outward, vapid: Vapid, *, timeout_s: float, log: Log, shift: timedelta = timedelta(0)
    ) -> None:
        """Send through these connections, which are closed with the channel."""
        self._outward, self._vapid = outward, vapid
        self._timeout_s, self._shift = timeout_s, shift
        self._loud = Loud(log, event="browsers_take_nothing", way=self.name)

    async def send(self, thing: Alert, address: Subscription, *, now: datetime) -> Receipt:
        """Try once, shorter where the service says that it is too much; never beyond the alert's end."""
        left = thing.expires_at - now
        if left <= timedelta(0):
            return Receipt(Outcome.REFUSED, "expired")
        try:
            answer = await self._post(thing, address, left, now - self._shift)
        except NoKeys:
            return Receipt(Outcome.GONE, "bad_keys")
        except Failed as failed:
            return Receipt(Outcome.GONE if failed.reason in _NEVER else Outcome.LATER, failed.reason)
        receipt = receipt_from(answer, now=now - self._shift)
        if answer.status in _OURS:
            self._loud.say(receipt.reason, _LOOK_AT, now=now)
        return receipt

    async def close(self) -> None:
        """Let go of connections."""
        await self._outward.close()

    async def _post(self, alert: Alert, address: Subscription, left: timedelta, now: datetime) -> Answer:
        headers = headers_for(alert, self._vapid.authorization(origin_of(address.endpoint), now=now), ttl=left)
        deadline_s = min(self._timeout_s, left.total_seconds())
        for size in SIZES:
            body = encrypted(payload_for(alert, limit=size), address)
            answer = await self._outward.post(address.endpoint, body=body, headers=headers, deadline_s=deadline_s)
            if answer.status != _TOO_LARGE:
                break
        return answer


def origin_of(endpoint: str) -> str:
    """Give the service's origin, which a token is for; "" where it has none: `outward` refuses it."""
    try:
        return str(URL(endpoint).origin())
    except ValueError:
        return ""


def headers_for(alert: Alert, authorization: str, *, ttl: timedelta) -> dict[str, str]:
    """Write the headers."""
    headers = {
        "Authorization": authorization,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(int(min(ttl, LONGEST).total_seconds())),
        "Urgency": "high",  # what is normal may wait until the phone is charged
    }
    if alert.collapse_id:
        headers["Topic"] = topic_of(alert.collapse_id)
    return headers


def topic_of(collapse_id: str) -> str:
    """Make a topic of at most 32 characters that is as much its own."""
    if _TOPIC.fullmatch(collapse_id):
        return collapse_id
    return base64.urlsafe_b64encode(hashlib.sha256(collapse_id.encode()).digest()).decode("ascii")[:32]


def payload_for(alert: Alert, *, limit: int = SIZES[0]) -> bytes:
    """Write what the page's service worker reads, within the limit: shorter words first, then without what it can fetch."""
    titled = partial(_payload, alert, alert.title)
    whole: dict[str, Any] = {"image_url": alert.image_url} if alert.image_url is not None else {}
    action = {"action": dict(alert.action)} if alert.action else {}
    for extras in ({**whole, **action}, action):
        found = fit(partial(titled, extras=extras), alert.body, limit=limit, least=LEAST)
        if found is not None:
            return found
    found = fit(titled, alert.body, limit=limit) or fit(partial(_payload, alert, body=""), alert.title, limit=limit)
    return found or _payload(alert, "", "")


def _payload(alert: Alert, title: str, body: str, extras: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    told = {"title": title, "body": body, "moment_id": str(alert.moment_id), "delivery_id": str(alert.id)}
    return msgspec.json.encode({**told, **({"tag": alert.collapse_id} if alert.collapse_id else {}), **extras})


def encrypted(
    plain: bytes,
    address: Subscription,
    *,
    salt: bytes | None = None,
    own: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Encrypt for the browser alone, with a key and a salt that serve once (RFC 8291); raises NoKeys."""
    own = own or ec.generate_private_key(ec.SECP256R1())
    try:
        if len(address.auth) != 16:
            raise ValueError
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), address.p256dh)
    except ValueError:
        raise NoKeys from None
    body: bytes = http_ece.encrypt(
        plain, salt=salt, private_key=own, dh=theirs, auth_secret=address.auth, version="aes128gcm"
    )
    return body


def receipt_from(answer: Answer, *, now: datetime) -> Receipt:
    """Sort an answer by its status: what stands in it is the service's own, and differs."""
    if 200 <= answer.status < 300:
        return Receipt(Outcome.SENT, "ok")
    reason = f"status {answer.status}"
    if answer.status in _GONE:
        return Receipt(Outcome.GONE, reason)
    if answer.status in _OURS or answer.status in (408, 429) or answer.status >= 500:
        named = {name.title(): text for name, text in answer.headers.items()}
        wait_s = retry_after_s(named, now=now)
        if wait_s is None and answer.status in _OURS:
            wait_s = _OURS_S
        return Receipt(Outcome.LATER, reason, retry_after_s=wait_s)
    return Receipt(Outcome.REFUSED, reason)
