"""What a till took offline: booked once, as of when it was taken; what cannot be is a row with its cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest

from server.errors import Invalid, NotFound
from server.model.money import Money
from server.pipeline import offline, redeem, voiding
from server.pipeline.offline import Booked, KeyRevoked, KeyTaken, Sent, TooManyKeys, cost_of, instant_of
from server.store import budgets, late, passes, till_keys
from server.store.late import Held, Record
from server.store.pool import Connection
from server.store.redemptions import Purchase
from server.wallet import till_records
from server.web.codec import Instant
from tests.counter_rows import COFFEE, NO_PURCHASE, Scene, add_store, row_of, set_scene, steps_of, till
from tests.till_book import TillBook

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Counter(NamedTuple):
    """A till with its browser's book, in a scene."""

    db: Connection
    scene: Scene
    book: TillBook

    async def now(self) -> datetime:
        found: datetime = await self.db.fetchval("SELECT clock_timestamp()")
        return found

    async def send(self, record: Mapping[str, Any], *, grace: timedelta = DAY, store: UUID | None = None) -> Booked:
        """Book a record as the door does."""

        async def never(_: Connection, __: Record) -> UUID | None:
            return None

        async with self.db.transaction():
            return await offline.book(
                self.db, sent(self.book, record), store_id=store or self.scene.store_id, keyring=self.scene.keyring,
                now=await self.now(), grace=grace, earlier=never,
            )  # fmt: skip


def sent(book: TillBook, record: Mapping[str, Any]) -> Sent:
    amount = record.get("purchase", {}).get("amount", {})
    signed = till_records.Signed(
        UUID(str(book.key_id)), record["n"], record["prev"], UUID(record["id"]), record["scanned_at"], record["code"],
        amount.get("minor"), amount.get("currency"),
    )  # fmt: skip
    at = msgspec.convert(record["scanned_at"], Instant)
    return Sent(signed, record["signature"], at, Purchase(Money(**amount) if amount else None))


async def stand(db: Connection, folder: Path, *, uses: int = 1, **moment: Any) -> Counter:
    """A scene whose till has registered its browser."""
    scene, book = await set_scene(db, folder, uses=uses, **moment), TillBook()
    key, made = await offline.register(db, till=scene.till, public_key=book.public_key, most=5)
    assert made
    return Counter(db, scene, book.known_as(key.id))


async def test_a_record_becomes_a_redemption_and_sent_again_stays_one(db: Connection, tmp_path: Path) -> None:
    at = await stand(db, tmp_path)
    record = at.book.write(at.scene.code)
    first, second = await at.send(record), await at.send(record)
    assert first.outcome == second.outcome
    assert (first.outcome.outcome, first.outcome.uses_left, first.redeemed) == ("redeemed", 0, at.scene.serial)
    assert second.redeemed is None
    rows = await db.fetch("SELECT id, till_id, store_id FROM redemptions")
    assert [tuple(row) for row in rows] == [(first.outcome.redemption_id, at.scene.till.id, at.scene.store_id)]
    row = await row_of(db, at.scene.serial)
    assert (row["state"], row["uses_left"]) == ("redeemed", 0)
    assert ("redeemed", 1, 250, "EUR") in await steps_of(db, at.scene.moment_id)


async def test_what_another_till_redeemed_meanwhile_is_a_conflict_with_its_cost(db: Connection, tmp_path: Path) -> None:
    at = await stand(db, tmp_path)
    other = till(await add_store(db, name="Bahnhof"), name="key:other")
    done = await redeem.redeem(db, serial=at.scene.serial, till=other, purchase=NO_PURCHASE)
    booked = await at.send(at.book.write(at.scene.code))
    before = (COFFEE, done.redeemed_at, other.store_id, Money(250, "EUR"))
    assert booked.outcome == ("conflict", "already_redeemed", None, None, *before)
    [conflict] = await late.conflicts(db, store_id=at.scene.store_id, after=None, limit=5)
    assert (conflict.serial, conflict.against, conflict.outcome) == (at.scene.serial, "Bahnhof", booked.outcome)
    assert await late.conflicts(db, store_id=other.store_id, after=None, limit=5) == []
    assert await late.losses(db, store_id=None) == [(1, 250, "EUR")]
    assert await db.fetchval("SELECT count(*) FROM redemptions") == 1


async def test_a_pass_that_expired_before_the_record_came_is_booked_as_of_then(db: Connection, tmp_path: Path) -> None:
    at = await stand(db, tmp_path, reserved={"units": 1, "liability": 250})
    now = await at.now()
    await db.execute(
        "UPDATE passes SET valid_from = $1, valid_until = $2", now - timedelta(hours=3), now - timedelta(minutes=5)
    )
    async with db.transaction():
        assert await passes.expire(db, now=now, limit=5) == 1
    given_back = await budgets.read(db, offers=[at.scene.offer_id], places=[])
    too_late = await at.send(at.book.write(at.scene.code, at=now - timedelta(minutes=4)))
    assert (too_late.outcome.outcome, too_late.outcome.reason) == ("refused", "expired")
    in_time = await at.send(at.book.write(at.scene.code, at=now - timedelta(minutes=10)))
    assert in_time.outcome.outcome == "redeemed"
    spent = await budgets.read(db, offers=[at.scene.offer_id], places=[])
    before, after = given_back.offers[at.scene.offer_id], spent.offers[at.scene.offer_id]
    assert (after.units - before.units, after.liability_minor - before.liability_minor) == (1, 250)
    assert await db.fetchval("SELECT state FROM moments WHERE id = $1", at.scene.moment_id) == "redeemed"


async def test_beyond_the_grace_and_in_the_future_the_servers_time_decides(db: Connection, tmp_path: Path) -> None:
    at = await stand(db, tmp_path)
    now = await at.now()
    await db.execute("UPDATE passes SET valid_from = $1, valid_until = $2", now - 3 * HOUR, now - HOUR)
    old = await at.send(at.book.write(at.scene.code, at=now - 2 * HOUR), grace=HOUR)
    assert old.outcome.reason == "expired"
    await db.execute("UPDATE passes SET valid_from = $1, valid_until = $2", now + HOUR, now + 3 * HOUR)
    ahead = await at.send(at.book.write(at.scene.code, at=now + 2 * HOUR))
    assert ahead.outcome.reason == "not_yet_valid"


@pytest.mark.parametrize(("back", "expected"), [(0, 0), (3600, 3600), (3601, 0), (-1, 0)])
def test_the_word_of_a_till_counts_within_the_grace(back: int, expected: int) -> None:
    now = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
    found = instant_of(now - timedelta(seconds=back), now=now, grace=HOUR)
    assert found == now - timedelta(seconds=expected)


async def test_what_is_refused_says_why_and_what_it_cost(db: Connection, tmp_path: Path) -> None:
    at = await stand(db, tmp_path, reward=dict(COFFEE) | {"minimum_purchase": {"minor": 500, "currency": "EUR"}})
    small = await at.send(at.book.write(at.scene.code, amount={"minor": 499, "currency": "EUR"}))
    assert small.outcome[:2] == ("refused", "minimum_not_met")
    await db.execute("UPDATE passes SET places = $1", [await add_store(db)])
    enough = {"minor": 500, "currency": "EUR"}
    elsewhere = await at.send(at.book.write(at.scene.code, amount=enough))
    assert elsewhere.outcome[:2] == ("refused", "wrong_store")
    async with db.transaction():
        await voiding.void(db, serial=at.scene.serial, reason="stolen", actor="user:x", address=None, request_id=None)
    voided = await at.send(at.book.write(at.scene.code, amount=enough))
    assert voided.outcome[:2] == ("refused", "voided")
    nobodys = await at.send(at.book.write("0" * 48))
    assert nobodys.outcome[:2] == ("refused", "unknown_code")
    assert await late.losses(db, store_id=at.scene.store_id) == [(3, 750, "EUR"), (1, 0, None)]
    reasons = [each.outcome.reason for each in await late.conflicts(db, store_id=None, after=None, limit=9)]
    assert reasons == ["unknown_code", "voided", "wrong_store", "minimum_not_met"]


async def test_a_hold_and_wrong_codes_do_not_stand_in_the_way_of_what_was_given(db: Connection, tmp_path: Path) -> None:
    at = await stand(db, tmp_path)
    await db.execute("UPDATE passes SET held_by = 'key:other', held_until = clock_timestamp() + interval '1 minute'")
    await db.execute(
        "INSERT INTO wrong_codes (till_id, since, count) VALUES ($1, clock_timestamp(), 99)", at.scene.till.id
    )
    assert (await at.send(at.book.write(at.scene.code))).outcome.outcome == "redeemed"


@pytest.mark.parametrize(
    "change", [{"code": "0" * 48}, {"n": 2}, {"scanned_at": "2026-11-28T08:00:00Z"}, {"prev": "A" * 43}]
)
async def test_an_altered_record_changes_nothing(db: Connection, tmp_path: Path, change: Mapping[str, Any]) -> None:
    at = await stand(db, tmp_path)
    booked = await at.send(at.book.write(at.scene.code) | change)
    assert booked.outcome[:2] == ("refused", "bad_signature")
    assert await db.fetchval("SELECT count(*) FROM offline_redemptions") == 0
    assert (await row_of(db, at.scene.serial))["uses_left"] == 1
    assert await db.fetchval("SELECT last_n FROM till_keys") == 0


async def test_what_was_moved_is_refused_and_what_was_left_out_is_counted(db: Connection, tmp_path: Path) -> None:
    at = await stand(db, tmp_path, uses=5)
    one, two, three, four = (at.book.write(at.scene.code) for _ in range(4))
    assert (await at.send(one)).missing == 0
    gap = await at.send(four)
    assert (gap.outcome.outcome, gap.missing) == ("redeemed", 2)
    for back in (two, three):  # they come after all, but not in their place
        assert (await at.send(back)).outcome[:2] == ("refused", "chain_broken")
    assert (await at.send(one)).outcome.outcome == "redeemed"
    assert await db.fetchval("SELECT missing FROM till_keys") == 2
    at.book.n -= 1
    fork = at.book.write(at.scene.code)  # signed by the key, in the place of another one
    assert (await at.send(fork)).outcome[:2] == ("refused", "chain_broken")
    at.book.n, at.book.head = 4, "A" * 43
    assert (await at.send(at.book.write(at.scene.code))).outcome[:2] == ("refused", "chain_broken")
    assert await db.fetchval("SELECT count(*) FROM redemptions") == 2


async def test_keys_are_a_tills_own_and_counted(db: Connection, tmp_path: Path) -> None:
    at = await stand(db, tmp_path)
    again, made = await offline.register(db, till=at.scene.till, public_key=at.book.public_key, most=1)
    assert (again.id, made) == (at.book.key_id, False)
    with pytest.raises(TooManyKeys):
        await offline.register(db, till=at.scene.till, public_key=TillBook().public_key, most=1)
    other = till(await add_store(db), name="key:other")
    with pytest.raises(KeyTaken):
        await offline.register(db, till=other, public_key=at.book.public_key, most=5)
    for wrong in ("", "A" * 87, "!"):
        with pytest.raises(Invalid):
            await offline.register(db, till=other, public_key=wrong, most=5)
    record = at.book.write(at.scene.code)
    with pytest.raises(NotFound):
        await at.send(record, store=other.store_id)
    await till_keys.revoke(db, id=again.id)
    with pytest.raises(KeyRevoked):
        await at.send(record)
    with pytest.raises(KeyRevoked):
        await offline.register(db, till=at.scene.till, public_key=at.book.public_key, most=5)


@pytest.mark.parametrize(
    ("reward", "value", "amount", "expected"),
    [
        ({}, 250, None, Money(250, "EUR")),
        ({"percent": 12.5}, 0, Money(996, "CHF"), Money(125, "CHF")),  # 124.5
        ({"percent": 12.5}, 0, None, None),
        ({"percent": 12.5}, 300, Money(996, "CHF"), Money(300, "EUR")),
    ],
)
def test_what_one_use_costs(
    reward: Mapping[str, Any], value: int, amount: Money | None, expected: Money | None
) -> None:
    held = Held(UUID(int=1), "active", 0, json.loads(json.dumps(reward)), value, "EUR")
    assert cost_of(held, Purchase(amount)) == expected
