"""Word to Apple's Wallet that passes have changed: an empty push, upon which the wallet asks what is new.

https://developer.apple.com/documentation/walletpasses/adding-a-web-service-to-update-passes

Rule 1: the certificate that signs the passes opens the connection, and its pass type is the topic. When another one
takes over, a new connection is opened with it, and what is under way on the old one is finished there.
Rule 2: pushes for passes go to Apple's production service: there is no other for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from server.channels.apple import NOBODY, Http2, Postbox, request_for
from server.channels.base import Outcome, Receipt, Stir
from server.channels.loud import Log
from server.errors import KairosError


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are to Apple: the pass type, and the files of its certificate. Another serial is another identity."""

    pass_type: str
    certificate: Path
    key: Path
    serial: int


@dataclass(slots=True, eq=False)
class _Line:
    """A client under one identity, and how many sends are under way on it."""

    identity: Identity
    http2: Http2
    users: int = 0


class AppleWallet:
    """The channel."""

    name = "apple_wallet"

    def __init__(
        self,
        identity: Callable[[datetime], Identity],
        open_: Callable[[Identity], Http2],
        *,
        timeout_s: float,
        log: Log,
        shift: timedelta = timedelta(0),
    ) -> None:
        """`identity` tells who signs at a time, `open_` makes a client for it; both raise KairosError where there is none."""
        self._identity, self._open = identity, open_
        self._postbox = Postbox(self.name, timeout_s=timeout_s, shift=shift, log=log)
        self._line: _Line | None = None
        self._lines: list[_Line] = []

    async def send(self, thing: Stir, address: str, *, now: datetime) -> Receipt:
        """Try once."""
        try:
            line = self._at(now)
        except KairosError as error:
            self._postbox.say("no certificate", str(error), now=now)
            return Receipt(Outcome.LATER, "no certificate")
        ends = self._postbox.apples(thing.expires_at)
        request = request_for(address, *headers_for(thing, line.identity.pass_type, ends=ends), payload_for(thing))
        line.users += 1
        try:
            return await self._postbox.send(line.http2, request, until=thing.expires_at, now=now)
        finally:
            line.users -= 1
            await self._leave_old()

    async def reach(self, delivery: UUID, *, now: datetime) -> Receipt:
        """Send to a token that no wallet has: "BadDeviceToken" means that Apple knows us and our pass type."""
        return await self.send(Stir(id=delivery, expires_at=now + timedelta(minutes=1)), NOBODY, now=now)

    async def close(self) -> None:
        """Let go of every connection."""
        lines, self._lines, self._line = self._lines, [], None
        for line in lines:
            await line.http2.close()

    def _at(self, now: datetime) -> _Line:
        identity = self._identity(now)
        if self._line is None or self._line.identity != identity:
            self._line = _Line(identity, self._open(identity))
            self._lines.append(self._line)
        return self._line

    async def _leave_old(self) -> None:
        """Close what another identity has taken over from, once nothing is under way there."""
        old = [line for line in self._lines if line is not self._line and not line.users]
        self._lines = [line for line in self._lines if line not in old]
        for line in old:
            await line.http2.close()


def headers_for(stir: Stir, pass_type: str, *, ends: datetime) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Write Apple's headers: those that are the same for all, and those of this one. `ends` is by Apple's clock."""
    shared = {"apns-topic": pass_type, "apns-push-type": "background", "apns-priority": "5"}
    return shared, {"apns-id": str(stir.id), "apns-expiration": str(max(0, int(ends.timestamp())))}


def payload_for(stir: Stir) -> bytes:
    """Say nothing: Wallet ignores what is said, and must be given an object."""
    del stir
    return b"{}"
