"""Pushes of moments, from the decision through PostgreSQL to a channel that stands in for the service.

The services themselves are in tests/channels; here it is what goes to them, what does not, and what follows from receipts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.channels.base import Alert, Outcome, Receipt, Subscription, collapse_id
from server.pipeline.deliveries import DeliveryQueue
from server.pipeline.outbox import Sender
from server.pipeline.pushes import Device, Pushes, device_of
from server.store import devices
from server.store.devices import Device as Registered
from server.store.knocks import listen
from server.store.pushes import WAYS, Target
from tests.builders import NOON
from tests.pipeline.test_outbox import QUICK, Counted
from tests.pipeline.town import Street, Town, document, fix, street

TERMS = replace(QUICK, lease_s=30.0, at_once=50)
SENT = Receipt(Outcome.SENT, "200")
Answers = Callable[[Alert, Any], Awaitable[Receipt]]


class Service:
    """A channel that notes what it was given, and answers as told."""

    def __init__(self, name: str, answer: Answers | None = None) -> None:
        self.name, self.got, self._answer = name, list[tuple[Alert, Any]](), answer

    async def send(self, thing: Alert, address: Any, *, now: datetime) -> Receipt:
        self.got.append((thing, address))
        return await self._answer(thing, address) if self._answer is not None else SENT

    async def close(self) -> None:
        """Hold nothing."""


def pushed(name: str = "coffee", **changes: Any) -> dict[str, Any]:
    """An offer that is pushed to who enters."""
    moment = document()["moment"] | {"surfaces": ["push", "in_app"], "collapse_key": "hot"}
    return document(name, **({"deliver_by": "PT1H", "moment": moment} | changes))


@contextlib.asynccontextmanager
async def sending(process: Street, *services: Service, dsn: str | None = None) -> AsyncIterator[Counted]:
    """Send by these services (others are not set up) while the block lasts."""
    tally, stopping = Counted(), asyncio.Event()
    channels = {each.name: each for each in services}
    await process.now()
    senders = [
        Sender(
            DeliveryQueue(
                process.pool,
                Pushes(way, channels.get(way), ruleset=lambda: process.rules.current.ruleset),
                tally=tally,
            ),
            terms=replace(TERMS, poll_s=60.0 if dsn else 0.05),
            clock=process.clock.now,
            chance=lambda: 0.5,
            tally=tally,
        )
        for way in WAYS.values()
    ]

    def heard(word: str | None) -> None:
        for sender in senders:
            sender.hear(word)

    tasks = [asyncio.create_task(sender.run(stopping, shutdown_s=5)) for sender in senders]
    listening = [asyncio.create_task(listen(dsn, heard))] if dsn else []
    try:
        yield tally
    finally:
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def register(town: Town, customer: UUID, *owned: Registered) -> None:
    for device in owned or (Registered("phone", "ios", push_token="apple-token"),):
        async with town.pool.transaction() as db:
            await devices.put(db, customer_id=customer, device=device)


async def ended(town: Town, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many deliveries are over, and give all."""
    async with asyncio.timeout(20):
        while True:
            rows = await town.rows(
                "SELECT * FROM deliveries WHERE channel = 'push' ORDER BY way NULLS FIRST, created_at"
            )
            if sum(1 for row in rows if row["state"] not in ("queued", "leased")) >= count:
                return rows
            await asyncio.sleep(0.02)


async def enter(process: Street, town: Town, *, offer: dict[str, Any] | None = None) -> UUID:
    """Open a shop with an offer, and let somebody with the app in the background walk in."""
    await town.open_shop()
    await town.publish(offer or pushed())
    await process.rules.refresh()
    customer = await town.customer()
    await register(town, customer)
    answer = await process.ping(customer, fix(), foreground=False)
    assert [moment.channel for moment in answer.moments] == ["push"]
    return customer


async def test_a_moment_is_pushed_to_the_phone_and_counts_as_delivered(town: Town, db_dsn: str) -> None:
    apns = Service("apns")
    async with street(db_dsn) as process:
        customer = await enter(process, town)
        async with sending(process, apns) as tally:
            [row] = await ended(town)
    [moment] = await town.rows("SELECT * FROM moments")
    [(alert, address)] = apns.got
    assert (row["state"], row["reason"], row["attempts"], row["way"]) == ("delivered", None, 1, "apns")
    assert (alert.id, alert.moment_id, alert.expires_at) == (row["id"], moment["id"], moment["deliver_by"])
    assert (alert.title, alert.body, address) == ("Coffee on us", "At Mitte.", "apple-token")
    assert alert.collapse_id == collapse_id("hot", customer)
    assert moment["state"] == "delivered"
    assert moment["created_at"] < moment["delivered_at"] < moment["deliver_by"]
    assert await town.count("SELECT count(*) FROM funnel_facts WHERE step = 'delivered'") == 1
    assert tally.counts[("tried", "apns", "sent")] == 1


async def test_a_push_needs_no_look_to_be_noticed(town: Town, db_dsn: str) -> None:
    """Nobody looks within a minute here: the moment's own transaction knocks."""
    apns = Service("apns")
    async with street(db_dsn) as process, sending(process, apns, dsn=db_dsn):
        await enter(process, town)
        [row] = await ended(town)
    assert row["state"] == "delivered"


async def test_each_device_is_told_by_its_own_service(town: Town, db_dsn: str) -> None:
    browser = {"endpoint": "https://push.example/1", "keys": {"p256dh": "AQI", "auth": "Aw"}}
    services = [Service("apns"), Service("fcm"), Service("webpush")]
    async with street(db_dsn) as process:
        customer = await enter(process, town)
        await register(
            town,
            customer,
            Registered("tablet", "android", push_token="google-token"),
            Registered("laptop", "web", subscription=browser),
        )
        async with sending(process, *services):
            rows = await ended(town, 3)
    assert [(row["way"], row["state"]) for row in rows] == [
        ("apns", "delivered"), ("fcm", "delivered"), ("webpush", "delivered"),
    ]  # fmt: skip
    addresses = [each.got[0][1] for each in services]
    assert addresses == ["apple-token", "google-token", Subscription("https://push.example/1", b"\1\2", b"\3")]
    assert {each.got[0][0].id for each in services} == {row["id"] for row in rows}
    assert await town.count("SELECT count(*) FROM funnel_facts WHERE step = 'delivered'") == 1


async def test_a_service_that_is_not_set_up_is_told_of_in_the_row(town: Town, db_dsn: str) -> None:
    async with street(db_dsn) as process:
        await enter(process, town)
        async with sending(process):
            [row] = await ended(town)
    assert (row["state"], row["reason"], row["attempts"]) == ("suppressed", "no_channel", 0)
    assert await town.count("SELECT count(*) FROM moments WHERE state = 'created'") == 1


async def test_a_try_that_failed_goes_again_with_the_same_ids(town: Town, db_dsn: str) -> None:
    async def busy(alert: Alert, address: Any) -> Receipt:
        return SENT if len(apns.got) == 3 else Receipt(Outcome.LATER, "ServiceUnavailable")

    apns = Service("apns", busy)
    async with street(db_dsn) as process:
        await enter(process, town)
        async with sending(process, apns):
            [row] = await ended(town)
    assert (row["state"], row["attempts"]) == ("delivered", 3)
    assert len({(alert.id, alert.collapse_id, alert.expires_at) for alert, _ in apns.got}) == 1


CHANGES = {
    "no_consent_push": "UPDATE customers SET push = false",
    "no_consent_location": "UPDATE customers SET location = false",
    "programme_paused": "UPDATE programme SET paused = true",
    "offer_paused": "UPDATE offers SET status = 'paused'",
    "offer_ended": "UPDATE offers SET status = 'ended'",
    "seen_or_over": "UPDATE moments SET state = 'dismissed', dismissed_at = now()",
    "stream_open": "UPDATE customer_state SET stream_until = clock_timestamp() + interval '1 hour'",
    "no_device": "UPDATE devices SET disabled_at = now()",
}


@pytest.mark.parametrize("reason", CHANGES)
async def test_what_changed_since_the_last_try_is_asked_about_again(town: Town, db_dsn: str, reason: str) -> None:
    """The first try fails; meanwhile something speaks against the push: there is no second one."""

    async def then(alert: Alert, address: Any) -> Receipt:
        async with town.pool.acquire() as db:
            await db.execute(CHANGES[reason])
        return Receipt(Outcome.LATER, "busy")

    apns = Service("apns", then)
    async with street(db_dsn) as process:
        await enter(process, town)
        async with sending(process, apns):
            [row] = await ended(town)
    assert (row["state"], row["reason"]) == ("suppressed", reason)
    assert len(apns.got) == 1


async def test_messages_of_other_systems_that_came_in_between_count(town: Town, db_dsn: str) -> None:
    apns = Service("apns")
    async with street(db_dsn, pressure__per_day="1") as process:
        customer = await enter(process, town)
        [state] = await town.rows("SELECT state FROM customer_state")
        assert str(state["state"]).count('"offer_id"') == 1  # its own, which does not count against it
        async with town.pool.acquire() as db:
            await db.execute(
                "UPDATE customer_state SET state = jsonb_set(state::jsonb, '{shown}', state::jsonb->'shown' || jsonb_build_array("
                "jsonb_build_object('at', now(), 'offer_id', NULL, 'pressure', 'marketing')))::json WHERE customer_id = $1",
                customer,
            )
        async with sending(process, apns):
            [row] = await ended(town)
    assert (row["state"], row["reason"]) == ("suppressed", "caps")
    assert apns.got == []


async def test_within_its_caps_it_goes(town: Town, db_dsn: str) -> None:
    apns = Service("apns")
    async with street(db_dsn, pressure__per_day="1") as process:
        await enter(process, town)
        async with sending(process, apns):
            [row] = await ended(town)
    assert row["state"] == "delivered"


async def test_a_push_that_comes_into_the_night_waits_without_a_try_being_counted(town: Town, db_dsn: str) -> None:
    """Decided by day; PostgreSQL was away until the night began."""
    apns = Service("apns")
    async with street(db_dsn) as day:
        await enter(day, town, offer=pushed(deliver_by="PT30H"))
        local = (await day.now()).astimezone()
    begins, ends = local - timedelta(hours=1), (local + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    zone = {"quiet_hours__from": f"{begins.astimezone(UTC):%H:%M}", "quiet_hours__to": f"{ends.astimezone(UTC):%H:%M}"}
    async with town.pool.acquire() as db:
        await db.execute("UPDATE customers SET time_zone = 'UTC'")
        await db.execute("UPDATE customer_state SET state = (state::jsonb - 'last_fix')::json")
    async with street(db_dsn, **zone) as night:
        await night.rules.refresh()
        async with sending(night, apns), asyncio.timeout(20):
            while not await town.count("SELECT count(*) FROM deliveries WHERE reason = 'quiet_hours'"):
                await asyncio.sleep(0.02)
    [row] = await town.rows("SELECT * FROM deliveries")
    assert (row["state"], row["attempts"], row["way"]) == ("queued", 0, "apns")
    assert row["not_before"] == ends
    assert apns.got == []
    async with street(db_dsn, shift=timedelta(hours=3), **zone) as morning:
        await morning.rules.refresh()
        async with sending(morning, apns):
            assert (await ended(town))[0]["state"] == "delivered"


async def test_a_dead_address_is_used_never_again(town: Town, db_dsn: str) -> None:
    async def gone(alert: Alert, address: Any) -> Receipt:
        return Receipt(Outcome.GONE, "Unregistered", gone_since=datetime.now(UTC))

    apns = Service("apns", gone)
    async with street(db_dsn) as process:
        customer = await enter(process, town)
        async with sending(process, apns):
            [row] = await ended(town)
            assert (row["state"], row["reason"]) == ("suppressed", "gone")
            await town.open_shop(name="Nord")
            await town.publish(pushed("tea", when={"trigger": "inside", "places": {"any": True}}))
            await process.rules.refresh()
            await process.ping(customer, fix(), foreground=False)
            rows = await ended(town, 2)
    assert [row["reason"] for row in rows] == ["no_device", "gone"]
    assert len(apns.got) == 1
    assert await town.count("SELECT count(*) FROM push_tokens") == 0


async def test_an_address_that_was_registered_after_it_died_is_kept_and_tried_again(town: Town, db_dsn: str) -> None:
    async def behind(alert: Alert, address: Any) -> Receipt:
        long_ago = datetime.now(UTC) - timedelta(days=1)
        return SENT if len(apns.got) == 2 else Receipt(Outcome.GONE, "Unregistered", gone_since=long_ago)

    apns = Service("apns", behind)
    async with street(db_dsn) as process:
        await enter(process, town)
        async with sending(process, apns):
            [row] = await ended(town)
    assert (row["state"], row["attempts"]) == ("delivered", 2)
    assert await town.count("SELECT count(*) FROM devices WHERE push_token = 'apple-token'") == 1


async def test_what_is_refused_for_good_is_a_dead_letter(town: Town, db_dsn: str) -> None:
    async def refused(alert: Alert, address: Any) -> Receipt:
        return Receipt(Outcome.REFUSED, "BadTopic")

    async with street(db_dsn) as process:
        await enter(process, town)
        async with sending(process, Service("apns", refused)):
            [row] = await ended(town)
    assert (row["state"], row["reason"]) == ("dead", "BadTopic")
    assert await town.count("SELECT count(*) FROM moments WHERE state = 'created'") == 1


# --- addresses --------------------------------------------------------------------------------------------------------

KEYS = {"p256dh": "AQI", "auth": "Aw"}


@pytest.mark.parametrize(
    ("target", "way", "address"),
    [
        (Target("ios", NOON, "token"), "apns", "token"),
        (Target("android", NOON, "token"), "fcm", "token"),
        (Target("android", NOON, "token"), "apns", None),
        (Target("ios", NOON, "token"), "fcm", None),
        (Target("web", NOON, None, {"endpoint": "e", "keys": KEYS}), "webpush", Subscription("e", b"\1\2", b"\3")),
        (Target("web", NOON, None, {"endpoint": "https://e"}), "webpush", None),
        (Target("web", NOON, None, {"endpoint": "https://e", "keys": {"p256dh": "AQI"}}), "webpush", None),
        (Target("web", NOON, None, {"endpoint": "https://e", "keys": [1]}), "webpush", None),
        (Target("web", NOON, None, {"endpoint": "https://e", "keys": {"p256dh": 1, "auth": "Aw"}}), "webpush", None),
        (Target("web", NOON, None, {"endpoint": "https://e", "keys": {"p256dh": "A", "auth": "Aw"}}), "webpush", None),
        (Target("web", NOON), "webpush", None),
    ],
)  # fmt: skip
def test_an_address_is_the_platforms_own_or_none(target: Target, way: str, address: Any) -> None:
    found = device_of(target, way)
    assert (found.address if found is not None else None) == address


def test_a_devices_address_is_in_no_repr() -> None:
    assert "token" not in repr(Device("token", NOON, "token"))
