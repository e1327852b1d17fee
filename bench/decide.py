"""The decision by itself: a context and a ruleset in, a decision out, nothing else.

Claimed: 20 candidate offers are decided in at most 20 µs; a rule is asked ten times as fast as the fastest CEL does it;
10,000 and 100,000 offers for other places cost at most 1.5 times what 100 cost.

Measured: `decide` on made-up fixes at one place that 20 offers mean, beside a loop by hand over the same 20 offers that
asks what theirs ask (trigger, hours, temperature, a past redemption, a cap) and gives no reasons: what plain Python
takes for so many questions. `decide` gives none either before somebody reads them: what is put into words for a receipt
(`near`) and for a dry run (`verdicts`) stands in rows of its own. The rule alone is asked in a scene at hand, as it is for
the offers of one place, and in a new one. Times are processor time (nothing here waits), and the least of all rounds: what
else the machine does only adds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from bench import cel
from bench.table import curve, goal, in_turns, micro, options, ratio, show
from bench.town import MIDDLE, document
from server.decision.decide import decide
from server.decision.finding import Scene, Truth
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
ELSEWHERE = (100, 10_000, 100_000)
LOOP, WINS, RULE = "a loop by hand over 20 offers", "decide: enters, one of 20 wins", "a rule, in a scene at hand"
WAYS = {
    "values handed over": "values handed over as a dictionary",
    "context prepared": "its context prepared beforehand",
}


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
    """Give what is measured of decisions, by name."""
    twenty = offers(20)
    here = rules(twenty)
    grown = {count: rules(twenty + elsewhere(twenty, count)) for count in ELSEWHERE}
    fresh, outside = context(State()), context(State(), inside=False)
    entered = decide(fresh, here)
    assert entered.chosen is not None, "an offer is meant to win"
    later = context(entered.state, at=NOW + timedelta(seconds=30))
    free = context(msgspec.structs.replace(entered.state, shown=()), at=NOW + timedelta(seconds=30))
    worn = context(
        State(shown=tuple(Shown(NOW - timedelta(hours=hour), UUID(int=hour), "marketing") for hour in (2, 1)))
    )
    assert decide(worn, here).chosen is None, "two messages a day are enough"
    return {
        LOOP: by_hand(twenty),
        "decide: nobody is inside": lambda: decide(outside, here),
        WINS: lambda: decide(fresh, here),
        "decide: inside already, no cap": lambda: decide(free, here),
        "decide: inside already, capped": lambda: decide(later, here),
        "decide: enters, had enough messages": lambda: decide(worn, here),
        "… and its near things in words (a receipt)": lambda: decide(fresh, here).near,
        "… and all in words (a dry run)": lambda: decide(fresh, here).verdicts,
        **{f"decide: enters, {count:,} offers elsewhere": _decides(fresh, each) for count, each in grown.items()},
    }


def _decides(asked: Context, ruleset: Ruleset) -> Callable[[], object]:
    return lambda: decide(asked, ruleset)


def one_rule() -> dict[str, Callable[[], object]]:
    """Give what is measured of one rule, ours and in CEL."""
    [offer], asked = offers(1), context(State())
    ask = offer.condition.truth
    scene = Scene(asked, PLACES[0], PROGRAMME, {})
    assert ask(scene) is Truth.HOLDS
    return {
        RULE: lambda: ask(scene),
        "a rule, in a new scene": lambda: ask(Scene(asked, PLACES[0], PROGRAMME, {})),
        **cel.questions(),
    }


def judge(found: dict[str, list[float]]) -> None:
    """Print each goal beside what was reached."""
    least = {name: min(times) for name, times in found.items()}
    goal("decide: 20 candidate offers, one wins", least[WINS] * 1e6, "<=", 20, unit=" µs")
    theirs = {way: min(least[name] for name in least if name.startswith("CEL") and way in name) for way in WAYS}
    for way, words in WAYS.items():
        goal(f"decide: a rule beside the fastest CEL, {words}", theirs[way] / least[RULE], ">=", 10, unit=" ×")
    few = found[f"decide: enters, {ELSEWHERE[0]:,} offers elsewhere"]
    for count in ELSEWHERE[1:]:
        many = found[f"decide: enters, {count:,} offers elsewhere"]
        goal(f"decide: {count:,} offers elsewhere", ratio(many, few), "<=", 1.5, unit=" × of 100")
    points = {count: least[f"decide: enters, {count:,} offers elsewhere"] * 1e6 for count in ELSEWHERE}
    curve("A decision and the offers elsewhere", "decide", points, x="offers elsewhere", y="µs")


def main() -> None:
    """Run."""
    asked = options("a decision on 20 candidate offers").parse_args()
    rounds, for_s = asked.rounds or (2 if asked.quick else 9), 0.05 if asked.quick else 0.3
    try:
        work = {**cases(), **one_rule()}
    except ImportError:
        sys.exit(cel.MISSING)
    found = in_turns(work, rounds=rounds, for_s=for_s, clock=time.process_time)
    rows = [
        [name, micro(statistics.median(times)), micro(min(times)), f"{ratio(times, found[LOOP]):.2f}"]
        for name, times in found.items()
    ]
    title = f"decide, 20 candidate offers, {rounds} rounds of {for_s} s each"
    show(title, ["", "median µs", "least µs", "of the loop"], rows)
    judge(found)


if __name__ == "__main__":
    main()
