"""Every kind of condition answers alike in a word and in full, and as a second, plain reading of its document does.

The second reading knows the documents as rules.md words them, and nothing of ours: a truth is a number (0 fails, 0.5
unknown, 1 holds), `all` is the least of them, `any` the greatest, `not` the rest to one; a wall clock is Python's zoneinfo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from math import asin, cos, degrees, floor, radians, sin
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import holidays
from hypothesis import assume, example, given
from hypothesis import strategies as st

from server.decision.finding import Scene, Truth
from server.decision.reading import Known
from server.model.context import Context
from server.model.customer import Consents, Customer, Happened, State
from server.model.money import Money
from server.model.place import DAYS, Place, Span
from server.model.weather import Sky, Weather
from tests.builders import place, programme
from tests.decision.rulebook import condition

NUMBER = {Truth.FAILS: 0.0, Truth.UNKNOWN: 0.5, Truth.HOLDS: 1.0}
CLOCK = datetime(2026, 3, 28, 12, tzinfo=UTC)
"""The day before Berlin's clocks go forward; New York's did so weeks before, Lord Howe's go back by half an hour later."""
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
SAVED: dict[str, Any] = {
    "regulars": {"attribute": {"visits": {"gte": 3}}},
    "wet": {"any": [{"weather": {"kind": ["rain", "snow"]}}, {"segment": "round"}]},
    "round": {"not": {"segment": "wet"}},
}
KNOWN = Known(programme(), segments=frozenset({*SAVED, "stored", "nobodys"}), tags=frozenset({"store", "mall"}))
PARSED = {name: condition(document, KNOWN) for name, document in SAVED.items()}
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b,
    "eq": lambda a, b: a == b, "between": lambda a, b: b[0] <= a <= b[1],
}  # fmt: skip
GERMAN = {year: holidays.country_holidays("DE", years=year) for year in (2025, 2026, 2027)}

CLOCKS = st.sampled_from(["00:00", "01:30", "02:30", "08:00", "12:00", "20:00", "23:30"])
BOUNDS = st.one_of(
    st.builds(
        lambda name, number: {name: number}, st.sampled_from(["lt", "lte", "gt", "gte", "eq"]), st.integers(0, 5)
    ),
    st.builds(lambda low, more: {"between": [low, low + more]}, st.integers(0, 5), st.integers(0, 3)),
)
DURATIONS = st.sampled_from(["PT30M", "PT2H", "P1D"])
LENGTHS = {"PT30M": timedelta(minutes=30), "PT2H": timedelta(hours=2), "P1D": timedelta(days=1)}


@st.composite
def local_times(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a window; one of its members is always asked for."""
    start, end = draw(CLOCKS), draw(st.one_of(CLOCKS, st.just("24:00")))
    asked: dict[str, Any] = {"from": start}
    if end != start:
        asked["to"] = end
    for key, values in (
        ("tz", st.sampled_from(["place", "customer_home", *ZONES])),
        ("days", st.lists(st.sampled_from(DAYS), min_size=1, unique=True)),
        ("place_open", st.just(True)),
        ("holidays", st.sampled_from(["skip", "only", "ignore"])),
    ):
        if draw(st.booleans()):
            asked[key] = draw(values)
    return {"local_time": asked}


@st.composite
def skies_asked(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what is asked of the sky: a kind, a bound, of now or of the next hours."""
    asked: dict[str, Any] = {}
    if draw(st.booleans()):
        asked["kind"] = draw(st.lists(st.sampled_from(["rain", "snow", "clear"]), min_size=1, unique=True))
    if draw(st.booleans()) or not asked:
        asked[draw(st.sampled_from(["temperature_c", "uv"]))] = draw(BOUNDS)
    if draw(st.booleans()):
        asked[draw(st.sampled_from(["max_age", "ahead"]))] = draw(DURATIONS)
    return {"weather": asked}


EVENTS = st.builds(
    lambda name, within, more: {"event": {"name": name, "within": within, **more}},
    st.sampled_from(["purchase", "redemption"]),
    DURATIONS,
    st.fixed_dictionaries({}, optional={"offer": st.sampled_from(["coffee", "tea"]), "count": BOUNDS}),
)


@st.composite
def bought_asked(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what is asked of purchases: at least one of the three."""
    bounds = st.fixed_dictionaries({}, optional=dict.fromkeys(("recency_days", "frequency", "monetary_minor"), BOUNDS))
    asked = draw(bounds.filter(bool))
    more = {"within": st.just("P2D"), "currency": st.just("EUR"), "events": st.just(["purchase"])}
    return {"rfm": asked | draw(st.fixed_dictionaries({}, optional=more))}


LEAVES = st.one_of(
    local_times(),
    bought_asked(),
    skies_asked(),
    EVENTS,
    st.sampled_from([*SAVED, "stored", "nobodys"]).map(lambda name: {"segment": name}),
    st.dictionaries(st.sampled_from(["visits", "vip"]), BOUNDS, min_size=1).map(lambda asked: {"attribute": asked}),
    st.sampled_from(["store", "mall"]).map(lambda tag: {"place": {"tag": tag}}),
    st.booleans().map(lambda day: {"daylight": day}),
    st.sampled_from(["coffee", "books"]).map(lambda name: {"topic": name}),
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=4), min_size=1, max_size=1),
        inner.map(lambda member: {"not": member}),
    ),
    max_leaves=6,
)  # fmt: skip
HALVES = st.integers(-52, 52).map(lambda halves: timedelta(minutes=30 * halves))
"""Half hours, on which windows open and close."""
NEAR = HALVES | st.timedeltas(timedelta(hours=-26), timedelta(hours=26)).map(
    lambda d: timedelta(minutes=d // timedelta(minutes=1))
)
SKIES = st.builds(
    Sky,
    st.sampled_from([-121, -120, -91, -90, -30, 0, 30, 90, 120, 121]).map(lambda minutes: timedelta(minutes=minutes)),
    kind=st.sampled_from([None, "rain", "snow", "clear"]),
    temperature_c=st.one_of(st.none(), st.integers(0, 6)),
    uv=st.one_of(st.none(), st.integers(0, 6)),
)
HOURS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(DAYS),
        st.sampled_from([(), (Span(time(8), time(20)),), (Span(time(22), time(2)),), (Span(time(0), None),)]),
    ),
)
PLACES = st.one_of(
    st.none(),
    st.builds(
        place,
        st.just(1),
        zone=st.sampled_from([None, *ZONES]),
        tags=st.sampled_from([frozenset(), frozenset({"store"})]),
        country=st.sampled_from([None, "DE"]),
        hours=HOURS,
    ),
)
CUSTOMERS = st.builds(
    Customer,
    st.just(UUID(int=7)),
    st.builds(Consents, st.just(True), st.just(True), st.sampled_from([True, True, True, False])),
    zone=st.sampled_from([None, *ZONES]),
    segments=st.sampled_from([frozenset(), frozenset({"stored", "wet"})]),
    attributes=st.fixed_dictionaries(
        {}, optional={"visits": st.integers(0, 6), "vip": st.sampled_from([True, "3", 3])}
    ),
    events=st.lists(
        st.tuples(
            st.sampled_from(["purchase", "redemption"]),
            st.sampled_from([-1441, -1440, -121, -120, -30, -29, 0, 1]),
            st.sampled_from([None, "coffee"]),
        ),
        max_size=5,
    ).map(tuple),
    topics=st.dictionaries(st.sampled_from(["coffee", "books"]), st.booleans()),
    bought=st.one_of(
        st.none(),
        st.lists(
            st.builds(
                Happened,
                st.sampled_from(["purchase", "redemption"]),
                st.sampled_from([-8640, -4321, -4320, -4319, -2881, -2880, -1440, -1439, 0, 1]),
                amount=st.one_of(
                    st.none(), st.builds(Money, st.integers(0, 3), st.sampled_from(["EUR", "EUR", "CHF"]))
                ),
            ),
            max_size=4,
        ).map(tuple),
    ),
)


NOWHERE = Scene(
    Context(CLOCK, CLOCK, Customer(UUID(int=7), Consents(True, True, True)), State()), None, programme(), PARSED
)
"""Nothing is known here but that the customer agreed: segments that name each other have only themselves to ask."""


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Draw an instant around a change of the clocks, a place or none, a sky or none, and a customer with a past."""
    at, where, who = CLOCK + draw(NEAR), draw(PLACES), draw(CUSTOMERS)
    past = tuple(Happened(name, at + timedelta(minutes=ago), offer) for name, ago, offer in who.events)  # type: ignore[misc,has-type]
    skies = [_at(at, sky) for sky in draw(st.lists(SKIES, max_size=4))]
    bought = who.bought and tuple(replace(each, at=at + timedelta(minutes=each.at)) for each in who.bought)  # type: ignore[arg-type]
    customer = replace(who, events=past, bought=bought)
    weather = {where.id: Weather(skies[0], tuple(skies[1:]))} if where is not None and skies else {}
    return Scene(Context(at, at, customer, State(), weather=weather), where, programme(), PARSED)


def _at(at: datetime, sky: Sky) -> Sky:
    return Sky(at + sky.at, sky.kind, sky.temperature_c, uv=sky.uv)  # type: ignore[operator]  # drawn as a distance


def worth(document: dict[str, Any], scene: Scene, saved: dict[str, Any]) -> float:
    """Work out what a document is worth in a scene."""
    [(word, asked)] = document.items()
    if word in ("all", "any"):
        return (min if word == "all" else max)(worth(member, scene, saved) for member in asked)
    if word == "not":
        return 1 - worth(asked, scene, saved)
    if word in ("segment", "attribute", "event", "rfm") and not scene.context.customer.consents.profiling:
        return 0.5
    if word == "segment":
        if asked in scene.context.customer.segments:
            return 1
        others = {name: each for name, each in saved.items() if name != asked}
        return worth(saved[asked], scene, others) if asked in saved else 0
    return {
        "place": _place,
        "daylight": _sun,
        "local_time": _time,
        "weather": _sky,
        "attribute": _attribute,
        "event": _event,
        "rfm": _bought,
        "topic": lambda name, where: {True: 1.0, False: 0.0, None: 0.5}[where.context.customer.topics.get(name)],
    }[word](asked, scene)


def _number(bound: dict[str, Any], value: Any) -> float:
    [(name, operand)] = bound.items()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0 if name == "eq" else 0.5
    return float(ORDERS[name](value, operand))


def _place(asked: dict[str, Any], scene: Scene) -> float:
    return 0.5 if scene.place is None else float(asked["tag"] in scene.place.tags)


def _sun(asked: bool, scene: Scene) -> float:
    """Ask the spherical triangle of pole, zenith and sun, with the declination and equation of time of these few days.

    That is good to a quarter of a degree; nearer to the horizon than that this reading has no answer of its own.
    """
    if scene.place is None:
        return 0.5
    lat, lon = scene.place.point
    days = (scene.context.at - CLOCK) / timedelta(days=1)
    declination = radians(2.85 + 0.389 * days)
    noon = CLOCK.hour * 60 + 5.0 - 0.3 * days - 4 * lon  # minutes after midnight UTC at which the sun is highest
    hour = radians(((scene.context.at - CLOCK) / timedelta(minutes=1) + CLOCK.hour * 60 - noon) / 4)
    height = degrees(asin(sin(radians(lat)) * sin(declination) + cos(radians(lat)) * cos(declination) * cos(hour)))
    assume(abs(height + 0.833) > 0.25)
    return float((height > -0.833) == asked)


def _attribute(asked: dict[str, Any], scene: Scene) -> float:
    known = scene.context.customer.attributes
    if asked.keys() & known.keys() and any(_number(asked[n], known[n]) == 0 for n in asked.keys() & known.keys()):
        return 0
    return min((_number(bound, known[name]) if name in known else 0.5) for name, bound in asked.items())


def _event(asked: dict[str, Any], scene: Scene) -> float:
    at, since = scene.context.at, scene.context.at - LENGTHS[asked["within"]]
    past = [e for e in scene.context.customer.events if e.name == asked["name"] and since < e.at <= at]
    return _number(asked.get("count", {"gte": 1}), sum(asked.get("offer") in (None, e.offer) for e in past))


def _bought(asked: dict[str, Any], scene: Scene) -> float:
    """Read recency, frequency and money off a list of (days ago, amount)."""
    if scene.context.customer.bought is None:
        return 0.5
    ages = [
        ((scene.context.at - each.at) / timedelta(days=1), each.amount)
        for each in scene.context.customer.bought
        if each.name in asked.get("events", ["purchase", "redemption"]) and each.at <= scene.context.at
    ]
    recent = [amount for age, amount in ages if age < (2 if "within" in asked else 365)]
    amounts = [amount for amount in recent if amount is not None]
    mixed = "currency" not in asked and len({amount.currency for amount in amounts}) > 1
    found = {
        "recency_days": floor(min(age for age, _ in ages)) if ages else 10**9,
        "frequency": len(recent),
        "monetary_minor": sum(
            amount.minor for amount in amounts if amount.currency == asked.get("currency", amount.currency)
        ),
    }
    return min(
        0.5 if mixed and name == "monetary_minor" else _number(asked[name], value)
        for name, value in found.items()
        if name in asked
    )


def _sky(asked: dict[str, Any], scene: Scene) -> float:
    weather = scene.context.weather.get(scene.place.id) if scene.place else None
    if weather is None:
        return 0.5
    at, ahead = scene.context.at, asked.get("ahead")
    if ahead is None:
        oldest = LENGTHS[asked["max_age"]] if "max_age" in asked else timedelta(seconds=programme().weather_max_age_s)
        skies = [weather.now] if abs(at - weather.now.at) <= oldest else []
    else:
        skies = [sky for sky in weather.ahead if at < sky.at <= at + LENGTHS[ahead]]
    return max((_meets(asked, sky) for sky in skies), default=0.5)


def _meets(asked: dict[str, Any], sky: Sky) -> float:
    found = [1.0]
    for name in asked.keys() & {"kind", "temperature_c", "uv"}:
        value = getattr(sky, name)
        met = float(value in asked[name]) if name == "kind" else 0.5 if value is None else _number(asked[name], value)
        found.append(0.5 if value is None else met)
    return min(found)


def _time(asked: dict[str, Any], scene: Scene) -> float:
    """Read the windows by counting minutes since midnight of this day and of the day before."""
    where, found = scene.place, []
    name = asked.get("tz", "place")
    name = {"place": where.zone if where else None, "customer_home": scene.context.customer.zone}.get(name, name)
    if name is None:
        found.append(0.5)
    else:
        opened = _opened(scene.context.at.astimezone(ZoneInfo(name)), asked["from"], asked.get("to", "24:00"))
        found.append(float(opened is not None))
        if opened is not None:
            found.append(float(DAYS[opened.weekday()] in asked.get("days", DAYS)))
            found.append(_holiday(asked.get("holidays", "ignore"), opened, where))
    if asked.get("place_open"):
        found.append(_open(scene.context.at, where))
    return min(found)


def _opened(local: datetime, start: str, end: str) -> datetime | None:
    """Tell on which day the window that holds this wall time opened: of the two days that can be, the one that fits."""
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (start, end))
    last += 1440 if last <= first else 0
    now = local.hour * 60 + local.minute
    for back in (0, 1):
        if first <= now + back * 1440 < last:
            return local.replace(tzinfo=None) - timedelta(days=back)
    return None


def _holiday(asked: str, day: datetime, where: Place | None) -> float:
    if asked == "ignore":
        return 1
    if where is None or where.country is None:
        return 0.5
    return float((day.date() in GERMAN[day.year]) == (asked == "only"))


def _open(at: datetime, where: Place | None) -> float:
    if where is None or where.hours is None or where.zone is None:
        return 0.5
    local = at.astimezone(ZoneInfo(where.zone))
    for day, spans in where.hours.items():
        for opens, closes in spans:
            opened = _opened(local, f"{opens:%H:%M}", f"{closes:%H:%M}" if closes else "24:00")
            if opened is not None and DAYS[opened.weekday()] == day:
                return 1
    return 0


@given(DOCUMENTS, scenes())
@example({"not": {"segment": "round"}}, NOWHERE)
def test_a_condition_is_worth_what_a_second_reading_of_its_document_says(
    document: dict[str, Any], scene: Scene
) -> None:
    asked = condition(document, KNOWN)
    assert NUMBER[asked.truth(scene)] == worth(document, scene, SAVED)
    assert asked.check(scene).truth is asked.truth(scene)
