"""Firebase Cloud Messaging, HTTP v1: moments as notifications on Android.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages (and `ErrorCode` beside it)

Rule 1: a token is given up only where Firebase says that it is dead, or none. What may be a mistake of ours (project,
        account, another app's token) is tried again later and told loudly: none of the devices is to blame.
Rule 2: Firebase knows no ids: what was sent twice arrives twice. So `data` carries `delivery_id`, the same over all tries,
        and the notification's tag makes the second one take the first one's place on the screen.
Rule 3: what Firebase says is believed as far as it is a word or a field of its own; no answer's text is repeated.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec
from aiohttp import ClientSession
from yarl import URL

from server.channels.base import Alert, Outcome, Receipt
from server.channels.loud import Log, Loud
from server.channels.oauth import NoToken, TokenSource
from server.channels.rest import Heard, Unheard, ask, retry_after_s
from server.channels.shorten import fit

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
LARGEST: Final = 4096
"""Bytes that Firebase takes of a message. We count its JSON without the token, which is never less than what it counts."""
LONGEST: Final = timedelta(days=28)
"""Firebase keeps nothing for longer."""
LEAST: Final = 120
"""So much of the words is worth more than a picture or an action, which the app can fetch by the moment's id."""
NOBODY: Final = "nobody"
"""A token that no device has."""

OURS: Final[Mapping[str, str]] = {
    "NOT_FOUND": "there is no such project: project_id in fcm.service_account_file, and fcm.base_url",
    "PERMISSION_DENIED": "the account may not send: give it Firebase's role for Cloud Messaging, and turn its API on",
    "SENDER_ID_MISMATCH": "the device belongs to an app of another Firebase project than fcm.service_account_file",
    "THIRD_PARTY_AUTH_ERROR": "Firebase lacks the key for this kind of device: see the project's Cloud Messaging page",
    "UNAUTHENTICATED": "Firebase does not take the tokens that are given to fcm.service_account_file",
}
"""Words that speak of our own set-up, with what to look at."""

OUTCOMES: Final[Mapping[str, Outcome]] = {
    "UNREGISTERED": Outcome.GONE,
    "INVALID_ARGUMENT": Outcome.REFUSED,  # but GONE where it is the token's fault
    **dict.fromkeys((*OURS, "INTERNAL", "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"), Outcome.LATER),
}
"""Firebase's words, sorted by what we do about them."""

_LATER: Final = frozenset({401, 403, 404, 408, 429})
_OURS_S: Final = 60.0
"""How long to leave Firebase alone where our own set-up is wrong, or where it names no time for a quota."""
_WORD: Final = re.compile(r"[A-Z_]{1,40}")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_.]{0,60}")
_ITS_TOKEN: Final = re.compile(r"registration token", re.IGNORECASE)
_AWAY: Final = "the way to Firebase (fcm.base_url): network, name, firewall"
_NO_TOKEN: Final = "fcm.service_account_file (is its key still good?), fcm.token_url, this machine's clock"  # noqa: S105


class Fcm:
    """The channel of one project. `shift` is how far the house's clock is moved (in test mode): Google's is not."""

    name = "fcm"

    def __init__(
        self,
        session: ClientSession,
        tokens: TokenSource,
        *,
        base_url: URL,
        project: str,
        timeout_s: float,
        log: Log,
        ssl_context: ssl.SSLContext | None = None,
        shift: timedelta = timedelta(0),
    ) -> None:
        """Send by this session, which is closed with the channel."""
        self._session, self._tokens, self._ssl = session, tokens, ssl_context
        base = str(base_url).rstrip("/")
        self._url = URL(f"{base}/v1/projects/{project}/messages:send", encoded=True)
        self._timeout_s, self._shift = timeout_s, shift
        self._loud = Loud(log, event="firebase_takes_nothing", way=self.name)

    async def send(self, thing: Alert, address: str, *, now: datetime) -> Receipt:
        """Try once, never beyond the alert's end."""
        left = thing.expires_at - now
        if left <= timedelta(0):
            return Receipt(Outcome.REFUSED, "expired")
        body = payload_for(thing, address, ttl=left)
        return await self._try(body, timeout_s=min(self._timeout_s, left.total_seconds()), now=now)

    async def reach(self, delivery: UUID, *, now: datetime) -> Receipt:
        """Let Firebase look at a message for nobody without sending it: GONE means that it knows us and our project."""
        nothing = Alert(
            id=delivery, moment_id=delivery, title="", body="", collapse_id="", expires_at=now + timedelta(minutes=1)
        )
        body = payload_for(nothing, NOBODY, ttl=timedelta(minutes=1), validate_only=True)
        return await self._try(body, timeout_s=self._timeout_s, now=now)

    async def close(self) -> None:
        """Let go of tokens and connections."""
        await self._tokens.close()
        await self._session.close()

    async def _try(self, body: bytes, *, timeout_s: float, now: datetime) -> Receipt:
        googles = now - self._shift
        try:
            receipt = receipt_from(await self._post(body, timeout_s=timeout_s, now=googles), now=googles)
        except NoToken as error:
            self._loud.say(error.reason, _NO_TOKEN, now=now)
            return Receipt(Outcome.LATER, error.reason, error.retry_after_s)
        except Unheard as unheard:
            self._loud.say(str(unheard), _AWAY, now=now)
            return Receipt(Outcome.LATER, str(unheard))
        if receipt.reason in OURS:
            self._loud.say(receipt.reason, OURS[receipt.reason], now=now)
        return receipt

    async def _post(self, body: bytes, *, timeout_s: float, now: datetime) -> Heard:
        """Post, and once more with a new token where the old one is no longer taken."""
        token = await self._tokens.token(now=now)
        heard = await self._ask(token, body, timeout_s)
        if (
            heard.status == 401 and _told(heard.body).word != "THIRD_PARTY_AUTH_ERROR"
        ):  # that one is about no token of ours
            self._tokens.drop(token)
            heard = await self._ask(await self._tokens.token(now=now), body, timeout_s)
        return heard

    async def _ask(self, token: str, body: bytes, timeout_s: float) -> Heard:
        return await ask(
            self._session,
            "POST",
            self._url,
            headers=headers_for(token),
            body=body,
            ssl_context=self._ssl,
            deadline_s=timeout_s,
        )


def headers_for(token: str) -> dict[str, str]:
    """Write the headers."""
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def payload_for(alert: Alert, address: str, *, ttl: timedelta, validate_only: bool = False) -> bytes:
    """Write the message for one token in at most 4,096 bytes: shorter words first, then without what the app can fetch."""
    head = b'{"validate_only":true,"message":{"token":' if validate_only else b'{"message":{"token":'
    return b"".join((head, msgspec.json.encode(address), b",", _fitting(alert, ttl)[1:], b"}"))


def _fitting(alert: Alert, ttl: timedelta) -> bytes:
    write = partial(_message, alert, ttl)
    action = {"action": json.dumps(dict(alert.action), ensure_ascii=False)} if alert.action else {}
    picture = {"image": alert.image_url} if alert.image_url is not None else {}
    titled = partial(write, alert.title)
    for extras in ({**action, **picture}, action):
        found = fit(partial(titled, extras=extras), alert.body, limit=LARGEST, least=LEAST)
        if found is not None:
            return found
    found = fit(titled, alert.body, limit=LARGEST) or fit(partial(write, body=""), alert.title, limit=LARGEST)
    return found or write("", "")


def _message(
    alert: Alert, ttl: timedelta, title: str, body: str, extras: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    notification = {"title": title, "body": body}
    data = {"moment_id": str(alert.moment_id), "delivery_id": str(alert.id)}
    if "image" in extras:
        notification["image"] = extras["image"]
    if "action" in extras:
        data["action"] = extras["action"]  # Firebase takes strings alone
    seconds = int(min(ttl, LONGEST).total_seconds())
    android: dict[str, Any] = {"priority": "HIGH", "ttl": f"{seconds}s"}
    if alert.collapse_id:
        android |= {"collapse_key": alert.collapse_id, "notification": {"tag": alert.collapse_id}}
    return msgspec.json.encode({"notification": notification, "data": data, "android": android})


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What a refusal says: Firebase's word, the fields that it names, and whether its text is about the token."""

    word: str = ""
    fields: tuple[str, ...] = ()
    of_token: bool = False


def receipt_from(heard: Heard, *, now: datetime) -> Receipt:
    """Sort an answer."""
    if heard.status == 200:
        # Whatever stands in the way (a log-in page of a hotel, a proxy) answers 200 with something else.
        taken = isinstance(_json(heard.body), dict)
        return Receipt(Outcome.SENT, "ok") if taken else Receipt(Outcome.LATER, "an answer that is not Firebase's")
    told = _told(heard.body)
    later = Outcome.LATER if heard.status in _LATER or not 400 <= heard.status < 500 else Outcome.REFUSED
    outcome = OUTCOMES.get(told.word, later)
    reason = told.word or f"status {heard.status}"
    if told.word == "INVALID_ARGUMENT":
        if told.fields == ("message.token",) or (not told.fields and told.of_token):
            return Receipt(Outcome.GONE, reason)
        reason = " ".join((reason, *told.fields))
    receipt = Receipt(outcome, reason)
    if outcome is not Outcome.LATER:
        return receipt
    wait_s = retry_after_s(heard.headers, now=now)
    if wait_s is None and (reason in OURS or heard.status == 429):
        wait_s = _OURS_S
    return replace(receipt, retry_after_s=wait_s)


def _told(body: bytes) -> _Refusal:
    """Read a refusal: FcmError's word is finer than the status of all of Google's interfaces."""
    found = _json(body)
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict):
        return _Refusal()
    listed = error.get("details")
    details = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    words = [*(each.get("errorCode") for each in details), error.get("status")]
    word = next((text for text in words if isinstance(text, str) and _WORD.fullmatch(text)), "")
    fields = [
        violation.get("field")
        for each in details
        if isinstance(each.get("fieldViolations"), list)
        for violation in each["fieldViolations"]
        if isinstance(violation, dict)
    ]
    named = tuple(text for text in fields if isinstance(text, str) and _FIELD.fullmatch(text))[:3]
    text = error.get("message")
    return _Refusal(word, named, isinstance(text, str) and _ITS_TOKEN.search(text) is not None)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
