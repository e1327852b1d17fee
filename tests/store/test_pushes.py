"""Pushes: a row for each device, found when it is taken out; what is known of each just before it goes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.model.customer import Consents
from server.model.ids import bucket_of
from server.store import devices, moments, outbox, pushes
from server.store.devices import Device
from server.store.outbox import Leased
from server.store.pool import Connection, Pool
from server.store.pushes import Facts, Target
from tests.builders import after
from tests.outbox_rows import FOR_S
from tests.store.test_moments import KIM, row

NOW = after(minutes=2)
BROWSER = {"endpoint": "https://push.example/1", "keys": {"p256dh": "a", "auth": "b"}}
PHONE = Device("phone", "ios", push_token="apple-token")
TABLET = Device("tablet", "android", push_token="google-token")
LAPTOP = Device("laptop", "web", subscription=BROWSER)


async def register(db: Connection, *owned: Device, customer: UUID = KIM) -> None:
    for device in owned:
        async with db.transaction():
            await devices.put(db, customer_id=customer, device=device)


async def sign_up(db: Connection, **columns: Any) -> None:
    wanted = {"bucket": 77, "id": KIM, "time_zone": "Europe/Berlin", "push": True, "location": True} | columns
    await db.execute(
        f"INSERT INTO customers ({', '.join(wanted)}) VALUES ({', '.join(f'${n + 1}' for n in range(len(wanted)))})",
        *wanted.values(),
    )


async def offered(db: Connection) -> None:
    await db.execute(
        "INSERT INTO offers (id, name, status, version, document, author) VALUES ($1, 'coffee', 'live', 2, '{}', 'u')",
        row().offer_id,
    )


async def make(db: Connection, number: int = 1, **changes: Any) -> UUID:
    """Make a moment with its way out, and give the moment's id."""
    moment = row(number, **changes)
    await moments.insert(db, moments=[moment])
    return moment.id


async def rows(db: Connection) -> list[dict[str, Any]]:
    return [dict(each) for each in await db.fetch("SELECT * FROM deliveries ORDER BY way, device_id")]


async def test_a_push_gets_a_row_for_each_device_and_keeps_its_own_for_one(undone: Connection) -> None:
    await register(undone, PHONE, TABLET, LAPTOP)
    await make(undone)
    [before] = await rows(undone)
    assert await pushes.address(undone, limit=10, now=NOW) == {"apns": 1, "fcm": 1, "webpush": 1}
    after_ = await rows(undone)
    assert [(each["way"], each["device_id"]) for each in after_] == [
        ("apns", "phone"), ("fcm", "tablet"), ("webpush", "laptop"),
    ]  # fmt: skip
    assert before["id"] in {each["id"] for each in after_}
    assert len({each["id"] for each in after_}) == 3
    for name in ("bucket", "moment_id", "customer_id", "offer_id", "channel", "deliver_by", "created_at", "state"):
        assert {each[name] for each in after_} == {before[name]}
    assert {bucket_of(each["id"]) for each in after_} == {77}


async def test_who_has_no_device_gets_no_push_and_the_row_says_so(undone: Connection) -> None:
    await register(undone, Device("phone", "ios"))
    await make(undone)
    assert await pushes.address(undone, limit=10, now=NOW) == {}
    [row] = await rows(undone)
    assert (row["state"], row["reason"], row["finished_at"], row["way"]) == ("suppressed", "no_device", NOW, None)


async def test_a_device_whose_token_went_to_somebody_else_is_none(undone: Connection) -> None:
    await register(undone, PHONE)
    await register(undone, PHONE, customer=UUID(int=KIM.int + (1 << 90)))
    await make(undone)
    await pushes.address(undone, limit=10, now=NOW)
    assert [row["reason"] for row in await rows(undone)] == ["no_device"]


async def test_of_a_crowd_of_devices_the_newest_are_told(undone: Connection) -> None:
    for number in range(pushes.MOST_DEVICES + 3):
        await register(undone, Device(f"d{number:02}", "ios", push_token=f"t{number}"))
    # Within one transaction all are registered at the same time.
    await undone.execute(
        "UPDATE devices SET registered_at = registered_at + substr(device_id, 2)::int * interval '1 s'"
    )
    await make(undone)
    assert await pushes.address(undone, limit=10, now=NOW) == {"apns": pushes.MOST_DEVICES}
    told = {row["device_id"] for row in await rows(undone)}
    assert told == {f"d{number:02}" for number in range(3, pushes.MOST_DEVICES + 3)}


async def test_only_what_is_due_and_has_no_device_yet_is_addressed(undone: Connection) -> None:
    await register(undone, PHONE)
    await make(undone, 1)
    await make(undone, 2, channel="in_app")
    await make(undone, 5)
    assert await pushes.address(undone, limit=10, now=NOW) == {"apns": 1}
    assert await pushes.address(undone, limit=10, now=NOW) == {}
    assert await pushes.address(undone, limit=10, now=after(minutes=5)) == {"apns": 1}


async def test_two_who_address_at_once_make_no_row_twice(pool: Pool) -> None:
    async with pool.acquire() as db:
        await register(db, PHONE, TABLET)
        for number in range(1, 11):
            await make(db, number)

    async def one() -> None:
        async with pool.transaction() as db:
            await pushes.address(db, limit=4, now=after(hours=1))

    for _ in range(3):
        await asyncio.gather(one(), one())
    async with pool.acquire() as db:
        found = await db.fetch("SELECT moment_id, device_id FROM deliveries")
    assert len(found) == len({tuple(each) for each in found}) == 20


# --- what is known just before it goes --------------------------------------------------------------------------------


async def leased(db: Connection, way: str = "apns") -> list[Leased]:
    await pushes.address(db, limit=10, now=NOW)
    return await outbox.lease(db, channel="push", way=way, limit=10, now=NOW, for_s=FOR_S)


async def known(db: Connection) -> Facts:
    [mine] = await leased(db)
    return (await pushes.facts(db, leased=[mine]))[mine.id]


async def test_what_is_read_is_what_is_true_now(undone: Connection) -> None:
    await sign_up(undone, topics='{"coffee": false}')
    await register(undone, PHONE)
    await make(undone)
    facts = await known(undone)
    assert facts.consents == Consents(location=True, push=True, profiling=False)
    assert (facts.zone, facts.topics, facts.paused, facts.listening) == (
        "Europe/Berlin",
        {"coffee": False},
        False,
        False,
    )
    assert (facts.moment_state, facts.seen, facts.pressure) == ("created", False, "marketing")
    assert (facts.title, facts.body) == ("Kaffee — “heute”", "Bis 11 Uhr.")
    assert facts.action == {"type": "link", "url": "https://example.org"}
    assert facts.made_at == after(minutes=1)
    assert facts.target is not None
    assert (facts.target.platform, facts.target.push_token) == ("ios", "apple-token")


async def test_a_customer_who_left_and_an_offer_that_is_gone_are_told_as_that(undone: Connection) -> None:
    await register(undone, PHONE)
    await make(undone)
    facts = await known(undone)
    assert facts.consents is None
    assert facts.offer_status is None
    assert facts.collapse_key == "coffee"  # the offer's name, which is the default


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ("UPDATE programme SET paused = true", "paused", True),
        ("UPDATE moments SET state = 'expired'", "moment_state", "expired"),
        ("UPDATE moments SET state = 'opened', opened_at = now()", "seen", True),
        ("UPDATE moments SET dismissed_at = now()", "seen", True),
        ("UPDATE devices SET disabled_at = now()", "target", None),
        ("UPDATE devices SET push_token = NULL", "target", None),
        ("DELETE FROM devices", "target", None),
        ("UPDATE customers SET push = false", "consents", Consents(location=True)),
        ("UPDATE customer_state SET stream_until = clock_timestamp() + interval '9 s'", "listening", True),
        ("UPDATE customer_state SET stream_until = clock_timestamp() - interval '9 s'", "listening", False),
        ("UPDATE offers SET status = 'paused'", "offer_status", "paused"),
    ],
)
async def test_a_change_after_the_decision_is_seen(undone: Connection, change: str, field: str, value: object) -> None:
    await sign_up(undone)
    await undone.execute("INSERT INTO customer_state (bucket, customer_id) VALUES (77, $1)", KIM)
    await offered(undone)
    await register(undone, PHONE)
    await make(undone)
    [mine] = await leased(undone)
    assert getattr((await pushes.facts(undone, leased=[mine]))[mine.id], field) != value or field == "listening"
    await undone.execute(change)
    assert getattr((await pushes.facts(undone, leased=[mine]))[mine.id], field) == value


async def test_what_makes_two_pushes_one_is_the_word_of_the_version_that_was_told(undone: Connection) -> None:
    await offered(undone)
    for version, word in ((1, "old"), (2, "told"), (3, "newer")):
        await undone.execute(
            "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, $2, $3, 'u')",
            row().offer_id, version, f'{{"moment": {{"collapse_key": "{word}"}}}}',
        )  # fmt: skip
    await register(undone, PHONE)
    await make(undone)
    assert (await known(undone)).collapse_key == "told"


def test_an_address_is_in_no_repr() -> None:
    said = repr(Target("ios", NOW, "apple-token", BROWSER))
    assert "apple-token" not in said
    assert "push.example" not in said


# --- counted as delivered ---------------------------------------------------------------------------------------------


async def test_the_first_device_that_was_reached_steps_the_moment_on(undone: Connection) -> None:
    moment = await make(undone)
    assert await pushes.reached(undone, moments=[(77, moment), (77, moment)], now=NOW) == [moment]
    assert await pushes.reached(undone, moments=[(77, moment)], now=NOW + timedelta(seconds=1)) == []
    stored = await undone.fetchrow("SELECT state, delivered_at FROM moments")
    assert tuple(stored) == ("delivered", NOW)
    assert [each["state"] for each in await rows(undone)] == ["queued"]  # other devices are still told


@pytest.mark.parametrize("state", ["opened", "dismissed", "expired", "redeemed"])
async def test_a_moment_that_is_further_on_stays_there(undone: Connection, state: str) -> None:
    moment = await make(undone)
    await undone.execute("UPDATE moments SET state = $1", state)
    assert await pushes.reached(undone, moments=[(77, moment)], now=NOW) == []
    assert await undone.fetchval("SELECT state FROM moments") == state
