"""/v1/reports/money through the door: what was redeemed, what is open, what is left of budgets."""

from __future__ import annotations

from server.model.money import Money
from server.store import funnel
from server.store.pool import Pool
from server.web import report_money
from tests import lives
from tests.lives import row
from tests.web.authors import house
from tests.web.serving import settings_with

DAY = "from=2026-11-03&to=2026-11-04"
BUDGET = '{"limits": {"total": {"units": 10, "liability": {"minor": 5000, "currency": "EUR"}}}}'


async def test_offers_tell_what_they_cost_and_may_cost(pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.offer_row(db, 1, name="coffee", document=BUDGET)
        await lives.offer_row(db, 2, name="bread")
        await lives.offer_row(db, 3, name="draft", document=BUDGET)
        await db.execute("UPDATE offers SET status = 'live' WHERE name <> 'draft'")
        await db.execute("INSERT INTO budgets (offer_id, units, liability) VALUES ($1, 4, 1400)", lives.offer_of(1))
        for number in range(4):
            moment = row(number, offer=1)
            await lives.decide(db, moment)
            taken = await lives.accept(db, moment, value=Money(100, "EUR"), uses=3)
            if number:
                await lives.redeem(db, taken)
        for number in range(2):
            moment = row(number, offer=2)
            await lives.decide(db, moment)
            await lives.accept(db, moment, value=Money(70, "CHF"))
    await funnel.roll(pool)
    async with house(pool, report_money, settings=settings_with(privacy__min_group=3)) as at:
        answer = (await at.call("marketer", "GET", f"/v1/reports/money?{DAY}")).json
        one = (await at.call("marketer", "GET", f"/v1/reports/money?{DAY}&offer_id={lives.offer_of(1)}")).json
        later = (await at.call("marketer", "GET", "/v1/reports/money?from=2026-12-01&to=2026-12-02")).json
        file = await at.call("marketer", "GET", f"/v1/reports/money?{DAY}&offer_id={lives.offer_of(1)}&format=csv")
    euros = [{"minor": 900, "currency": "EUR"}]
    coffee = {
        "offer_id": str(lives.offer_of(1)),
        "name": "coffee",
        "status": "live",
        "redeemed": [{"minor": 300, "currency": "EUR"}],
        "liability_open": euros,
        "budget": {
            "units": 10,
            "units_left": 6,
            "liability": {"minor": 5000, "currency": "EUR"},
            "liability_left": {"minor": 3600, "currency": "EUR"},
        },
        "suppressed": False,
    }
    hidden = {
        "offer_id": str(lives.offer_of(2)),
        "name": "bread",
        "status": "live",
        "redeemed": None,
        "liability_open": None,
        "budget": None,
        "suppressed": True,
    }
    assert one["rows"] == [coffee]
    assert one["totals"] == [{"currency": "EUR", "redeemed": 300, "liability_open": 900}]
    # The small offer's people are too few to be hidden alone: what is left of the sum would be theirs.
    assert answer["rows"] == [hidden, coffee | {"redeemed": None, "suppressed": True}]
    assert answer["totals"] == [{"currency": "EUR", "redeemed": 0, "liability_open": 900}]
    assert [(each["name"], each["redeemed"], each["liability_open"]) for each in later["rows"]] == [
        ("bread", [], None),
        ("coffee", [], euros),
    ]
    assert file.body.decode("utf-8-sig").splitlines()[1].endswith('"EUR","300","900","10","6","5000","3600","false"')


async def test_a_budget_of_which_too_few_had_something_does_not_tell_how_much(pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.offer_row(db, 1, name="coffee", document=BUDGET)
        await db.execute("UPDATE offers SET status = 'live'")
        await db.execute("INSERT INTO budgets (offer_id, units, liability) VALUES ($1, 2, 500)", lives.offer_of(1))
    async with house(pool, report_money, settings=settings_with(privacy__min_group=3)) as at:
        [told] = (await at.call("analyst", "GET", f"/v1/reports/money?{DAY}")).json["rows"]
    assert (told["budget"]["units"], told["budget"]["units_left"], told["budget"]["liability_left"]) == (10, None, None)
