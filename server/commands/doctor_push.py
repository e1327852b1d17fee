"""The doctor's walk to Apple's push service: a push to a device that does not exist must be answered by exactly that.

Who is let in and may push to the topic gets `BadDeviceToken`; who is not gets Apple's word for what is wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog

from server.channels.apple import OURS
from server.channels.base import Outcome, Receipt
from server.commands.doctor_step import Failed, Ground, Step, Unasked, attempt
from server.opening.apple import apns_of, apple_wallet_of
from server.settings import Settings
from server.store.ids import new_id

PROOF: Final = "BadDeviceToken"

_CUT: Final = frozenset({"connection lost", "Connection reset by peer"})


async def examine_push(ground: Ground) -> list[Step]:
    """Ask Apple for the app's alerts and for passes, as far as they are set up."""
    return [
        await attempt("push to iPhones", lambda: _alerts(ground)),
        await attempt("push to Apple's wallets", lambda: _wallets(ground)),
    ]


async def _alerts(ground: Ground) -> str:
    apns = apns_of(ground.settings, log=structlog.get_logger("kairos.doctor"))
    if apns is None:
        raise Unasked("apns.topic is not set: no push to iPhones")
    try:
        told = await _reach(apns.reach, ground)
    finally:
        await apns.close()
    return _judge(told, ground.settings, who=f"our key, and the topic {ground.settings.apns.topic}")


async def _wallets(ground: Ground) -> str:
    wallet = apple_wallet_of(ground.settings, ground.desk, log=structlog.get_logger("kairos.doctor"))
    if wallet is None:
        raise Unasked("passes are signed by a throw-away authority: wallets are not told of changes")
    try:
        told = await _reach(wallet.reach, ground)
    finally:
        await wallet.close()
    return _judge(told, ground.settings, who=f"our certificate, and the pass type {ground.desk.pass_type_id}")


async def _reach(reach: Callable[..., Awaitable[Receipt]], ground: Ground) -> Receipt:
    now: datetime = ground.clock.now()
    return await reach(new_id(now=now), now=now)


def _judge(told: Receipt, settings: Settings, *, who: str) -> str:
    where = settings.apns.base_url or "Apple"
    if told.reason == PROOF:
        return f"{where} knows {who} (a push to a device that does not exist was answered {PROOF})"
    if told.outcome is Outcome.SENT:
        return f"{where} lets in {who}; it took a push to a device that does not exist, so it is not Apple"
    if told.reason in OURS:
        raise Failed(f"{where} answers {told.reason}: {OURS[told.reason]}")
    if told.reason in _CUT:
        raise Failed(
            f"{where} cuts the connection ({told.reason}): mostly it does not accept the certificate that is shown"
        )
    if told.reason.startswith("TLS"):
        raise Failed(
            f"{where}: {told.reason}. One of both certificates is not trusted: look at apns.ca_file and at ours"
        )
    raise Failed(f"{where} does not answer as it should: {told.reason}. Is the way to it open (port 443)?")
