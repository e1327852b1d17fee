"""Apple's wallets as a way out: a row says that a wallet has news, the address is looked up when it is sent.

Rule 1: the token is the one that the wallet brought last, at the time of the try. A wallet that dropped all its passes, or whose
        token another device has now, is told nothing.
Rule 2: a dead token is turned off, unless its wallet registered again after Apple knew: with Apple's word since when, the
        registrations go with it; without (a token that never was one), they stay, and the wallet asks by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from server.channels.base import Channel, Outcome, Receipt, Stir
from server.pipeline.deliveries import Prepared, Ready
from server.pipeline.queue import Ended
from server.store import outbox, registrations
from server.store.outbox import End, Leased
from server.store.pool import Connection

WAY: Final = "apple_wallet"


class WalletPushes:
    """The way. Without a channel (no certificate of Apple's) wallets are told nothing, and ask by themselves."""

    name, channel = WAY, WAY

    def __init__(self, channel: Channel[Stir, str] | None) -> None:
        """Send by this channel."""
        self._channel = channel

    async def lease(self, db: Connection, *, limit: int, now: datetime, for_s: float) -> Sequence[Leased]:
        """Take rows that are due, those first for whom somebody waits."""
        return await outbox.lease(db, channel=WAY, way=WAY, limit=limit, now=now, for_s=for_s)

    async def prepare(self, db: Connection, leased: Sequence[Leased], *, now: datetime) -> Prepared[Stir, str]:
        """Look the wallets' tokens up."""
        if self._channel is None:
            return Prepared((), [End(each, "suppressed", "no_channel") for each in leased])
        held = await registrations.tokens(db, devices=[each.device_hash or b"" for each in leased])
        ready, ends = [], []
        for each in leased:
            token = held.get(each.device_hash or b"")
            if token is not None:
                ready.append(Ready(each, Stir(id=each.id, expires_at=each.deliver_by), token))
            else:
                reason = "unregistered" if each.device_hash not in held else "no_token"
                ends.append(End(each, "suppressed", reason))
        return Prepared(ready, ends)

    async def send(self, ready: Ready[Stir, str], *, now: datetime) -> Receipt:
        """Send once."""
        if self._channel is None:
            return Receipt(Outcome.REFUSED, "no_channel")
        return await self._channel.send(ready.thing, ready.address, now=now)

    async def settle(self, db: Connection, ended: Sequence[Ended[Ready[Stir, str]]], *, now: datetime) -> None:
        """Turn dead tokens off."""
        gone = [each for each in ended if each.receipt is not None and each.receipt.outcome is Outcome.GONE]
        for each in sorted(gone, key=lambda one: one.item.address):
            since = each.receipt.gone_since if each.receipt is not None else None
            if since is not None:
                await registrations.drop_token(db, push_token=each.item.address, since=since)
            else:
                await registrations.turn_off(db, push_token=each.item.address, since=each.item.leased.created_at)
