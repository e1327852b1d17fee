"""What active passes may still cost is what a look at each of them says, and a budget is what its document says."""

from __future__ import annotations

from collections import defaultdict

from server.model.money import Money
from server.store import liabilities
from server.store.liabilities import Budget
from server.store.pool import Connection, Pool
from tests import lives
from tests.lives import row


async def test_what_is_open_is_the_value_of_the_uses_that_are_left(db: Connection, pool: Pool) -> None:
    for number in range(12):
        moment = row(number % 5, offer=1 + number % 2)
        await lives.decide(db, moment)
        value = Money(100 + number, "CHF" if number == 3 else "EUR") if number != 4 else None
        taken = await lives.accept(db, moment, value=value, uses=1 + number % 3)
        if number % 4 == 0:
            await lives.redeem(db, taken)
        if number == 7:
            await db.execute("UPDATE passes SET state = 'voided' WHERE serial = $1", taken.serial)
    wanted: defaultdict[tuple[object, str], list[int]] = defaultdict(lambda: [0, 0])
    people = defaultdict(set)
    for each in await db.fetch("SELECT * FROM passes WHERE state = 'active' AND currency IS NOT NULL"):
        wanted[each["offer_id"], each["currency"]][0] += each["uses_left"] * each["value_minor"]
        people[each["offer_id"], each["currency"]].add(each["customer_id"])
    found = await liabilities.open_passes(db, offers=None, least=10)
    assert {(each.offer_id, each.currency): each.minor for each in found} == {
        key: own[0] for key, own in wanted.items()
    }
    assert {(each.offer_id, each.currency): each.holders for each in found} == {
        key: len(own) for key, own in people.items()
    }
    one = await liabilities.open_passes(db, offers=[lives.offer_of(2)], least=2)
    assert {each.offer_id for each in one} == {lives.offer_of(2)}
    assert all(each.holders >= 2 or len(people[each.offer_id, each.currency]) < 2 for each in one)


async def test_budgets_are_read_from_the_version_that_decides(db: Connection) -> None:
    await lives.offer_row(db, 1, document='{"limits": {"total": {"units": 5}}}')
    await lives.offer_row(
        db, 2, document='{"limits": {"total": {"liability": {"minor": 900, "currency": "EUR"}, "units": 7}}}'
    )
    await lives.offer_row(db, 3)
    await db.execute("INSERT INTO budgets (offer_id, units, liability) VALUES ($1, 2, 190)", lives.offer_of(2))
    await db.execute(
        "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 1, $2, 'x')",
        lives.offer_of(1),
        '{"limits": {"total": {"units": 4}}}',
    )
    await db.execute("UPDATE offers SET live_version = 1 WHERE id = $1", lives.offer_of(1))
    found = {each.id: each.budget for each in await liabilities.budgets_of(db, offers=None)}
    assert found == {
        lives.offer_of(1): Budget(4, None, None, 0, 0),
        lives.offer_of(2): Budget(7, 900, "EUR", 2, 190),
        lives.offer_of(3): None,
    }
