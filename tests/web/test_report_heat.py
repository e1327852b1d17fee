"""/v1/reports/heat through the door."""

from __future__ import annotations

from server.store import funnel
from server.store.pool import Pool
from server.web import report_heat
from tests import lives
from tests.lives import row
from tests.web.authors import house
from tests.web.serving import settings_with

DAY = "from=2026-11-03&to=2026-11-04"


async def test_hours_of_the_week_are_counted_by_the_places_own_clock(pool: Pool) -> None:
    async with pool.acquire() as db:
        for number in range(9):
            hour, weekday = (8, 1) if number < 4 else (23, 6)
            moment = row(number, local_hour=hour, weekday=weekday, channel="push" if number == 8 else "in_app")
            await lives.decide(db, moment)
            await lives.told(db, moment, "delivered", "opened")
            await lives.redeem(db, await lives.accept(db, moment))
        await lives.decide(db, row(20, local_hour=9, weekday=1))
    await funnel.roll(pool)
    async with house(pool, report_heat, settings=settings_with(privacy__min_group=3)) as at:
        answer = await at.call("analyst", "GET", f"/v1/reports/heat?{DAY}")
        assert (answer.json["from"], answer.json["to"]) == ("2026-11-02T23:00:00Z", "2026-11-03T23:00:00Z")
        null = dict.fromkeys(("decided", "delivered", "opened", "clicked", "passes", "redeemed"))
        full = null | {"decided": 5, "delivered": 5, "opened": 5, "clicked": 0, "passes": 5, "redeemed": 5}
        assert answer.json["rows"] == [
            {"weekday": "tue", "hour": 8, "suppressed": True}
            | null,  # the smallest goes with the one that is too small
            {"weekday": "tue", "hour": 9, "suppressed": True} | null,
            {"weekday": "sun", "hour": 23, "suppressed": False} | full,
        ]
        push = await at.call("analyst", "GET", f"/v1/reports/heat?{DAY}&channel=push")
        assert [each["suppressed"] for each in push.json["rows"]] == [True]
        file = await at.call("analyst", "GET", f"/v1/reports/heat?{DAY}&format=csv")
        assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
        lines = file.body.decode("utf-8-sig").splitlines()
        assert lines[1] == '"tue","8","","","","","","","true"'
        assert lines[3] == '"sun","23","5","5","5","0","5","5","false"'
        assert (await at.call("crm", "GET", f"/v1/reports/heat?{DAY}")).status == 403
