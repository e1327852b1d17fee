"""/v1/reports/today and its stream through the doors: what happened since midnight, told when it changes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from server.store import funnel, happened
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.web import report_today
from server.web.report_today import midnight
from tests import lives
from tests.lives import row
from tests.web.authors import house
from tests.web.serving import settings_with
from tests.web.test_stream import Stream


@pytest.mark.parametrize(
    ("now", "zone", "day", "start"),
    [
        ("2026-11-03T22:59:59Z", "Europe/Berlin", "2026-11-03", "2026-11-02T23:00:00Z"),
        ("2026-11-03T23:00:00Z", "Europe/Berlin", "2026-11-04", "2026-11-03T23:00:00Z"),
        ("2026-10-25T12:00:00Z", "Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z"),  # the day of 25 hours
        ("2026-11-03T00:00:00Z", "Asia/Kathmandu", "2026-11-03", "2026-11-02T18:15:00Z"),
    ],
)
def test_the_day_begins_at_the_programmes_midnight(now: str, zone: str, day: str, start: str) -> None:
    assert midnight(datetime.fromisoformat(now), zone) == (date.fromisoformat(day), datetime.fromisoformat(start))


async def test_today_is_told_and_told_again_when_it_changes(pool: Pool) -> None:
    settings = settings_with(reports__today_s=0.02, reports__streams=1)
    clock = DatabaseClock()
    async with house(pool, report_today, settings=settings, clock=clock) as at, pool.acquire() as db:
        await clock.sync(db)
        headers = {"Authorization": f"Bearer {at.tokens['analyst']}"}
        url = at.served.url + "/v1/reports/today/stream"
        async with at.served.http.get(url, headers=headers) as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            stream = Stream(response)
            first = await stream.event()
            assert first["event"] == "today"
            assert msgspec.json.decode(first["data"])["moments"] == 0
            moment = row(1)
            await lives.decide(db, moment)
            await lives.told(db, moment, "delivered", "opened")
            await db.execute("INSERT INTO ping_facts (pings) VALUES (3), (4)")
            await happened.move(pool)
            await funnel.roll(pool)
            figures = msgspec.json.decode((await stream.event())["data"])
            while not (figures["pings"] and figures["moments"]):  # the two come from two consumers
                figures = msgspec.json.decode((await stream.event())["data"])
            asked = (await at.call("analyst", "GET", "/v1/reports/today")).json
            assert figures | {"at": 0} == asked | {"at": 0}
            assert {name: asked[name] for name in ("pings", "moments", "opens", "passes", "redemptions")} == {
                "pings": 7,
                "moments": 1,
                "opens": 1,
                "passes": 0,
                "redemptions": 0,
            }
            assert asked["zone"] == "Europe/Berlin"
            second = await at.call("analyst", "GET", "/v1/reports/today/stream")
            assert (second.status, second.json["code"]) == (429, "too_many_requests")
        file = await at.call("marketer", "GET", "/v1/reports/today?format=csv")
        assert file.body.decode("utf-8-sig").splitlines()[1].endswith('"7","1","1","0","0"')
        assert datetime.fromisoformat(asked["at"]).tzinfo == UTC
