"""/v1/reports/stores through the door: a map of stores, and of nobody else."""

from __future__ import annotations

from uuid import UUID

from server.store import funnel
from server.store.pool import Pool
from server.web import report_stores
from tests import lives
from tests.lives import row
from tests.web.authors import a_store, house
from tests.web.serving import settings_with

DAY = "from=2026-11-03&to=2026-11-04"


async def test_stores_are_told_with_where_they_are_the_busiest_first(pool: Pool) -> None:
    east = await a_store(pool, name="East", at=(52.5, 13.4))
    west = await a_store(pool, name="West", at=(52.6, 13.1))
    async with pool.acquire() as db:
        for place, people in ((east.id, 3), (west.id, 5), (UUID(int=5), 4), (None, 4)):
            for number in range(people):
                moment = row(number, place_id=place, offer=1 if place == west.id else 2)
                await lives.decide(db, moment)
                if place == east.id or number == 0:
                    await lives.redeem(db, await lives.accept(db, moment))
    await funnel.roll(pool)
    async with house(pool, report_stores, settings=settings_with(privacy__min_group=3, reports__map_stores=9)) as at:
        answer = await at.call("marketer", "GET", f"/v1/reports/stores?{DAY}")
        assert answer.json["rows"] == [
            {
                "store_id": str(east.id),
                "name": "East",
                "lat": 52.5,
                "lon": 13.4,
                "radius_m": 100.0,
                "decided": 3,
                "redeemed": 3,
                "value": {"minor": 750, "currency": "EUR"},
                "suppressed": False,
            },
            {
                "store_id": str(west.id),
                "name": "West",
                "lat": 52.6,
                "lon": 13.1,
                "radius_m": 100.0,
                "decided": 5,
                "redeemed": 1,
                "value": {"minor": 250, "currency": "EUR"},
                "suppressed": False,
            },
        ]
        one = await at.call("marketer", "GET", f"/v1/reports/stores?{DAY}&limit=1")
        assert [each["name"] for each in one.json["rows"]] == ["East"]
        own = await at.call("marketer", "GET", f"/v1/reports/stores?{DAY}&offer_id={lives.offer_of(1)}")
        assert [each["name"] for each in own.json["rows"]] == ["West"]
        file = await at.call("marketer", "GET", f"/v1/reports/stores?{DAY}&format=csv")
        assert file.body.decode("utf-8-sig").splitlines()[1].endswith('"3","3","750","EUR","false"')
        for limit in ("0", "10", "x"):
            assert (await at.call("marketer", "GET", f"/v1/reports/stores?{DAY}&limit={limit}")).status == 422


async def test_a_store_of_too_few_people_is_on_the_map_without_figures(pool: Pool) -> None:
    store = await a_store(pool)
    async with pool.acquire() as db:
        await lives.decide(db, row(1, place_id=store.id), row(2, place_id=store.id))
    await funnel.roll(pool)
    async with house(pool, report_stores, settings=settings_with(privacy__min_group=3)) as at:
        [told] = (await at.call("analyst", "GET", f"/v1/reports/stores?{DAY}")).json["rows"]
    assert (told["decided"], told["redeemed"], told["value"], told["suppressed"]) == (None, None, None, True)
