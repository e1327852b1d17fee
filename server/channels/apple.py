"""What Apple's push service asks for and answers, whatever is pushed: alerts and changes of passes alike.

https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns

Rule 1: a token is given up only where Apple says that it is dead. What may be a mistake of ours (key, certificate, topic)
is tried again later and told loudly: it concerns every device, and none of them is to blame.
Rule 2: what Apple says is believed as far as it is Apple's: a reason that is no word of letters is not repeated.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from yarl import URL

from server.channels.base import Outcome, Receipt
from server.channels.conversation import Answer, Lost, Request
from server.channels.loud import Log, Loud
from server.channels.rest import retry_after_s
from server.errors import Misconfigured

PRODUCTION: Final = URL("https://api.push.apple.com")
SANDBOX: Final = URL("https://api.sandbox.push.apple.com")
LARGEST: Final = 4096
"""Bytes of a payload."""
NOBODY: Final = "00" * 32
"""A token that no device has: Apple answers BadDeviceToken to whoever is let in."""

OURS: Final[Mapping[str, str]] = {
    "BadCertificate": "the certificate is bad",
    "BadCertificateEnvironment": "the certificate is for the other of Apple's two environments (see apns.base_url)",
    "BadEnvironmentKeyIdInToken": "the key is for the other of Apple's two environments (see apns.base_url)",
    "BadTopic": "the topic is bad: see apns.topic, or apple.pass_type_id for passes",
    "DeviceTokenNotForTopic": "the device belongs to another app than apns.topic (or another pass type)",
    "ExpiredProviderToken": "this machine's clock differs from Apple's, or the token was not renewed",
    "Forbidden": "Apple forbids it",
    "InvalidProviderToken": "apns.key_file, apns.key_id and apns.team_id do not belong together, or the key was revoked",
    "MissingProviderToken": "no certificate was shown, and no key is set",
    "MissingTopic": "apns.topic is not set",
    "TooManyProviderTokenUpdates": "provider tokens are made too often",
    "TopicDisallowed": "the key or certificate may not push to this topic",
    "UnrelatedKeyIdInToken": "apns.key_id is another key's than the first token's on this connection",
}
"""Reasons that speak of our own set-up, with what to look at."""

OUTCOMES: Final[Mapping[str, Outcome]] = {
    **dict.fromkeys(("BadDeviceToken", "ExpiredToken", "Unregistered"), Outcome.GONE),
    **dict.fromkeys(OURS, Outcome.LATER),
    **dict.fromkeys(
        ("IdleTimeout", "InternalServerError", "ServiceUnavailable", "Shutdown", "TooManyRequests"), Outcome.LATER
    ),
    **dict.fromkeys(
        (
            "BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPath", "BadPriority", "DuplicateHeaders",
            "InvalidPushType", "MethodNotAllowed", "MissingDeviceToken", "PayloadEmpty", "PayloadTooLarge",
        ),
        Outcome.REFUSED,
    ),
}  # fmt: skip
"""Apple's reasons, sorted by what we do about them."""

_BY_STATUS: Final[Mapping[int, Outcome]] = {
    200: Outcome.SENT, 403: Outcome.LATER, 408: Outcome.LATER, 410: Outcome.GONE, 429: Outcome.LATER,
}  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z]{1,64}")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._~-]{1,400}", re.ASCII)
_OURS_S: Final = 60.0
"""How long to leave Apple alone where our own set-up is wrong: a person has to mend it."""
_AWAY: Final = "the way to Apple (apns.base_url): network, name, firewall"
_MISTRUST: Final = "the certificate that we show, and apns.ca_file: Apple and this server do not trust each other"


class Http2(Protocol):
    """The one thing that these channels ask of a client."""

    async def ask(self, request: Request, *, timeout_s: float) -> Answer:
        """Ask and wait for the answer; raises Lost."""

    async def close(self) -> None:
        """Let go of the connection."""


class _Told(msgspec.Struct):
    """The body of a refusal."""

    reason: str = ""
    timestamp: Any = None


def request_for(address: str, headers: Mapping[str, str], once: Mapping[str, str], body: bytes) -> Request | None:
    """Write the request; None where the address is none of Apple's (an Android wallet's, say), which need not be sent."""
    if not _ADDRESS.fullmatch(address):
        return None
    return Request(f"/3/device/{address}", headers, once, body)


def receipt_from(answer: Answer, *, now: datetime) -> Receipt:
    """Make a receipt of an answer; `now` is for a Retry-After that is a date."""
    told = _told(answer.body)
    outcome = OUTCOMES.get(told.reason) if answer.status != 200 else None
    if outcome is None:
        outcome = _BY_STATUS.get(answer.status, Outcome.LATER if answer.status >= 500 else Outcome.REFUSED)
    if outcome is Outcome.SENT:
        return Receipt(outcome, "ok")
    reason = told.reason if _WORD.fullmatch(told.reason) else f"status {answer.status}"
    if outcome is Outcome.GONE:
        return Receipt(outcome, reason, gone_since=_time(told.timestamp) if answer.status == 410 else None)
    wait_s = retry_after_s({"Retry-After": answer.headers.get("retry-after", "")}, now=now)
    if wait_s is None and reason in OURS:
        wait_s = _OURS_S
    return Receipt(outcome, reason, retry_after_s=wait_s if outcome is Outcome.LATER else None)


def _told(body: bytes) -> _Told:
    try:
        return msgspec.json.decode(body, type=_Told)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Told()


def _time(milliseconds: object) -> datetime | None:
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or not 0 < milliseconds < 2**43:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


class Postbox:
    """Sends requests to Apple and makes receipts of whatever comes of it, loudly where our own set-up is wrong.

    `shift` is how far the house's clock is moved (in test mode): Apple's is not.
    """

    def __init__(self, name: str, *, timeout_s: float, shift: timedelta, log: Log) -> None:
        """Keep how long a try may take."""
        self._timeout_s, self._shift = timeout_s, shift
        self._loud = Loud(log, event="apple_takes_nothing", way=name)

    def apples(self, now: datetime) -> datetime:
        """Tell Apple's time."""
        return now - self._shift

    async def send(self, http2: Http2, request: Request | None, *, until: datetime, now: datetime) -> Receipt:
        """Try once, never beyond `until`. A request that is None has an address that is none of Apple's."""
        if request is None:
            return Receipt(Outcome.GONE, "BadDeviceToken")
        timeout_s = min(self._timeout_s, (until - now).total_seconds())
        if timeout_s <= 0:
            return Receipt(Outcome.REFUSED, "expired")
        try:
            answer = await http2.ask(request, timeout_s=timeout_s)
        except Lost as lost:
            self.say(lost.reason, _MISTRUST if lost.reason.startswith("TLS") else _AWAY, now=now)
            return Receipt(Outcome.LATER, lost.reason, retry_after_s=lost.retry_after_s)
        receipt = receipt_from(answer, now=self.apples(now))
        if receipt.reason in OURS:
            self.say(receipt.reason, OURS[receipt.reason], now=now)
        return receipt if receipt.gone_since is None else replace(receipt, gone_since=receipt.gone_since + self._shift)

    def say(self, reason: str, look_at: str, *, now: datetime) -> None:
        """Log what somebody has to mend, once a minute for each reason."""
        self._loud.say(reason, look_at, now=now)


def tls_for(ca_file: str, *, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Trust the system's authorities, or the one in `ca_file` alone, and show a certificate where one is given.

    Raises Misconfigured naming the file.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError:
        raise Misconfigured(f"apns.ca_file: {ca_file} cannot be read as PEM certificates") from None
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key, password="")  # never ask a terminal for a pass-phrase
        except (OSError, ValueError):
            raise Misconfigured(f"{certificate}: is no certificate (PEM) with its unencrypted key in {key}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
