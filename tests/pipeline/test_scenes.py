"""The product's scenes and the decided edge cases, each from the document in the database to the moment on the phone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from server.model.ping import OsEvent
from server.model.place import Point
from server.model.weather import Sky as Reading
from server.model.weather import Weather
from server.pipeline.batch import Answer
from server.store import epoch, geofences
from server.store.geofences import GeofenceDraft, NewGeofence
from server.store.ids import new_id
from tests.pipeline.town import TOWN, Street, Town, document, fix, off, street

ANY = {"any": True}
ENTER = {"trigger": "enter", "places": ANY}
INSIDE = {"trigger": "inside", "places": ANY}


async def change(town: Town, sql: str, *values: object) -> None:
    """Write something into the town."""
    async with town.pool.acquire() as db:
        await db.execute(sql, *values)


async def verdicts(town: Town) -> dict[str, tuple[str | None, str]]:
    """Tell by offer the gate and the truth on the newest receipt."""
    [row] = await town.rows("SELECT verdicts FROM receipts ORDER BY at DESC, id DESC LIMIT 1")
    return {each["offer"].partition("@")[0]: (each["gate"], each["truth"]) for each in json.loads(row["verdicts"])}


async def told(process: Street, customer: UUID, *reports: Any, **more: Any) -> list[str]:
    """Report one fix after the other, and list the offers that came of them."""
    names = []
    for each in reports:
        answer: Answer = await process.ping(customer, each, **more)
        names += [moment.title for moment in answer.moments]
    return names


def words(title: str, body: str = "Come in.", **more: Any) -> dict[str, Any]:
    """Write the words of a moment in English."""
    return {"content": {"en-US": {"title": title, "body": body}}, "fallback_locale": "en-US"} | more


# --- weather -----------------------------------------------------------------------------------------------------------


async def sky(process: Street, kind: str, celsius: float, *, age: timedelta = timedelta(0)) -> None:
    """Set the weather, observed so long ago."""
    now = await process.now()
    process.sky.weather = Weather(Reading(now - age, kind=kind, temperature_c=celsius))  # type: ignore[arg-type]


DRIZZLE = {"weather": {"kind": ["drizzle", "rain"], "max_age": "PT90M"}}


async def test_a_drizzly_morning_sells_coffee_and_the_moment_says_so(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    body = "{{ weather.temperature_c }} degrees at {{ place.name }}, {{ customer.first_name | default: 'you' }}."
    await town.publish(document("rainy", **{"if": DRIZZLE}, moment=words("Coffee", body)))
    customer = await town.customer()
    await change(town, 'UPDATE customers SET attributes = \'{"first_name": "Kim"}\'')
    async with street(db_dsn) as process:
        await sky(process, "drizzle", 6.0)
        [moment] = (await process.ping(customer, fix())).moments
    assert moment.body == "6 degrees at Mitte, Kim."
    [row] = await town.rows(
        "SELECT m.weather, f.weather AS of_fact FROM moments m JOIN funnel_facts f ON f.moment_id = m.id"
    )
    assert row == {"weather": "drizzle", "of_fact": "drizzle"}


@pytest.mark.parametrize(
    ("kind", "age", "truth"),
    [("clear", timedelta(0), "fails"), ("rain", timedelta(minutes=91), "unknown"), (None, timedelta(0), "unknown")],
)
async def test_the_wrong_an_old_and_an_unknown_sky_show_nothing(
    town: Town, db_dsn: str, kind: str | None, age: timedelta, truth: str
) -> None:
    await town.open_shop()
    await town.publish(document("rainy", **{"if": DRIZZLE}))
    await town.publish(document("not-rainy", **{"if": {"not": DRIZZLE}}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        if kind is not None:
            await sky(process, kind, 6.0, age=age)
        answer = await process.ping(customer, fix())
    found = await verdicts(town)
    assert found["rainy"] == ("weather", truth)
    assert [moment.title for moment in answer.moments] == (["Coffee on us"] if truth == "fails" else [])
    if truth == "unknown":
        assert found["not-rainy"] == ("weather", "unknown")


# --- who --------------------------------------------------------------------------------------------------------------


async def test_segments_attributes_and_events_are_asked_of_what_is_stored(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await change(town, "INSERT INTO segments (name, id) VALUES ('vip', gen_random_uuid())")
    conditions = {
        "segment": {"segment": "vip"},
        "attribute": {"attribute": {"visits": {"gte": 3}}},
        "event": {"event": {"name": "purchase", "within": "P7D", "count": {"gte": 2}}},
    }
    for name, condition in conditions.items():
        await town.publish(document(name, **{"if": condition}))
    plain, rich = await town.customers(2)
    await change(town, "UPDATE customers SET segments = '{vip}', attributes = '{\"visits\": 3}' WHERE id = $1", rich)
    async with street(db_dsn) as process:
        now = await process.now()
        for days in (1, 2, 30):
            await change(
                town,
                "INSERT INTO customer_events (bucket, id, customer_id, name, at) VALUES ($1, $2, $3, 'purchase', $4)",
                rich.int & 1023,
                new_id(),
                rich,
                now - timedelta(days=days),
            )
        await process.ping(plain, fix())
        assert await verdicts(town) == {
            "segment": ("segment", "fails"),
            "attribute": ("attribute", "unknown"),  # nobody said how often they visit
            "event": ("event", "fails"),
        }
        await process.ping(rich, fix())
        assert {truth for _, truth in (await verdicts(town)).values()} == {"holds"}


async def test_without_consent_to_profiling_nothing_of_a_profile_is_used(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document("often", **{"if": {"attribute": {"visits": {"gte": 3}}}}))
    await town.publish(document("seldom", **{"if": {"not": {"attribute": {"visits": {"gte": 3}}}}}))
    customer = await town.customer()
    await change(town, "UPDATE customers SET attributes = '{\"visits\": 5}', profiling = false")
    async with street(db_dsn) as process:
        assert (await process.ping(customer, fix())).moments == ()
    assert {truth for _, truth in (await verdicts(town)).values()} == {"unknown"}


async def test_a_customers_language_and_formality_choose_the_words(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    german = [
        {"formality": "du", "title": "Kaffee für dich", "body": "Komm rein."},
        {"formality": "sie", "title": "Kaffee für Sie", "body": "Treten Sie ein."},
    ]
    moment = {
        "content": {"de-DE": german, "en-US": {"title": "Coffee", "body": "Come in."}},
        "fallback_locale": "en-US",
    }
    await town.publish(document(when=INSIDE, moment=moment))
    customer = await town.customer()
    async with street(db_dsn) as process:
        heard = []
        for locale, attributes in (("de-AT", {}), ("de-DE", {"formality": "sie"}), ("fr-FR", {}), (None, {})):
            await change(town, "UPDATE customers SET locale = $1, attributes = $2", locale, json.dumps(attributes))
            heard += await told(process, customer, fix())
    assert heard == ["Kaffee für dich", "Kaffee für Sie", "Coffee", "Coffee"]


# --- where ------------------------------------------------------------------------------------------------------------


async def test_whoever_is_inside_already_does_not_enter_and_enters_again_after_leaving(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=ENTER))
    customer = await town.customer()
    walk = [TOWN, off(20), off(400), off(420), off(5)]
    async with street(db_dsn) as process:
        reports = [fix(at, age_s=170 - 40 * n) for n, at in enumerate(walk)]
        answers = [(await process.ping(customer, each)).moments for each in reports]
    assert [len(each) for each in answers] == [1, 0, 0, 0, 1]


async def test_an_exit_needs_two_fixes_outside_and_fires_once(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when={"trigger": "exit", "places": ANY}))
    customer = await town.customer()
    walk = [TOWN, off(400), off(500), off(600)]
    async with street(db_dsn) as process:
        reports = [fix(at, age_s=150 - 40 * n) for n, at in enumerate(walk)]
        answers = [(await process.ping(customer, each)).moments for each in reports]
    assert [len(each) for each in answers] == [0, 0, 1, 0]


async def test_near_means_the_distance_to_the_store(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when={"trigger": "near", "places": ANY, "within_m": 2_000}))
    near, far = await town.customers(2)
    async with street(db_dsn) as process:
        assert len(await told(process, near, fix(off(1_990)))) == 1
        assert len(await told(process, far, fix(off(2_010)))) == 0


async def test_of_overlapping_fences_all_are_entered_and_one_moment_comes_out(town: Town, db_dsn: str) -> None:
    shops = [await town.open_shop(off(30 * n), name=f"Shop {n}") for n in range(3)]
    for n, shop in enumerate(shops):
        when = {"trigger": "enter", "places": {"ids": [str(shop.id)]}}
        await town.publish(document(f"offer-{n}", when=when, priority=50 + n, moment=words(f"Offer {n}")))
    customer = await town.customer()
    async with street(db_dsn) as process:
        assert await told(process, customer, fix()) == ["Offer 2"]
    assert await verdicts(town) == {
        "offer-2": (None, "holds"),
        "offer-1": ("arbitration", "holds"),
        "offer-0": ("arbitration", "holds"),
    }
    [ping] = await town.rows("SELECT geofence_ids FROM pings")
    assert set(ping["geofence_ids"]) == {shop.fence for shop in shops}


async def test_of_equal_offers_the_least_recently_shown_wins(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    for name in ("first", "second"):
        await town.publish(document(name, when=INSIDE, moment=words(name)))
    customer = await town.customer()
    async with street(db_dsn) as process:
        assert await told(process, customer, *(fix() for _ in range(4))) == ["first", "second", "first", "second"]


async def test_an_offer_that_holds_at_several_places_takes_the_nearest(town: Town, db_dsn: str) -> None:
    await town.open_shop(off(60), name="far")
    await town.open_shop(off(20), name="near")
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        [moment] = (await process.ping(customer, fix())).moments
    assert moment.place_name == "near"


async def test_an_area_with_a_hole_is_left_in_its_hole(town: Town, db_dsn: str) -> None:
    def ring(half_m: float) -> list[list[float]]:
        corners = [off(half_m, half_m), off(half_m, -half_m), off(-half_m, -half_m), off(-half_m, half_m)]
        return [[corner.lon, corner.lat] for corner in (*corners, corners[0])]

    area = {"type": "Polygon", "coordinates": [ring(500), ring(200)[::-1]]}
    async with town.pool.transaction() as db:
        draft = GeofenceDraft("Ring", "Europe/Berlin", geometry=area)
        await geofences.insert(db, fences=[NewGeofence(new_id(), draft)], changed=await epoch.bump(db))
    await town.publish(document(when=ENTER))
    inside, hole = await town.customers(2)
    async with street(db_dsn) as process:
        [moment] = (await process.ping(inside, fix(off(350)))).moments
        assert (moment.place_kind, moment.place_name) == ("geofence", "Ring")
        assert (await process.ping(hole, fix())).moments == ()
    [row] = await town.rows("SELECT redeem_at FROM moments")
    assert row["redeem_at"] == '{"any": true}'


async def test_a_fix_that_is_too_coarse_changes_nothing_and_is_recorded_so(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(accuracy_m=1_414))
        assert (answer.results[0].status, answer.results[0].reason, answer.moments) == ("accepted", "coarse", ())
        assert len((await process.ping(customer, fix())).moments) == 1


async def test_a_jump_is_held_until_a_second_fix_agrees(town: Town, db_dsn: str) -> None:
    far = Point(48.137, 11.575)
    await town.open_shop(far)
    await town.publish(document(when=INSIDE))
    customer = await town.customer()
    async with street(db_dsn) as process:
        await process.ping(customer, fix(TOWN, age_s=100))
        reports = [fix(far, age_s=age) for age in (90, 75, 59)]
        answers = [await process.ping(customer, each) for each in reports]
    assert [answer.results[0].reason for answer in answers] == ["teleport", "teleport", None]
    assert [len(answer.moments) for answer in answers] == [0, 0, 1]


async def test_what_the_phones_system_claims_does_not_enter_a_fence_that_is_kilometres_away(
    town: Town, db_dsn: str
) -> None:
    shop = await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(off(7_800), os_event=OsEvent("enter", shop.fence)))
    assert answer.moments == ()
    assert await town.count("SELECT count(*) FROM moments") == 0


# --- when -------------------------------------------------------------------------------------------------------------


async def test_a_dwell_fires_once_per_stay(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when={"trigger": "dwell", "places": ANY, "dwell": "PT2M"}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        answers = [await process.ping(customer, fix(off(n), age_s=age)) for n, age in enumerate((170, 110, 49, 20, 0))]
    assert [len(answer.moments) for answer in answers] == [0, 0, 1, 0, 0]


async def test_two_visits_in_one_batch_may_make_two_moments_and_the_cap_counts_both(town: Town, db_dsn: str) -> None:
    shops = [await town.open_shop(), await town.open_shop(off(900), name="Nord")]
    await town.publish(document(limits={"per_customer": [{"max": 2, "period": {"rolling": "P7D"}}]}))
    customer = await town.customer()
    walk = [shops[0].at, off(300), off(600), shops[1].at, off(600), off(300), shops[0].at]
    async with street(db_dsn) as process:
        answer = await process.ping(customer, *(fix(at, age_s=175 - 25 * n) for n, at in enumerate(walk)))
    assert [moment.place_name for moment in answer.moments] == ["Mitte", "Nord"]
    [state] = await town.rows("SELECT state FROM customer_state")
    assert len(json.loads(state["state"])["shown"]) == 2


async def test_an_offer_before_and_after_its_dates_is_not_active(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document("early", active={"from": "2999-01-01"}))
    await town.publish(document("late", active={"from": "2020-01-01", "to": "2020-12-31"}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        assert await told(process, customer, fix()) == []
    assert await verdicts(town) == {"early": ("active", "holds"), "late": ("active", "holds")}


async def test_a_paused_offer_shows_nothing_once_the_rules_were_looked_at(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE))
    customer = await town.customer()
    async with street(db_dsn) as process:
        assert len(await told(process, customer, fix())) == 1
        async with town.pool.transaction() as db:
            await epoch.bump(db)
            await db.execute("UPDATE offers SET status = 'paused'")
        await process.rules.refresh()
        assert await told(process, customer, fix()) == []


# --- how it is told ---------------------------------------------------------------------------------------------------


async def test_at_night_a_push_is_not_sent_and_an_app_in_the_hand_is_told(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE))
    customer = await town.customer()
    async with street(db_dsn) as process:
        now = await process.now()
    # Quiet for the whole day but for the minute that was two hours ago, in the zone of the fix.
    wall = (now - timedelta(hours=2)).astimezone(ZoneInfo("Europe/Berlin"))
    quiet = {"quiet_hours__from": f"{wall:%H:%M}", "quiet_hours__to": f"{wall - timedelta(minutes=1):%H:%M}"}
    async with street(db_dsn, **quiet) as process:
        assert (await process.ping(customer, fix(), foreground=False)).moments == ()
        assert await verdicts(town) == {"coffee": ("quiet_hours", "holds")}
        [moment] = (await process.ping(customer, fix(), foreground=True)).moments
    assert moment.channel == "in_app"


async def test_without_consent_to_pushes_it_waits_in_the_app_or_is_not_shown(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    both = words("both")
    only = words("only", surfaces=["push"])
    await town.publish(document("both", when=INSIDE, moment=both, priority=10))
    await town.publish(document("only", when=INSIDE, moment=only, priority=90))
    silent, open_ = await town.customer(push=False), await town.customer(push=True)
    async with street(db_dsn) as process:
        [quiet] = (await process.ping(silent, fix(), foreground=False)).moments
        [loud] = (await process.ping(open_, fix(), foreground=False)).moments
    assert (quiet.title, quiet.channel) == ("both", "in_app")
    assert (loud.title, loud.channel) == ("only", "push")


async def test_variants_are_spread_and_stay_with_their_customer(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    variants = [
        {"id": "card", "weight": 50, "placement": "card"},
        {"id": "banner", "weight": 50, "placement": "banner"},
    ]
    await town.publish(document(when=INSIDE, variants=variants))
    customers = await town.customers(40)
    async with street(db_dsn) as process:
        seen = []
        for customer in customers:
            answers = [await process.ping(customer, fix()) for _ in range(2)]
            [first, second] = [moment for answer in answers for moment in answer.moments]
            assert (first.variant, first.placement) == (second.variant, second.placement)
            assert first.variant == first.placement
            seen.append(first.variant)
    assert 5 < seen.count("card") < 35


async def test_a_holdout_is_drawn_once_and_both_groups_pass_the_same_gates(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    cap = {"per_customer": [{"max": 1, "period": {"rolling": "P7D"}}]}
    await town.publish(document(when=INSIDE, holdout={"share": 0.5, "salt": "s"}, limits=cap))
    customers = await town.customers(40)
    async with street(db_dsn) as process:
        for customer in customers:
            for _ in range(2):
                await process.ping(customer, fix())
    held, shown = [await town.count(f"SELECT count(*) FROM moments WHERE {which} held_out") for which in ("", "NOT")]
    assert held + shown == 40
    assert 8 < held < 32
    steps = {
        row["step"]: row["n"] for row in await town.rows("SELECT step, count(*) AS n FROM funnel_facts GROUP BY 1")
    }
    assert steps == {"control": held, "decided": shown}
