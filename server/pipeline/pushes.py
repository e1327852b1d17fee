"""Pushes of moments: taken from the outbox, asked about once more, sent to one device each, and counted as delivered.

Rule 1: everything is asked again with every try (`server.decision.sending`): consent, pause, caps, the night.
Rule 2: the delivery's id goes with it, the same over all tries: a phone that hears twice shows it once.
Rule 3: an address that its service calls dead is turned off, unless it was registered after that.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from server.channels.base import Alert, Channel, Outcome, Receipt, Subscription, collapse_id
from server.decision.ruleset import Ruleset
from server.decision.sending import Push, Word, may_go
from server.model.customer import Customer
from server.pipeline.deliveries import Prepared, Ready
from server.pipeline.queue import Ended
from server.store import devices, funnel, knocks, outbox, pushes
from server.store.devices import Gone
from server.store.outbox import End, Leased
from server.store.pool import Connection
from server.store.pushes import PLATFORMS, Facts, Target
from server.store.states import Unshown, without

WAITING = frozenset({"created", "delivered"})
"""Moments that a push may tell of: of several devices each is told, also when the first one was."""

_TICK = timedelta(microseconds=1)

_log = structlog.get_logger("kairos.outbox")


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a customer's as a push service knows it, and since when it is registered. The address is in no repr."""

    address: Any = field(repr=False)
    registered_at: datetime
    key: str = field(repr=False)


class Pushes:
    """The Way of one push service; without a channel its rows end, and say so."""

    channel = "push"

    def __init__(self, name: str, channel: Channel[Alert, Any] | None, *, ruleset: Callable[[], Ruleset]) -> None:
        """Send by this channel, under the rules in force."""
        self.name, self._channel, self._ruleset = name, channel, ruleset
        self._silent = channel is None

    async def lease(self, db: Connection, *, limit: int, now: datetime, for_s: float) -> Sequence[Leased]:
        """Find the devices of what has none yet, then take what is ours; whose turn it is as well is woken."""
        for way in await pushes.address(db, limit=limit, now=now):
            if way != self.name:
                await knocks.knock(db, way)
        return await outbox.lease(db, channel=self.channel, way=self.name, limit=limit, now=now, for_s=for_s)

    async def prepare(self, db: Connection, leased: Sequence[Leased], *, now: datetime) -> Prepared[Alert, Device]:
        """Say which may go, and how the others end."""
        if self._channel is None:
            if self._silent:
                self._silent = False
                _log.warning("pushes are not sent: this service is not set up", way=self.name)
            return Prepared((), [End(each, "suppressed", "no_channel", counted=False) for each in leased])
        known, ruleset = await pushes.facts(db, leased=leased), self._ruleset()
        ready, ends = list[Ready[Alert, Device]](), list[End]()
        for each in leased:
            facts = known.get(each.id)
            device = device_of(facts.target, self.name) if facts is not None and facts.target is not None else None
            word = asked_again(each, facts, ruleset, now=now) if facts is not None else Word("no_moment")
            if word.reason is None and device is not None and facts is not None:
                ready.append(Ready(each, alert_of(each, facts), device))
            elif word.until is not None:
                ends.append(End(each, "queued", word.reason, word.until, counted=False))
            else:
                ends.append(End(each, "suppressed", word.reason or "no_device", counted=False))
        return Prepared(ready, ends)

    async def send(self, ready: Ready[Alert, Device], *, now: datetime) -> Receipt:
        """Send once. A dead address that was registered after it died is tried again: its service is behind."""
        if self._channel is None:
            return Receipt(Outcome.REFUSED, "no_channel")
        receipt = await self._channel.send(ready.thing, ready.address.address, now=now)
        since = receipt.gone_since
        if receipt.outcome is Outcome.GONE and since is not None and since <= ready.address.registered_at:
            return Receipt(Outcome.LATER, "registered_since")
        return receipt

    async def settle(self, db: Connection, ended: Sequence[Ended[Ready[Alert, Device]]], *, now: datetime) -> None:
        """Count what was taken as delivered, and turn off the addresses that are dead."""
        sent = [each.item.leased for each in ended if _outcome(each) is Outcome.SENT]
        keys = [(each.bucket, each.moment_id) for each in sent if each.moment_id is not None]
        if keys:
            await funnel.note(db, moments=await pushes.reached(db, moments=keys, now=now), step="delivered")
        gone = [dead_of(each.item, each.receipt) for each in ended if each.receipt and _outcome(each) is Outcome.GONE]
        if gone:
            await devices.turn_off(db, gone=[each for each in gone if each is not None])


def _outcome(ended: Ended[Any]) -> Outcome | None:
    return ended.receipt.outcome if ended.receipt is not None else None


def dead_of(item: Ready[Alert, Device], receipt: Receipt) -> Gone | None:
    """Say which address is dead since when: since it was read, where the service tells no time."""
    leased, device = item.leased, item.address
    if leased.customer_id is None or leased.device_id is None:
        return None
    since = receipt.gone_since or device.registered_at + _TICK
    return Gone(leased.customer_id, leased.device_id, device.key, since)


def device_of(target: Target, way: str) -> Device | None:
    """Make an address of what a device registered; None where that is another platform's, or cannot be read."""
    if PLATFORMS[way] != target.platform:
        return None
    if target.push_token is not None:
        return Device(target.push_token, target.registered_at, target.push_token)
    told = target.subscription or {}
    keys = told.get("keys")
    try:
        wanted: Mapping[str, Any] = keys if isinstance(keys, Mapping) else {}
        endpoint = str(told["endpoint"])
        address = Subscription(endpoint, _bytes(wanted["p256dh"]), _bytes(wanted["auth"]))
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return Device(address, target.registered_at, endpoint)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def alert_of(leased: Leased, facts: Facts) -> Alert:
    """Make what the phone is told."""
    customer, moment = leased.customer_id or UUID(int=0), leased.moment_id or UUID(int=0)
    return Alert(
        id=leased.id,
        moment_id=moment,
        title=facts.title,
        body=facts.body,
        collapse_id=collapse_id(facts.collapse_key, customer),
        expires_at=leased.deliver_by,
        image_url=facts.image_url,
        action=facts.action,
    )


def asked_again(leased: Leased, facts: Facts, ruleset: Ruleset, *, now: datetime) -> Word:
    """Ask whether it may still go, by what is stored now and the rules in force."""
    customer, state = None, facts.state
    if leased.customer_id is not None and facts.consents is not None:
        customer = Customer(leased.customer_id, facts.consents, zone=facts.zone, topics=facts.topics)
        if leased.offer_id is not None and facts.made_at is not None:
            state = without(state, [Unshown(leased.customer_id, leased.offer_id, facts.made_at)])
    push = Push(
        customer=customer,
        state=state,
        waits=facts.moment_state in WAITING and not facts.seen,
        listening=facts.listening,
        status=facts.offer_status,
        paused=facts.paused,
        offer=ruleset.by_id.get(leased.offer_id) if leased.offer_id is not None else None,
        place=ruleset.places.by_id.get(facts.place_id) if facts.place_id is not None else None,
        pressure=facts.pressure,
        deliver_by=leased.deliver_by,
    )
    return may_go(push, ruleset, now=now)
