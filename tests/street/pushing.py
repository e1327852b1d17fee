"""Pushes under trouble (P11): who waits for one, servers that send and are killed, and what must have come of it.

The suite runs it small (test_outbox.py), `bench.outbox` at its full size.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.model.ids import bucket_of, moment_id
from server.store import moments
from server.store.ids import new_id
from server.store.pool import Connection
from tests.counter_rows import add_offer
from tests.standins._orders import Orders
from tests.standins.apns import Apns, Key, Seen
from tests.standins.fcm import Fcm
from tests.store.test_moments import row as moment_row
from tests.street.process import ServerProcess

TOPIC, KEY_ID, TEAM_ID = "de.lindenquell.app", "ABC123DEFG", "DEF123GHIJ"
TOOK = ("", "cut")
"""What Apple took: also where the connection was cut before we heard so."""


@dataclass(frozen=True)
class Waiting:
    """Somebody's moment that is to be pushed, and their phone's token."""

    customer: UUID
    moment: UUID
    token: str
    deliver_by: datetime


@dataclass
class Crowd:
    """Who waits. `withdrawn` took their consent back since; what is `late` is over; the tokens of `gone` died after they
    were registered, those of `revived` before."""

    wanted: list[Waiting] = field(default_factory=list)
    withdrawn: list[Waiting] = field(default_factory=list)
    late: list[Waiting] = field(default_factory=list)
    gone: list[Waiting] = field(default_factory=list)
    revived: list[Waiting] = field(default_factory=list)

    @property
    def everybody(self) -> list[Waiting]:
        return [*self.wanted, *self.withdrawn, *self.late, *self.gone, *self.revived]


async def gather_androids(db: Connection, *, wanted: int, gone: int) -> tuple[list[Waiting], list[Waiting]]:
    """Sign customers up with an Android phone each, and decide moments for them; the apps of the second ones were removed."""
    offer, now = await add_offer(db, name="tea"), datetime.now(UTC)
    people = [_somebody(offer, now + timedelta(hours=1)) for _ in range(wanted + gone)]
    await _sign_up(db, people, platform="android")
    async with db.transaction():
        await moments.insert(db, moments=[_moment(each, offer, now) for each in people])
    return people[:wanted], people[wanted:]


async def gather(db: Connection, *, wanted: int, others: int) -> Crowd:
    """Sign customers up with a phone each, and decide moments for them; `others` of each other kind."""
    crowd, offer, now = Crowd(), await add_offer(db, name="coffee"), datetime.now(UTC)
    hour, past = now + timedelta(hours=1), now - timedelta(seconds=1)
    for kind, count, until in (
        (crowd.wanted, wanted, hour), (crowd.withdrawn, others, hour), (crowd.late, others, past),
        (crowd.gone, others, hour), (crowd.revived, others, hour),
    ):  # fmt: skip
        kind += [_somebody(offer, until) for _ in range(count)]
    everybody = crowd.everybody
    await _sign_up(db, everybody)
    for begin in range(0, len(everybody), 500):
        async with db.transaction():
            await moments.insert(db, moments=[_moment(each, offer, now) for each in everybody[begin : begin + 500]])
    await db.execute(
        "UPDATE customers SET push = false WHERE id = ANY ($1)", [each.customer for each in crowd.withdrawn]
    )
    return crowd


def _somebody(offer: UUID, until: datetime) -> Waiting:
    customer = new_id()
    return Waiting(customer, moment_id(customer, offer, new_id()), os.urandom(32).hex(), until)


async def _sign_up(db: Connection, people: Sequence[Waiting], *, platform: str = "ios") -> None:
    await db.executemany(
        "INSERT INTO customers (bucket, id, time_zone, location, push, profiling)"
        " VALUES ($1, $2, 'Europe/Berlin', true, true, true)",
        [(bucket_of(each.customer), each.customer) for each in people],
    )
    await db.executemany(
        "INSERT INTO devices (bucket, customer_id, device_id, platform, push_token) VALUES ($1, $2, 'phone', $4, $3)",
        [(bucket_of(each.customer), each.customer, each.token, platform) for each in people],
    )


def _moment(each: Waiting, offer: UUID, now: datetime) -> moments.MomentRow:
    whole = moment_row(
        bucket=bucket_of(each.customer), id=each.moment, customer_id=each.customer, offer_id=offer, offer_version=1
    )
    made = min(now, each.deliver_by - timedelta(minutes=5))
    return replace(whole, created_at=made, deliver_by=each.deliver_by, reserved=None)


def apples(folder: Path, crowd: Crowd, *, delay_s: float, troubled: bool = True) -> Apns:
    """Apple as the promise has it: of its answers 5 % are 503, 2 % 429, and 1 % are lost after the push was taken."""
    private = ec.generate_private_key(ec.SECP256R1())
    p8 = folder / "key.p8"
    p8.touch(mode=0o600)
    p8.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    apple = Apns(folder, keys={KEY_ID: Key(private.public_key(), TEAM_ID)})
    apple.orders.delay_s, apple.orders.retry_after = delay_s, "1"
    if troubled:
        apple.orders.shares = {"ServiceUnavailable": 0.05, "TooManyRequests": 0.02, "cut": 0.01}
    ahead, ago = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(days=9)
    for people, since in ((crowd.gone, ahead), (crowd.revived, ago)):
        apple.orders.gone |= {each.token: int(since.timestamp() * 1000) for each in people}
    return apple


def firebase_for(gone: Sequence[Waiting], *, delay_s: float) -> Fcm:
    """Firebase under the same trouble."""
    shares = {"UNAVAILABLE": 0.05, "QUOTA_EXCEEDED": 0.02, "cut": 0.01}
    orders = Orders(shares=shares, delay_s=delay_s, retry_after="1")
    return Fcm(orders=orders, gone={each.token for each in gone})


class Reached(Protocol):
    """An APNs as far as a server must know it."""

    url: str
    ca_file: Path


def environment(folder: Path, data_dir: Path, apple: Reached, *, at_once: int, lease_s: float = 2.0) -> dict[str, str]:
    """A server's settings: it sends to this Apple, day and night."""
    given = {
        "mode": "test", "data_dir": data_dir, "server__metrics_port": -1, "quiet_hours__to": "21:00",
        "apns__base_url": apple.url, "apns__ca_file": apple.ca_file, "apns__topic": TOPIC,
        "apns__key_file": folder / "key.p8", "apns__key_id": KEY_ID, "apns__team_id": TEAM_ID,
        "outbox__apns_at_once": at_once, "outbox__lease_s": lease_s, "outbox__first_retry_s": 0.2,
        "outbox__longest_retry_s": 1.0, "outbox__attempts": 40,
    }  # fmt: skip
    return {f"KAIROS__{name.upper()}": str(value) for name, value in given.items()}


def with_firebase(folder: Path, firebase: Fcm, *, at_once: int) -> dict[str, str]:
    """What a server's settings have beside that."""
    given = {
        "fcm__base_url": firebase.url, "fcm__service_account_file": firebase.write_account(folder / "firebase.json"),
        "outbox__fcm_at_once": at_once,
    }  # fmt: skip
    return {f"KAIROS__{name.upper()}": str(value) for name, value in given.items()}


async def until(apple: Apns, count: int) -> None:
    """Wait until Apple has seen so many requests."""
    async with asyncio.timeout(300):
        while len(apple.seen) < count:
            await asyncio.sleep(0.01)


async def kill(server: ServerProcess) -> None:
    """Kill -9, and start another one."""
    await server.kill()
    await server.start()


async def ended(db: Connection, crowd: Crowd) -> None:
    """Wait until every push is over, but those that Apple calls dead though they are not: they have been tried thrice."""
    open_ = """
        SELECT count(*) FROM deliveries WHERE channel = 'push'
          AND CASE WHEN moment_id = ANY ($1) THEN attempts < 3 ELSE state IN ('queued', 'leased') END
    """
    revived = [each.moment for each in crowd.revived]
    async with asyncio.timeout(300):
        while await db.fetchval(open_, revived):
            await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Judged:
    """What came of it: pushes that Apple took; how often one was sent again that it had taken, how often of those since its
    connection was cut; and how often a kill may be the reason."""

    taken: int
    twice: int
    by_cuts: int
    by_kills_at_most: int


async def judge(db: Connection, crowd: Crowd, seen: Sequence[Seen], *, in_flight: int) -> Judged:
    """Compare what Apple saw with what is stored. `in_flight`: so many may have been under way when somebody was killed."""
    rows = {row["moment_id"]: dict(row) for row in await db.fetch("SELECT * FROM deliveries WHERE channel = 'push'")}
    by_token: dict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        by_token[each.token].append(each)
    for each in crowd.wanted:
        told = by_token[each.token]
        assert any(one.reason in TOOK for one in told), "a push was lost"
        assert rows[each.moment]["state"] == "delivered"
        _same(told, rows[each.moment]["id"], each)
    for kind, state, reason in (
        (crowd.withdrawn, "suppressed", "no_consent_push"), (crowd.late, "expired", "too_late"),
    ):  # fmt: skip
        assert not [each for each in kind if each.token in by_token], f"{reason} was pushed"
        assert {(rows[each.moment]["state"], rows[each.moment]["reason"]) for each in kind} <= {
            (state, reason), ("expired", "undelivered"),
        }  # fmt: skip
    await _judge_addresses(db, crowd, rows, by_token)
    phones = {each.token for each in crowd.wanted}
    took = Counter(each.headers["apns-id"] for each in seen if each.reason in TOOK and each.token in phones)
    again = _again(crowd, by_token)
    # With a connection all answers are lost that were on their way on it.
    cut = {each.connection for each in seen if each.reason == "cut"}
    killed = [each for each in again if each.connection not in cut]
    assert len(killed) <= in_flight, "more was sent twice than kills and cuts explain"
    return Judged(len(took), len(again), len(again) - len(killed), in_flight)


def _again(crowd: Crowd, by_token: Mapping[str, Sequence[Seen]]) -> list[Seen]:
    """List what Apple took and was sent once more nevertheless: whose answer we did not hear, or forgot."""
    took = ([one for one in by_token[each.token] if one.reason in TOOK] for each in crowd.wanted)
    return [one for each in took for one in each[:-1]]


async def judge_androids(
    db: Connection, wanted: Sequence[Waiting], gone: Sequence[Waiting], firebase: Fcm, *, in_flight: int
) -> None:
    """Compare what Firebase saw with what is stored: the same promise, but that Firebase knows no ids itself."""
    rows = {row["moment_id"]: dict(row) for row in await db.fetch("SELECT * FROM deliveries WHERE channel = 'push'")}
    taken = Counter(each.token for each in firebase.taken)
    for each in wanted:
        assert taken[each.token], "a push was lost"
        assert rows[each.moment]["state"] == "delivered"
        told = [one.message for one in firebase.seen if one.token == each.token]
        ids = {(one["data"]["delivery_id"], one["data"]["moment_id"], one["android"]["collapse_key"]) for one in told}
        assert {(one[0], one[1]) for one in ids} == {(str(rows[each.moment]["id"]), str(each.moment))}
        assert len(ids) == 1, "a try had other ids than the one before"
        assert all(0 <= int(one["android"]["ttl"][:-1]) <= 3600 for one in told)
    cuts = sum(1 for each in firebase.seen if each.word == "cut")
    assert sum(taken.values()) - len(taken) <= in_flight + cuts, "more was sent twice than kills and cuts explain"
    tokens = [each.token for each in gone]
    assert not taken.keys() & set(tokens)
    assert await db.fetchval("SELECT count(*) FROM devices WHERE push_token = ANY ($1)", tokens) == 0
    assert {rows[each.moment]["reason"] for each in gone} == {"gone"}


def _same(told: Sequence[Seen], identifier: UUID, each: Waiting) -> None:
    """Over all tries one id, one collapse id, one end."""
    names = ("apns-id", "apns-collapse-id", "apns-expiration", "apns-topic", "apns-push-type")
    heads = {tuple(one.headers.get(name) for name in names) for one in told}
    assert len(heads) == 1, "a try had other ids than the one before"
    [(apns_id, _, expiration, topic, kind)] = heads
    assert (UUID(apns_id), topic, kind) == (identifier, TOPIC, "alert")
    assert abs(int(expiration or 0) - each.deliver_by.timestamp()) <= 1


async def _judge_addresses(
    db: Connection, crowd: Crowd, rows: Mapping[UUID, Mapping[str, object]], seen: Mapping[str, Sequence[Seen]]
) -> None:
    """A token that died after it was registered is off; one that died before is on, and its push is tried again."""
    for kind, alive in ((crowd.gone, 0), (crowd.revived, len(crowd.revived))):
        tokens = [each.token for each in kind]
        assert await db.fetchval("SELECT count(*) FROM devices WHERE push_token = ANY ($1)", tokens) == alive
    assert {rows[each.moment]["reason"] for each in crowd.gone} == {"gone"}
    for each in crowd.gone:
        assert {one.headers["apns-id"] for one in seen[each.token]} == {str(rows[each.moment]["id"])}
    assert all(seen[each.token] for each in crowd.revived)
    assert {rows[each.moment]["state"] for each in crowd.revived} <= {"queued", "leased", "dead"}
