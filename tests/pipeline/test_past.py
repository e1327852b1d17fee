"""The past decided again is the past; a draft in it does what somebody counts by hand."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from server.errors import Invalid, NotFound
from server.pipeline.past import Stopped, replay_past
from server.pipeline.replay import Outcome
from server.pipeline.rules import Rules, programme_of
from server.store.ids import new_id
from tests.pipeline.lived import MONDAY, Lived, live
from tests.pipeline.town import Town, document, settings

END = MONDAY + timedelta(days=2)
BERLIN = ZoneInfo("Europe/Berlin")


async def go_on(fraction: float) -> bool:
    assert 0 <= fraction <= 1
    return True


async def again(
    lived: Lived, offer: Any, *, start: datetime = MONDAY, pressure: bool = True, min_group: int = 1, **more: Any
) -> tuple[dict[str, Any], list[Outcome]]:
    """Replay an offer over the days that were lived, and give the sums and all moments that came out."""
    chosen = settings(**(lived.pressure if pressure else {}))
    rules = Rules(lived.town.pool, programme_of(chosen))
    await rules.refresh()
    told: list[Outcome] = []
    result = await replay_past(
        lived.town.pool,
        offer_id=offer,
        version=None,
        start=start,
        end=more.pop("end", END),
        snapshot=rules.current,
        min_group=min_group,
        progress=more.pop("progress", go_on),
        told=told.append,
    )
    return result, told


async def test_days_that_are_decided_again_are_what_happened_and_a_draft_does_what_is_counted(town: Town) -> None:
    lived = await live(town)
    assert len(await lived.moments(MONDAY)) > len(lived.offers)
    await _the_replay_of_live_offers_is_what_happened(lived)
    await _a_draft_does_what_is_counted_by_hand(lived)


async def _the_replay_of_live_offers_is_what_happened(lived: Lived) -> None:
    happened = await lived.moments(MONDAY)
    assert len({each[1] for each in happened.values()}) == 4, "every offer must have had a part in it"
    for name, offer in lived.offers.items():
        result, told = await again(lived, offer)
        assert by_id(told) == happened
        mine = [each for each in happened.values() if each[1] == offer]
        shown = [each for each in mine if not each[2]]
        assert result["moments"] == len(shown)
        assert result["customers"] == len({each[0] for each in shown})
        assert result["held_out"] == len(mine) - len(shown)
        days = Counter(each[3].isoformat() for each in shown)
        assert {each["day"]: each["moments"] for each in result["by_day"]} == days
        assert result["displaced"] == await displaced(lived, name)
        value = 0 if name == "near" else 250
        assert result["cost"] == ({"minor": value * len(shown), "currency": "EUR"} if value else None)
    for start in (MONDAY + timedelta(days=1), MONDAY + timedelta(days=1, hours=11, seconds=90)):
        _, told = await again(lived, offer, start=start)
        assert by_id(told) == await lived.moments(start)


def by_id(told: list[Outcome]) -> dict[UUID, tuple[UUID, UUID, bool, date]]:
    """What came out, as the table of moments tells it."""
    return {each.moment_id: (each.customer_id, each.offer_id, each.held_out, each.day) for each in told}


async def displaced(lived: Lived, name: str) -> list[dict[str, Any]]:
    """Read from the receipts which offers lost a moment to this one."""
    rows = await lived.town.rows(
        "SELECT v->>'offer' AS offer, count(*) AS moments FROM receipts r, jsonb_array_elements(r.verdicts) v"
        " WHERE v->>'gate' = 'arbitration' AND v->'values'->>'winner' = $1 GROUP BY 1",
        f"{name}@1",
    )
    found = [(row["offer"].partition("@")[0], row["moments"]) for row in rows]
    found.sort(key=lambda pair: (-pair[1], lived.offers[pair[0]]))
    return [{"offer": other, "moments": count} for other, count in found]


async def _a_draft_does_what_is_counted_by_hand(lived: Lived) -> None:
    """Whoever enters between noon and seven in the evening gets it once a day; nothing is above it."""
    draft = new_id()
    looked_up = {"rfm": {"frequency": {"gte": 0}}}  # unknown where nobody looked for purchases
    written = document(
        "supper",
        priority=99,
        **{"if": {"all": [{"local_time": {"from": "12:00", "to": "19:00"}}, looked_up]}},
        active={"from": "2030-01-01"},
        limits={"per_customer": [{"max": 1, "period": {"calendar": "day", "tz": "customer_home"}}]},
    )
    await lived.town.publish(written, offer_id=draft)
    async with lived.town.pool.acquire() as db:
        await db.execute("UPDATE offers SET status = 'draft', live_version = NULL WHERE id = $1", draft)
    expected = {
        (visit.customer, visit.at.astimezone(BERLIN).date())
        for visit in lived.visits
        if 12 <= visit.at.astimezone(BERLIN).hour < 19
    }
    result, told = await again(lived, draft, pressure=False)
    mine = [(each.customer_id, each.day) for each in told if each.offer_id == draft]
    assert len(mine) == len(set(mine))
    assert set(mine) == expected
    assert result["moments"] == len(expected)
    assert result["customers"] == len({customer for customer, _ in expected})
    assert {each["day"]: each["customers"] for each in result["by_day"]} == Counter(
        day.isoformat() for _, day in expected
    )
    assert any("active" in each for each in result["assumes"])
    assert result["gates"]["local_time"] > 0
    blank, _ = await again(lived, draft, pressure=False, min_group=50)
    assert (blank["moments"], blank["customers"], blank["cost"], blank["suppressed"]) == (None, None, None, True)
    assert all(each["moments"] is None for each in blank["by_day"])
    assert set(blank["gates"].values()) == {None}


async def test_what_cannot_be_replayed_is_said(town: Town) -> None:
    shop_less = Lived(town, {})
    with pytest.raises(NotFound):
        await again(shop_less, new_id())
    await town.open_shop()
    by_event = await town.publish(document(when={"trigger": "event", "event": "purchase", "places": {"any": True}}))
    with pytest.raises(Invalid) as refused:
        await again(shop_less, by_event)
    assert refused.value.errors[0].field == "when.trigger"


async def test_an_empty_past_has_no_moments_and_blanks_nothing(town: Town) -> None:
    await town.open_shop()
    result, told = await again(Lived(town, {}), await town.publish())
    assert told == []
    assert (result["moments"], result["customers"], result["pings"], result["suppressed"]) == (0, 0, 0, False)
    assert (result["by_day"], result["gates"], result["displaced"]) == ([], {}, [])


async def test_a_replay_that_nobody_waits_for_stops_at_the_next_page(town: Town) -> None:
    shop, offer, customer = await town.open_shop(), await town.publish(), await town.customer()
    await town.rows(
        "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, trace)"
        " SELECT $1, $2, gen_random_uuid(), t, t, '52.52,13.40', $4"
        " FROM (SELECT $3::timestamptz + n * interval '1 second' AS t FROM generate_series(1, 2000) n) AS f",
        customer.int & 1023,
        customer,
        MONDAY,
        json.dumps({"fences": [{"id": str(shop.fence), "p": 100}]}),
    )
    asked = []

    async def stop(fraction: float) -> bool:
        asked.append(fraction)
        return False

    with pytest.raises(Stopped):
        await again(Lived(town, {}), offer, progress=stop)
    assert asked == [pytest.approx(2000 / 172_800)]
