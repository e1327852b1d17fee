"""The decision by itself: a context and a ruleset in, a decision out, nothing else.

Claimed: 20 candidate offers are decided in at most 20 µs; 100,000 offers for other places cost at most 1.5 times what
100 cost.

Measured: `decide` on made-up fixes at one place that 20 offers mean, beside a loop by hand over the same 20 offers that
asks what theirs ask (trigger, hours, temperature, a past redemption, a cap) and gives no reasons: what plain Python
takes for so many questions. The time of a loop's pass is its cost without explaining anything to anybody.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.table import in_turns, micro, options, ratio, show
from bench.town import MIDDLE, document
from server.decision.decide import decide
from server.decision.reading import Known
from server.decision.rules import Identity, parse
from server.decision.ruleset import Ruleset
from server.model.context import Context, Hit, Programme
from server.model.customer import Consents, Customer, Shown, State
from server.model.offer import Offer, PlaceFilter
from server.model.ping import Fix
from server.model.place import Place, Places
from server.model.weather import Sky, Weather

NOW = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
SKY = Sky(at=NOW - timedelta(minutes=10), kind="rain", temperature_c=6.0)
CUSTOMER = Customer(UUID(int=0xC057), Consents(True, True, True), "Europe/Berlin")
PROGRAMME = Programme("Europe/Berlin", "21:00", "08:00", "Europe/Berlin", 2, 3, {}, 0.0, "du", 5400, 86_400)
HERE, OTHERS = "here", 1_000


def place(number: int, tag: str) -> Place:
    """Make a place; the fix is in the middle of the first."""
    return Place(
        UUID(int=number), UUID(int=number), "geofence", "Place", MIDDLE, 100.0, "Europe/Berlin", frozenset({tag})
    )


PLACES = [place(1, HERE), *(place(2 + number, "elsewhere") for number in range(OTHERS))]


def offers(count: int) -> list[Offer]:
    """Read offers for the place."""
    known = Known(PROGRAMME, tags=frozenset({HERE}))
    since = NOW - timedelta(days=30)
    return [
        parse(document(number, tag=HERE), identity=Identity(UUID(int=1 + number), 1, since), known=known).offer
        for number in range(count)
    ]


def elsewhere(some: list[Offer], count: int) -> list[Offer]:
    """Give copies of offers, each for one of the other places."""
    return [
        replace(
            some[number % len(some)],
            id=UUID(int=1_000_000 + number),
            when=replace(
                some[number % len(some)].when, places=PlaceFilter(frozenset({PLACES[1 + number % OTHERS].id}))
            ),
        )
        for number in range(count)
    ]


def rules(some: list[Offer]) -> Ruleset:
    """Build the ruleset."""
    by_id = {each.id: each for each in PLACES}
    return Ruleset.build(offers=some, places=Places(by_id, by_id), programme=PROGRAMME, segments={}, epoch=1)


def context(state: State, *, at: datetime = NOW, inside: bool = True) -> Context:
    """Give what is known of one fix in the middle of the place, or 60 m outside of it."""
    edge = -100.0 if inside else 60.0
    return Context(
        at=at,
        received=at,
        customer=CUSTOMER,
        state=state,
        fix=Fix(MIDDLE, 9.0, at),
        hits=(Hit(UUID(int=1), edge + 100.0, edge, 100.0, False),),
        weather={UUID(int=1): Weather(SKY)},
        foreground=True,
        app_zone="Europe/Berlin",
        fix_zone="Europe/Berlin",
    )


def by_hand(some: list[Offer]) -> Callable[[], object]:
    """Give the loop that asks the same of every offer and explains nothing."""
    shown = [(NOW - timedelta(days=3), each.id) for each in some[:2]]
    events = [("sign-up", NOW - timedelta(days=9))]
    minute = NOW.hour * 60 + NOW.minute

    def loop() -> object:
        best = None
        for offer in some:
            if offer.when.trigger == "dwell" or not 0 <= minute < 1_439:
                continue
            if not (SKY.temperature_c is not None and SKY.temperature_c <= 12):
                continue
            if any(name == "redemption" and at > NOW - timedelta(days=7) for name, at in events):
                continue
            if sum(1 for at, identifier in shown if identifier == offer.id and at.date() == NOW.date()) >= 1:
                continue
            if best is None or offer.priority > best.priority:
                best = offer
        return best

    return loop


def cases() -> dict[str, Callable[[], object]]:
    """Give what is measured, by name."""
    twenty = offers(20)
    here = rules(twenty)
    few, many = rules(twenty + elsewhere(twenty, 100)), rules(twenty + elsewhere(twenty, 100_000))
    fresh = context(State())
    entered = decide(fresh, here)
    assert entered.chosen is not None, "an offer is meant to win"
    later = context(entered.state, at=NOW + timedelta(seconds=30))
    free = replace(entered.state, shown=())
    worn = tuple(Shown(NOW - timedelta(hours=hour), UUID(int=hour), "marketing") for hour in range(3))
    return {
        "a loop by hand over 20 offers": by_hand(twenty),
        "decide: nobody is inside": lambda: decide(context(State(), inside=False), here),
        "decide: enters, one of 20 wins": lambda: decide(fresh, here),
        "decide: inside already, no cap": lambda: decide(replace(later, state=free), here),
        "decide: inside already, capped": lambda: decide(later, here),
        "decide: enters, had enough messages": lambda: decide(replace(fresh, state=State(shown=worn)), here),
        "decide: enters, 100 offers elsewhere": lambda: decide(fresh, few),
        "decide: enters, 100,000 offers elsewhere": lambda: decide(fresh, many),
    }


def main() -> None:
    """Run."""
    asked = options("a decision on 20 candidate offers").parse_args()
    rounds, for_s = asked.rounds or (2 if asked.quick else 9), 0.1 if asked.quick else 0.5
    work = cases()
    found = in_turns(work, rounds=rounds, for_s=for_s)
    loop = found[next(iter(work))]
    rows = [
        [name, micro(statistics.median(times)), micro(min(times)), f"{ratio(times, loop):.1f}"]
        for name, times in found.items()
    ]
    grown = ratio(found["decide: enters, 100,000 offers elsewhere"], found["decide: enters, 100 offers elsewhere"])
    show(
        f"decide, 20 candidate offers, {rounds} rounds of {for_s} s each",
        ["", "median µs", "least µs", "of the loop"],
        rows,
        f"100,000 offers elsewhere take {grown:.2f} times what 100 take",
    )


if __name__ == "__main__":
    main()
