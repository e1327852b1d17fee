"""Google Wallet's REST interface: classes and objects inserted, patched, replaced, and told something.

https://developers.google.com/wallet/reference/rest/v1 (discovery document of walletobjects v1)

Rule 1: what a card is to look like is decided elsewhere; here it is made so. Who was thought to be there and is not is
        inserted, who was thought not to be there and is, is patched: both sides may have been told before.
Rule 2: 400 is for ever, and the receipt names Google's field. Quotas, permissions and failures are for later: somebody
        at Google or here can mend them, and no change of a pass may be lost meanwhile.
Rule 3: bodies hold codes and secrets: they are in no repr, receipt or log.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from aiohttp import ClientSession
from yarl import URL

from server.channels.base import Outcome, Receipt
from server.channels.oauth import NoToken, TokenSource
from server.channels.rest import Heard, Unheard, ask, retry_after_s

_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]]{0,99}")
_STATUS: Final = re.compile(r"[A-Za-z_]{1,40}")
_UNAUTHORIZED, _NOT_FOUND, _CONFLICT, _TOO_MANY = 401, 404, 409, 429
_OVER_QUOTA: Final = frozenset({"RESOURCE_EXHAUSTED", "QuotaExceeded", "quotaExceeded", "rateLimitExceeded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is to stand at Google for one pass.

    `kind` is `offer`, `loyalty`, `generic` or `eventTicket`. `class_known` whether Google has a class of that id, and
    `class_fresh` whether this very one; `changes` what differs from what it has of the object (None: it has none).
    `message` is told once all that is done.
    """

    id: UUID
    kind: str
    class_body: Mapping[str, Any] = field(repr=False)
    class_known: bool
    class_fresh: bool
    object_body: Mapping[str, Any] = field(repr=False)
    changes: Mapping[str, Any] | None = field(repr=False, default=None)
    message: Mapping[str, Any] | None = field(repr=False, default=None)


class GoogleWallet:
    """The channel. `calls_per_s` is the issuer's quota: calls of this process keep a distance from each other."""

    name = "google_wallet"

    def __init__(
        self,
        session: ClientSession,
        tokens: TokenSource,
        *,
        base_url: URL,
        calls_per_s: float,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Keep whom to ask; nothing is asked yet."""
        self._session, self._tokens, self._ssl = session, tokens, ssl_context
        self._base = str(base_url).rstrip("/")
        self._gap_s = 1 / calls_per_s
        self._next = 0.0

    async def send(self, thing: Card, address: str, *, now: datetime) -> Receipt:
        """Make the object of this id (`address`) what the card says, its class before, its message after."""
        try:
            return await self._send(thing, address, now)
        except NoToken as error:
            return Receipt(Outcome.LATER, error.reason, error.retry_after_s)
        except Unheard as unheard:
            return Receipt(Outcome.LATER, str(unheard))

    async def close(self) -> None:
        """Let go of the tokens; the session is its maker's."""
        await self._tokens.close()

    async def reach(self, issuer_id: str, *, now: datetime) -> str:
        """Ask for the issuer's offer classes, one at most: "200", or what stands in the way. For `kairos doctor`."""
        try:
            heard = await self._call("GET", f"/offerClass?issuerId={issuer_id}&maxResults=1", None, now=now)
        except (NoToken, Unheard) as error:
            return str(error)
        return "200" if heard.status == HTTPStatus.OK else word_of(heard.status, heard.body)

    async def _send(self, card: Card, address: str, now: datetime) -> Receipt:
        if not card.class_fresh:
            done = receipt_from(await self._put_class(card, now), now=now)
            if done.outcome is not Outcome.SENT:
                return done
        done = receipt_from(await self._put_object(card, address, now), now=now)
        if done.outcome is not Outcome.SENT or card.message is None:
            return done
        return await self._tell(card, address, card.message, now)

    async def _put_class(self, card: Card, now: datetime) -> Heard:
        """Insert or replace the class, whichever it needs."""
        path = f"/{card.kind}Class"
        insert, put = ("POST", path, _CONFLICT), ("PUT", f"{path}/{card.class_body['id']}", _NOT_FOUND)
        heard = Heard(HTTPStatus.OK, {}, b"")
        for method, where, other in (put, insert) if card.class_known else (insert, put):
            heard = await self._call(method, where, card.class_body, now=now)
            if heard.status != other:
                break
        return heard

    async def _put_object(self, card: Card, address: str, now: datetime) -> Heard:
        """Patch the object, or insert it; whatever is found to be otherwise than thought is mended by its whole body."""
        path, heard = f"/{card.kind}Object", None
        if card.changes is not None:
            if not card.changes:
                return Heard(HTTPStatus.OK, {}, b"")
            heard = await self._call("PATCH", f"{path}/{address}", card.changes, now=now)
            if heard.status != _NOT_FOUND:
                return heard
        heard = await self._call("POST", path, card.object_body, now=now)
        if heard.status == _CONFLICT:
            return await self._call("PATCH", f"{path}/{address}", card.object_body, now=now)
        if heard.status == _NOT_FOUND and card.class_fresh:  # the class that Google had is not there (any more)
            made = await self._put_class(replace(card, class_known=False), now)
            if receipt_from(made, now=now).outcome is Outcome.SENT:
                heard = await self._call("POST", path, card.object_body, now=now)
        return heard

    async def _tell(self, card: Card, address: str, message: Mapping[str, Any], now: datetime) -> Receipt:
        """Add the message. Where Google has shown enough today, the same words come without a sound."""
        path = f"/{card.kind}Object/{address}/addMessage"
        heard = await self._call("POST", path, message, now=now)
        if _is_quota(heard) and message["message"]["messageType"] != "TEXT":
            silent = {"message": {**message["message"], "messageType": "TEXT"}}
            heard = await self._call("POST", path, silent, now=now)
        return receipt_from(heard, now=now)

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None, *, now: datetime) -> Heard:
        """Call once its turn has come, and once more with a new token where the old one is no longer taken."""
        for left in (1, 0):
            await self._turn()
            token = await self._tokens.token(now=now)
            heard = await ask(
                self._session,
                method,
                URL(self._base + path, encoded=True),
                headers=headers_for(token, with_body=body is not None),
                body=None if body is None else payload_for(body),
                ssl_context=self._ssl,
            )
            if heard.status != _UNAUTHORIZED:
                break
            self._tokens.drop(token)
            if not left:
                break
        return heard

    async def _turn(self) -> None:
        clock = asyncio.get_running_loop().time()
        mine = max(clock, self._next)
        self._next = mine + self._gap_s
        if mine > clock:
            await asyncio.sleep(mine - clock)


def payload_for(body: Mapping[str, Any]) -> bytes:
    """Write a body as it goes over the wire."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def headers_for(token: str, *, with_body: bool) -> dict[str, str]:
    """Give the headers of a call."""
    return {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/json"} if with_body else {})


def receipt_from(heard: Heard, *, now: datetime) -> Receipt:
    """Sort an answer: taken, for later, or never to be taken."""
    if heard.status in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT):
        return Receipt(Outcome.SENT, str(heard.status))
    reason = word_of(heard.status, heard.body)
    if heard.status in (401, 403, 408, _TOO_MANY) or heard.status >= 500 or 300 <= heard.status < 400:
        return Receipt(Outcome.LATER, reason, retry_after_s(heard.headers, now=now))
    return Receipt(Outcome.REFUSED, reason)


def word_of(status: int, body: bytes) -> str:
    """Name a refusal by its status, Google's word for it, and the fields it names; what it says of values is left out."""
    error = _error(body)
    words = [error.get("status"), *(each.get("reason") for each in _dicts(error.get("errors")))]
    fields = [
        violation.get("field")
        for detail in _dicts(error.get("details"))
        for violation in _dicts(detail.get("fieldViolations"))
    ]
    fields += [each.get("location") for each in _dicts(error.get("errors"))]
    said = [next((word for word in words if isinstance(word, str) and _STATUS.fullmatch(word)), "")]
    said += [text for text in fields if isinstance(text, str) and _FIELD.fullmatch(text)][:3]
    return " ".join([str(status), *filter(None, said)])


def _is_quota(heard: Heard) -> bool:
    if heard.status == _TOO_MANY:
        return True
    return heard.status in (400, 403) and bool(_OVER_QUOTA & set(word_of(heard.status, heard.body).split()))


def _error(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
