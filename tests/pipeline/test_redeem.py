"""At the counter: exactly once under every race, each refusal by its name, and nothing written where nothing was done."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.errors import NotFound, Refusal, Unavailable
from server.model.money import Money
from server.pipeline import redeem
from server.pipeline.redeem import (
    AlreadyRedeemed,
    AlreadyReversed,
    Expired,
    Held,
    MinimumNotMet,
    TooLate,
    UnknownCode,
    Voided,
    WrongCodes,
    WrongStore,
)
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.store.redemptions import Purchase, Redeemed, Till
from tests.counter_rows import (
    COFFEE,
    NO_PURCHASE,
    SINCE,
    Scene,
    add_store,
    gathered,
    row_of,
    set_scene,
    steps_of,
    till,
)

WINDOW = timedelta(minutes=15)


async def use(db: Connection, scene: Scene, *, by: Till | None = None, purchase: Purchase = NO_PURCHASE) -> Redeemed:
    async with db.transaction():
        return await redeem.redeem(db, serial=scene.serial, till=by or scene.till, purchase=purchase)


async def give_back(db: Connection, redemption_id: UUID, store_id: UUID | None, **changes: Any) -> redeem.Reversed:
    given: dict[str, Any] = {"window": WINDOW, "actor": "key:till-1", "reason": "changed their mind"} | changes
    async with db.transaction():
        return await redeem.reverse(db, redemption_id=redemption_id, store_id=store_id, **given)


async def spend(pool: Pool, scene: Scene, number: int) -> Redeemed:
    async with pool.transaction() as db:
        by = till(scene.store_id, name=f"key:till-{number}")
        return await redeem.redeem(db, serial=scene.serial, till=by, purchase=NO_PURCHASE)


async def test_a_code_becomes_a_redemption(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    assert redeem.scan_of(scene.code, keyring=scene.keyring, now=SINCE) == (scene.serial, None)
    done = await use(db, scene)
    assert (done.serial, done.uses_left, done.store_id) == (scene.serial, 0, scene.store_id)
    assert done.reward["type"] == "free_item"
    assert await db.fetchval("SELECT count(*) FROM redemptions") == 1


async def test_all_that_belongs_to_it_is_written_with_it(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await use(db, scene, purchase=Purchase(Money(480, "EUR"), "R-1"))
    ledger = dict(await db.fetchrow("SELECT * FROM redemptions"))
    assert ledger["id"] == done.id
    assert (ledger["use_no"], ledger["uses_left"], ledger["order_id"], ledger["amount_minor"]) == (1, 0, "R-1", 480)
    assert (ledger["value_minor"], ledger["currency"], ledger["till_id"]) == (250, "EUR", "key:till-1")
    moment = await db.fetchrow("SELECT state, redeemed_at FROM moments")
    assert tuple(moment) == ("redeemed", done.redeemed_at)
    event = await db.fetchrow("SELECT name, offer, at, customer_id FROM customer_events")
    assert tuple(event) == ("redemption", "coffee-morning", done.redeemed_at, scene.customer_id)
    assert await steps_of(db, scene.moment_id) == [("passes", 1, 0, ""), ("redeemed", 1, 250, "EUR")]
    row = await row_of(db, scene.serial)
    assert (row["state"], row["uses_left"], row["uses_made"], row["tag"]) == ("redeemed", 0, 1, -1)


async def test_the_second_time_says_when_and_where(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await use(db, scene)
    with pytest.raises(AlreadyRedeemed) as caught:
        await use(db, scene)
    assert caught.value.extra == {"redeemed_at": done.redeemed_at, "store_id": scene.store_id}
    assert caught.value.status == 409


async def test_of_sixty_tills_at_once_one_gets_it(db: Connection, pool: Pool, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    answers = await gathered(*(spend(pool, scene, number) for number in range(60)))
    assert sum(isinstance(answer, Redeemed) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyRedeemed) for answer in answers) == 59
    assert await db.fetchval("SELECT count(*) FROM redemptions") == 1
    assert await db.fetchval("SELECT count(*) FROM funnel_facts WHERE step = 'redeemed'") == 1


async def test_five_uses_are_five_and_numbered_without_a_gap(db: Connection, pool: Pool, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=5)
    answers = await gathered(*(spend(pool, scene, number) for number in range(30)))
    done = [answer for answer in answers if isinstance(answer, Redeemed)]
    assert sorted(each.uses_left for each in done) == [0, 1, 2, 3, 4]
    numbers = await db.fetch("SELECT use_no, uses_left FROM redemptions ORDER BY use_no")
    assert [tuple(row) for row in numbers] == [(1, 4), (2, 3), (3, 2), (4, 1), (5, 0)]


async def test_five_hundred_readings_of_one_reward_from_three_carriers_give_one(
    db: Connection, pool: Pool, tmp_path: Path
) -> None:
    """Apple's file, the app's screen and a slip typed by hand carry the same code in three spellings."""
    scene = await set_scene(db, tmp_path)
    carriers = [scene.code, scene.code.lower(), "-".join(scene.code[at : at + 6] for at in range(0, 48, 6))]

    async def scan(number: int) -> Redeemed:
        serial = redeem.scan_of(carriers[number % 3], keyring=scene.keyring, now=SINCE).serial
        for _ in range(100):  # a busy machine turns some away; a till asks again
            with contextlib.suppress(Unavailable):
                async with pool.transaction() as own:
                    by = till(scene.store_id, name=f"key:till-{number}")
                    return await redeem.redeem(own, serial=serial, till=by, purchase=NO_PURCHASE)
            await asyncio.sleep(0.05)
        raise AssertionError("never answered")

    answers: list[Any] = []
    for start in range(0, 501, 60):
        answers += await gathered(*(scan(number) for number in range(start, min(start + 60, 501))))
    assert sum(isinstance(answer, Redeemed) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyRedeemed) for answer in answers) == 500


async def test_a_pass_of_several_uses_is_used_up_only_by_the_last(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    await use(db, scene)
    assert await db.fetchval("SELECT state FROM moments") == "accepted"
    assert (await row_of(db, scene.serial))["state"] == "active"
    await use(db, scene)
    assert await db.fetchval("SELECT state FROM moments") == "redeemed"


@pytest.mark.parametrize("forged", ["", "0" * 48, "not a code", "A" * 48])
async def test_a_forged_code_is_unknown_without_a_database(tmp_path: Path, forged: str) -> None:
    from tests.counter_rows import the_desk

    _, keyring = the_desk(tmp_path)
    with pytest.raises(UnknownCode):
        redeem.scan_of(forged, keyring=keyring, now=SINCE)


async def test_a_genuine_code_of_no_pass_is_unknown_in_the_same_words(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    with pytest.raises(UnknownCode) as nobodys:
        async with db.transaction():
            await redeem.redeem(db, serial=new_id(), till=scene.till, purchase=NO_PURCHASE)
    with pytest.raises(UnknownCode) as forged:
        redeem.scan_of("0" * 48, keyring=scene.keyring, now=SINCE)
    assert (nobodys.value.detail, nobodys.value.reason) == (forged.value.detail, forged.value.reason)


async def refused(db: Connection, scene: Scene, *, by: Till | None = None, purchase: Purchase = NO_PURCHASE) -> Refusal:
    """The refusal that a redemption meets, which `check` and `rehearse` say too, and which writes nothing."""
    before = await row_of(db, scene.serial)
    with pytest.raises(Refusal) as caught:
        await use(db, scene, by=by, purchase=purchase)
    with pytest.raises(Refusal) as rehearsed:
        await redeem.rehearse(db, serial=scene.serial, till=by or scene.till, purchase=purchase)
    checked = await redeem.check(db, serial=scene.serial, till=by or scene.till, purchase=purchase)
    assert checked.refusal is not None
    assert {type(caught.value), type(rehearsed.value), type(checked.refusal)} == {type(caught.value)}
    assert await row_of(db, scene.serial) == before
    return caught.value


async def set_pass(db: Connection, scene: Scene, sets: str) -> None:
    await db.execute(f"UPDATE passes SET {sets} WHERE serial = $1", scene.serial)


async def test_another_store_is_told_so(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    other = await add_store(db, name="Bahnhof")
    await db.execute("UPDATE passes SET places = ARRAY[$1::uuid]", scene.store_id)
    refusal = await refused(db, scene, by=till(other))
    assert isinstance(refusal, WrongStore)
    assert (refusal.status, refusal.reason) == (403, "wrong_store")
    assert (await use(db, scene)).uses_left == 0


async def test_a_tag_opens_the_stores_that_have_it_now(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, redeem_at={"tag": "cafe"})
    assert isinstance(await refused(db, scene), WrongStore)
    await db.execute("UPDATE stores SET tags = ARRAY['store', 'cafe'] WHERE id = $1", scene.store_id)
    assert (await use(db, scene)).store_id == scene.store_id


async def test_before_its_time_is_too_early(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await set_pass(db, scene, "valid_from = clock_timestamp() + interval '1 hour'")
    refusal = await refused(db, scene)
    assert (refusal.status, refusal.reason) == (425, "not_yet_valid")
    assert "valid_from" in refusal.extra


async def test_after_its_time_is_gone_whether_or_not_a_job_has_run(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await set_pass(db, scene, "valid_until = clock_timestamp() - interval '1 millisecond'")
    refusal = await refused(db, scene)
    assert isinstance(refusal, Expired)
    assert (refusal.status, refusal.reason) == (410, "expired")
    await set_pass(db, scene, "state = 'expired'")
    assert isinstance(await refused(db, scene), Expired)


async def test_a_voided_one_is_gone(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await set_pass(db, scene, "state = 'voided'")
    refusal = await refused(db, scene)
    assert isinstance(refusal, Voided)
    assert (refusal.status, refusal.reason) == (410, "voided")


@pytest.mark.parametrize(
    "purchase", [NO_PURCHASE, Purchase(Money(1999, "EUR")), Purchase(Money(5000, "USD")), Purchase(None, "R-1")]
)
async def test_too_small_a_purchase_is_told_what_it_lacks(db: Connection, tmp_path: Path, purchase: Purchase) -> None:
    reward = dict(COFFEE) | {"minimum_purchase": {"minor": 2000, "currency": "EUR"}}
    scene = await set_scene(db, tmp_path, reward=reward)
    refusal = await refused(db, scene, purchase=purchase)
    assert isinstance(refusal, MinimumNotMet)
    assert (refusal.status, refusal.reason) == (422, "minimum_not_met")
    assert [error.field for error in refusal.errors] == ["purchase.amount"]
    assert (await use(db, scene, purchase=Purchase(Money(2000, "EUR")))).uses_left == 0


async def test_a_percentage_is_worth_what_was_bought(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, reward={"type": "percent", "percent": 12.5}, value_minor=0, currency=None)
    await use(db, scene, purchase=Purchase(Money(1999, "CHF")))
    assert tuple(await db.fetchrow("SELECT value_minor, currency FROM redemptions")) == (250, "CHF")
    assert (await steps_of(db, scene.moment_id))[-1] == ("redeemed", 1, 250, "CHF")


async def test_a_percentage_without_a_purchase_has_no_value(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, reward={"type": "percent", "percent": 12.5}, value_minor=0, currency=None)
    await use(db, scene)
    assert tuple(await db.fetchrow("SELECT value_minor, currency FROM redemptions")) == (0, None)


async def test_an_erased_customers_pass_leaves_no_event_and_no_fact(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute("UPDATE passes SET customer_id = NULL")
    await db.execute("UPDATE moments SET customer_id = NULL")
    await use(db, scene)
    assert await db.fetchval("SELECT count(*) FROM customer_events") == 0
    assert await db.fetchval("SELECT count(*) FROM redemptions") == 1


async def test_a_rehearsal_answers_the_same_and_stores_nothing(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=3)
    before = await row_of(db, scene.serial)
    said = await redeem.rehearse(db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)
    assert await row_of(db, scene.serial) == before
    done = await use(db, scene)
    assert (said.serial, said.reward, said.uses_left, said.store_id) == (
        done.serial,
        done.reward,
        done.uses_left,
        done.store_id,
    )
    assert await db.fetchval("SELECT count(*) FROM redemptions") == 1


async def test_a_hold_keeps_the_pass_for_one_till(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    here, there = till(scene.store_id, name="key:a"), till(scene.store_id, name="key:b")
    held = await redeem.check(db, serial=scene.serial, till=here, purchase=NO_PURCHASE, hold=timedelta(minutes=2))
    assert held.refusal is None
    assert held.held_until is not None
    refusal = await refused(db, scene, by=there)
    assert isinstance(refusal, Held)
    assert (refusal.status, refusal.reason) == (409, "held")
    assert (await use(db, scene, by=here)).uses_left == 0


async def test_a_hold_that_has_ended_keeps_nobody_away(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await set_pass(db, scene, "held_by = 'key:a', held_until = clock_timestamp() - interval '1 second'")
    assert (await use(db, scene, by=till(scene.store_id, name="key:b"))).uses_left == 0


async def test_a_hold_of_another_till_cannot_be_taken_over(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    minute = timedelta(minutes=1)
    await redeem.check(
        db, serial=scene.serial, till=till(scene.store_id, name="key:a"), purchase=NO_PURCHASE, hold=minute
    )
    second = await redeem.check(
        db, serial=scene.serial, till=till(scene.store_id, name="key:b"), purchase=NO_PURCHASE, hold=minute
    )
    assert isinstance(second.refusal, Held)
    assert (await row_of(db, scene.serial))["held_by"] == "key:a"


async def test_of_many_tills_that_hold_at_once_one_does(db: Connection, pool: Pool, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)

    async def hold(number: int) -> redeem.Checked:
        async with pool.transaction() as own:
            by = till(scene.store_id, name=f"key:{number}")
            minute = timedelta(minutes=1)
            return await redeem.check(own, serial=scene.serial, till=by, purchase=NO_PURCHASE, hold=minute)

    checked = await asyncio.gather(*(hold(number) for number in range(30)))
    assert sum(each.held_until is not None for each in checked) == 1
    assert sum(isinstance(each.refusal, Held) for each in checked) == 29


async def test_a_check_without_a_hold_changes_nothing(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    before = await row_of(db, scene.serial)
    checked = await redeem.check(db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)
    assert (checked.refusal, checked.held_until) == (None, None)
    assert await row_of(db, scene.serial) == before


async def test_what_cannot_be_redeemed_is_not_held(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await set_pass(db, scene, "state = 'voided'")
    checked = await redeem.check(
        db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE, hold=timedelta(minutes=1)
    )
    assert isinstance(checked.refusal, Voided)
    assert (await row_of(db, scene.serial))["held_by"] is None


async def test_thirty_wrong_codes_are_too_many_for_good_ones_too(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    by = till(scene.store_id, name="key:guesser", wrong_codes=3)
    answers = [await redeem.mistyped(db, till=by) for _ in range(4)]
    assert answers[:3] == [None] * 3
    assert isinstance(answers[3], WrongCodes)
    assert 0 < (answers[3].retry_after_s or 0) <= 60
    with pytest.raises(WrongCodes) as caught:
        await use(db, scene, by=by)
    assert 0 < (caught.value.retry_after_s or 0) <= 60
    with pytest.raises(WrongCodes):
        await redeem.check(db, serial=scene.serial, till=by, purchase=NO_PURCHASE)
    assert (await use(db, scene)).uses_left == 0  # another till is not concerned


async def test_a_minute_later_the_till_may_go_on(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    by = till(scene.store_id, name="key:guesser", wrong_codes=2)
    for _ in range(5):
        await redeem.mistyped(db, till=by)
    await db.execute("UPDATE wrong_codes SET since = since - interval '1 minute'")
    assert (await use(db, scene, by=by)).uses_left == 0
    assert await redeem.mistyped(db, till=by) is None


async def test_a_reversal_gives_the_use_back_with_all_that_belonged_to_it(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await use(db, scene)
    back = await give_back(db, done.id, scene.store_id)
    assert (back.redemption_id, back.serial, back.uses_left) == (done.id, scene.serial, 1)
    row = await row_of(db, scene.serial)
    assert (row["state"], row["uses_left"], row["uses_made"]) == ("active", 1, 1)
    assert tuple(await db.fetchrow("SELECT state, redeemed_at FROM moments")) == ("accepted", None)
    assert await db.fetchval("SELECT count(*) FROM customer_events") == 0
    assert await steps_of(db, scene.moment_id) == [
        ("passes", 1, 0, ""),
        ("redeemed", 1, 250, "EUR"),
        ("redeemed", -1, 250, "EUR"),
    ]


async def test_what_was_given_back_can_be_used_again_under_the_next_number(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await give_back(db, (await use(db, scene)).id, scene.store_id)
    await use(db, scene)
    rows = await db.fetch("SELECT use_no, uses_left FROM redemptions ORDER BY use_no")
    assert [tuple(row) for row in rows] == [(1, 0), (2, 0)]
    with pytest.raises(AlreadyRedeemed):
        await use(db, scene)


async def test_a_redemption_is_reversed_once(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=3)
    done = await use(db, scene)
    await give_back(db, done.id, scene.store_id)
    with pytest.raises(AlreadyReversed) as caught:
        await give_back(db, done.id, scene.store_id)
    assert (caught.value.status, caught.value.reason) == (409, "already_reversed")
    assert (await row_of(db, scene.serial))["uses_left"] == 3


async def test_of_many_reversals_at_once_one_counts(db: Connection, pool: Pool, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=3)
    done = await use(db, scene)

    async def back() -> redeem.Reversed:
        async with pool.transaction() as own:
            return await redeem.reverse(
                own, redemption_id=done.id, store_id=scene.store_id, window=WINDOW, actor="key:a", reason="race"
            )

    answers = await gathered(*(back() for _ in range(30)))
    assert sum(isinstance(answer, redeem.Reversed) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyReversed) for answer in answers) == 29
    assert (await row_of(db, scene.serial))["uses_left"] == 3


async def test_another_store_does_not_find_the_redemption(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await use(db, scene)
    for identifier, store in ((done.id, await add_store(db)), (new_id(), scene.store_id), (new_id(), None)):
        with pytest.raises(NotFound):
            await give_back(db, identifier, store)


async def test_after_the_window_an_admin_still_can_and_is_written_down(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await use(db, scene)
    with pytest.raises(TooLate) as caught:
        await give_back(db, done.id, scene.store_id, window=timedelta(0))
    assert caught.value.status == 403
    assert await db.fetchval("SELECT count(*) FROM audit") == 0
    await give_back(db, done.id, None, window=timedelta(0), actor="user:boss")
    audited = await db.fetchrow("SELECT actor, action, object FROM audit")
    assert tuple(audited) == ("user:boss", "redemption.reverse", f"redemption:{done.id}")


async def test_a_voided_pass_stays_voided_when_its_use_comes_back(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    done = await use(db, scene)
    await set_pass(db, scene, "state = 'voided'")
    assert (await give_back(db, done.id, scene.store_id)).uses_left == 2
    assert (await row_of(db, scene.serial))["state"] == "voided"
    with pytest.raises(Voided):
        await use(db, scene)


async def test_a_use_that_comes_back_after_the_end_cannot_be_made_again(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await use(db, scene)
    await set_pass(db, scene, "valid_until = clock_timestamp() - interval '1 second'")
    await give_back(db, done.id, scene.store_id)
    with pytest.raises(Expired):
        await use(db, scene)


async def test_the_ledger_is_only_ever_added_to(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await use(db, scene)
    await give_back(db, done.id, scene.store_id)
    for table in ("redemptions", "reversals"):
        for change in (f"UPDATE {table} SET serial = serial", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(Exception, match="append-only"):
                await db.execute(change)
