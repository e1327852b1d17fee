"""Arbitration, control groups, variants and ways of telling: hashes, no lots."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.choose import channel_for, draw, is_held_out, last_shown, rank, variant_for
from server.model.customer import Consents
from server.model.offer import Holdout, Offer, Variant
from tests.builders import CUSTOMER, NOON, after, offer, offer_id, programme, shown

CUSTOMERS = [UUID(int=number * 7919) for number in range(4000)]
CROWD = [UUID(int=(number << 64) + number) for number in range(20_000)]

ONE_IN_A_THOUSAND = {1: 10.83, 2: 13.82, 3: 16.27, 99: 148.23}
"""The chi-squared distribution's 0.999 quantile by degrees of freedom, from printed tables."""


def chi_squared(counted: list[float], expected: list[float]) -> float:
    """Pearson's statistic."""
    return sum((found - wanted) ** 2 / wanted for found, wanted in zip(counted, expected, strict=True))


def independence(rows: list[list[int]]) -> float:
    """Pearson's statistic for the independence of the rows and columns of a table of counts."""
    down, across = [sum(row) for row in rows], [sum(column) for column in zip(*rows, strict=True)]
    return chi_squared(
        [float(cell) for row in rows for cell in row],
        [one * other / sum(down) for one in down for other in across],
    )


@given(st.text(), st.uuids())
def test_a_draw_is_a_number_from_0_to_below_1_and_always_the_same(salt: str, who: UUID) -> None:
    assert 0.0 <= draw(salt, who) < 1.0
    assert draw(salt, who) == draw(salt, who)


def test_a_draw_is_the_hash_that_anybody_can_recompute() -> None:
    digest = hashlib.sha256(f"coffee:{CUSTOMER}".encode()).hexdigest()
    assert draw("coffee", CUSTOMER) == pytest.approx(int(digest[:16], 16) / 16**16, abs=1e-12)


def test_draws_spread_evenly() -> None:
    tenths = Counter(int(draw("coffee", who) * 10) for who in CUSTOMERS)
    assert set(tenths) == set(range(10))
    assert all(abs(count - 400) < 5 * 19 for count in tenths.values())  # five standard deviations of a binomial


def test_salts_draw_independently() -> None:
    both = sum(1 for who in CUSTOMERS if draw("one", who) < 0.5 and draw("two", who) < 0.5)
    assert abs(both - 1000) < 5 * 27.4


def test_the_share_of_the_control_group_is_kept_and_who_is_in_it_stays() -> None:
    held = offer(holdout=Holdout(0.05, "coffee:2026Q4"))
    group = {who for who in CUSTOMERS if is_held_out(held, who, programme())}
    assert abs(len(group) - 200) < 5 * 13.8
    wider = offer(2, holdout=Holdout(0.10, "coffee:2026Q4"))
    assert group < {who for who in CUSTOMERS if is_held_out(wider, who, programme())}


@pytest.mark.parametrize(
    ("own", "general", "held"), [(None, 1.0, True), (None, 0.0, False), (0.0, 1.0, False), (1.0, 0.0, True)]
)
def test_an_offers_own_holdout_stands_before_the_programmes(own: float | None, general: float, held: bool) -> None:
    asked = offer(holdout=Holdout(own, "salt") if own is not None else None)
    assert is_held_out(asked, CUSTOMER, programme(holdout_share=general)) is held


def test_the_programme_holds_the_same_customers_out_of_all_offers() -> None:
    rules = programme(holdout_share=0.3)
    assert [is_held_out(offer(1), who, rules) for who in CUSTOMERS] == [
        is_held_out(offer(2), who, rules) for who in CUSTOMERS
    ]


THREE = (Variant("a", 1, "card"), Variant("b", 2, "banner"), Variant("c", 0, "inbox"))


def test_variants_come_by_weight_and_stay_with_the_customer() -> None:
    mixed = offer(variants=THREE)
    counts = Counter(found.id for who in CUSTOMERS if (found := variant_for(mixed, who)) is not None)
    assert set(counts) == {"a", "b"}
    assert abs(counts["a"] - 1333) < 5 * 29.8
    assert variant_for(mixed, CUSTOMER) == variant_for(replace(mixed, version=9, priority=1), CUSTOMER)


def test_variants_do_not_follow_the_control_group() -> None:
    mixed = offer(variants=(Variant("a", 1, "card"), Variant("b", 1, "card")), holdout=Holdout(0.5, "salt"))
    treated = [who for who in CUSTOMERS if not is_held_out(mixed, who, programme())]
    first = sum(1 for who in treated if (found := variant_for(mixed, who)) is not None and found.id == "a")
    assert abs(first - len(treated) / 2) < 5 * 22.4


def test_no_variants_are_no_variant_and_no_weights_mean_the_first() -> None:
    assert variant_for(offer(), CUSTOMER) is None
    assert variant_for(offer(variants=(Variant("x", 0, "card"), Variant("y", 0, "card"))), CUSTOMER) == Variant(
        "x", 0, "card"
    )


def test_twenty_thousand_draws_are_even_by_pearsons_test() -> None:
    hundredths = Counter(int(draw("coffee:2026Q4", who) * 100) for who in CROWD)
    assert chi_squared([float(hundredths[each]) for each in range(100)], [200.0] * 100) < ONE_IN_A_THOUSAND[99]


def test_pearsons_test_would_notice_a_draw_that_favours_some() -> None:
    hundredths = Counter(int(draw("coffee:2026Q4", who) ** 1.1 * 100) for who in CROWD)
    assert chi_squared([float(hundredths[each]) for each in range(100)], [200.0] * 100) > ONE_IN_A_THOUSAND[99]


def test_twenty_thousand_customers_are_spread_over_variants_by_weight() -> None:
    mixed = offer(variants=(Variant("a", 50, "card"), Variant("b", 30, "banner"), Variant("c", 20, "inbox")))
    counts = Counter(found.id for who in CROWD if (found := variant_for(mixed, who)) is not None)
    assert chi_squared([float(counts[each]) for each in "abc"], [10_000, 6_000, 4_000]) < ONE_IN_A_THOUSAND[2]


def groups_of(one: Offer, other: Offer, **general: float) -> list[list[int]]:
    """How many customers are held out of the one offer, of the other, of both, of neither."""
    rules = programme(**general)
    counts = Counter((is_held_out(one, who, rules), is_held_out(other, who, rules)) for who in CROWD)
    return [[counts[held, too] for too in (True, False)] for held in (True, False)]


def test_the_control_groups_of_two_offers_have_nothing_to_do_with_each_other() -> None:
    one, other = offer(1, holdout=Holdout(0.2, "coffee")), offer(2, holdout=Holdout(0.1, "books"))
    rows = groups_of(one, other)
    assert min(cell for row in rows for cell in row) > 300
    assert independence(rows) < ONE_IN_A_THOUSAND[1]


def test_an_offers_control_group_has_nothing_to_do_with_the_programmes() -> None:
    rows = groups_of(offer(1, holdout=Holdout(0.2, "coffee")), offer(2), holdout_share=0.1)
    assert min(cell for row in rows for cell in row) > 300
    assert independence(rows) < ONE_IN_A_THOUSAND[1]


def test_two_offers_that_name_one_salt_share_their_control_group() -> None:
    rows = groups_of(offer(1, holdout=Holdout(0.2, "autumn")), offer(2, holdout=Holdout(0.2, "autumn")))
    assert rows[0][1] == rows[1][0] == 0
    assert rows[0][0] > 3000


def test_which_variant_somebody_has_says_nothing_of_being_held_out() -> None:
    three = (Variant("a", 50, "card"), Variant("b", 30, "banner"), Variant("c", 20, "inbox"))
    mixed = offer(variants=three, holdout=Holdout(0.1, "coffee"))
    counts: Counter[tuple[bool, str]] = Counter()
    for who in CROWD:
        found = variant_for(mixed, who)
        assert found is not None
        counts[is_held_out(mixed, who, programme()), found.id] += 1
    assert independence([[counts[held, each] for each in "abc"] for held in (True, False)]) < ONE_IN_A_THOUSAND[2]


def test_variants_of_two_offers_are_drawn_apart() -> None:
    both = [offer(number, variants=(Variant("a", 1, "card"), Variant("b", 1, "banner"))) for number in (1, 2)]
    counts: Counter[tuple[str, ...]] = Counter()
    for who in CUSTOMERS:
        counts[tuple(found.id for each in both if (found := variant_for(each, who)) is not None)] += 1
    assert independence([[counts[one, other] for other in "ab"] for one in "ab"]) < ONE_IN_A_THOUSAND[1]


def test_a_new_version_a_wider_holdout_and_other_words_leave_everybodys_variant_as_it_was() -> None:
    before = offer(variants=THREE, holdout=Holdout(0.1, "coffee"))
    after = replace(before, version=9, priority=1, holdout=Holdout(0.5, "autumn"), name="renamed")
    assert all(variant_for(before, who) == variant_for(after, who) for who in CUSTOMERS)


@pytest.mark.parametrize(
    ("surfaces", "foreground", "push", "channel"),
    [
        (("in_app", "push"), True, True, "in_app"),
        (("push",), True, False, "in_app"),
        (("in_app", "push"), False, True, "push"),
        (("in_app", "push"), False, False, "in_app"),
        (("in_app",), False, True, "in_app"),
        (("push",), False, True, "push"),
        (("push",), False, False, None),
    ],
)
def test_the_way_it_is_told(surfaces: tuple[str, ...], foreground: bool, push: bool, channel: str | None) -> None:
    assert channel_for(offer(surfaces=surfaces), Consents(True, push, True), foreground=foreground) == channel


def test_the_last_time_an_offer_was_shown_is_the_latest_in_whatever_order() -> None:
    found = last_shown([shown(after(5)), shown(after(9)), shown(after(7)), shown(after(3), 2), shown(NOON, None)])
    assert found == {offer_id(1): after(9), offer_id(2): after(3)}


def first(*offers: Offer, last: dict[UUID, object] | None = None) -> str:
    """Name the offer that wins."""
    return min(offers, key=lambda each: rank(each, last or {})).name  # type: ignore[arg-type]


def test_higher_priority_wins_then_the_least_recently_shown_then_the_older() -> None:
    assert first(offer(1, priority=50), offer(2, priority=60)) == "offer-2"
    assert first(offer(1), offer(2), last={offer_id(1): after(1), offer_id(2): after(0)}) == "offer-2"
    assert first(offer(1), offer(2), last={offer_id(1): after(1)}) == "offer-2"
    assert first(offer(1), offer(2)) == "offer-1"
    assert first(offer(2, created_at=NOON), offer(1, created_at=NOON)) == "offer-1"
