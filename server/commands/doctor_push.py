"""The doctor's walk to Apple's push service: a push to a device that does not exist must be answered by exactly that.

Who is let in and may push to the topic gets `BadDeviceToken`; who is not gets Apple's word for what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog

from server.channels.apple import OURS
from server.channels.base import Outcome, Receipt
from server.channels.fcm import OURS as FIREBASES
from server.commands.doctor_step import Failed, Ground, Step, Unasked, attempt
from server.opening.apple import apns_of, apple_wallet_of
from server.opening.firebase import account_of, fcm_of
from server.opening.web_push import subject_of, vapid_of
from server.settings import Settings
from server.store.ids import new_id

PROOF: Final = "BadDeviceToken"

_CUT: Final = frozenset({"connection lost", "Connection reset by peer"})


async def examine_push(ground: Ground) -> list[Step]:
    """Ask Apple for the app's alerts and for passes, and Google for Android's, as far as they are set up."""
    return [
        await attempt("push to iPhones", lambda: _alerts(ground)),
        await attempt("push to Apple's wallets", lambda: _wallets(ground)),
        await attempt("push to Android", lambda: _android(ground)),
        await attempt("push to browsers", lambda: _browsers(ground)),
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


async def _android(ground: Ground) -> str:
    account = await asyncio.to_thread(account_of, ground.settings)
    if account is None:
        raise Unasked("fcm.service_account_file is not set: no push to Android")
    fcm = fcm_of(ground.settings, account, log=structlog.get_logger("kairos.doctor"))
    if fcm is None:
        raise Unasked("no push to Android")
    try:
        told = await _reach(fcm.reach, ground)
    finally:
        await fcm.close()
    where = ground.settings.fcm.base_url
    if told.outcome is Outcome.GONE:
        return f"{where} knows our account and the project {account.project} (it looked at a push to nobody: {told.reason})"
    if told.reason in FIREBASES:
        raise Failed(f"{where} answers {told.reason}: {FIREBASES[told.reason]}")
    if told.reason.startswith("no token"):
        raise Failed(
            f"{told.reason}. Is the key in fcm.service_account_file still good, and this machine's clock right?"
        )
    raise Failed(f"{where} does not answer as it should: {told.reason}. Is the way to it open (port 443)?")


async def _browsers(ground: Ground) -> str:
    """Look at our half: the other one is a service that only a browser can name."""
    vapid = await asyncio.to_thread(vapid_of, ground.settings)
    subject = subject_of(ground.settings)
    if not subject:
        raise Unasked("web_push.subject is not set, and server.public_url is not https: Safari's service takes no push")
    return f"browsers subscribe with the key {vapid.public[:12]}…; their services may complain to {subject}"


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
