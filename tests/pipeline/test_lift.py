"""Intervals judged by printed examples, by a second implementation, and by how often they hold in simulated trials; and both
arms followed down the real street."""

from __future__ import annotations

import re
from datetime import timedelta
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.choose import draw
from server.pipeline.lift import LEVEL, Arm, compare_means, compare_shares, newcombe, welch
from server.store import funnel, lift, trials
from tests.house.tree import ROOT
from tests.oracles import stats
from tests.pipeline.town import Town, document, fix, off, street


def share(hits: int, customers: int) -> Arm:
    """An arm of which so many did it."""
    return Arm(customers, hits, hits)


def arm_of(sample: Any) -> Arm:
    """An arm from what each customer did, in whole numbers."""
    numbers = [int(each) for each in sample]
    return Arm(len(numbers), sum(numbers), sum(each * each for each in numbers))


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_shares_are_compared_as_newcombe_printed_it(
    treated: tuple[int, int], control: tuple[int, int], low: float, high: float
) -> None:
    assert newcombe(share(*treated), share(*control)) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_the_score_intervals_are_those_of_scipys_binomial_test(one: int, other: int, data: Any) -> None:
    hits, control = data.draw(st.integers(0, one)), data.draw(st.integers(0, other))
    first, second = (
        stats().binomtest(k, n).proportion_ci(LEVEL, method="wilson") for k, n in ((hits, one), (control, other))
    )
    p, q = hits / one, control / other
    low = p - q - ((p - first.low) ** 2 + (second.high - q) ** 2) ** 0.5
    high = p - q + ((first.high - p) ** 2 + (q - second.low) ** 2) ** 0.5
    assert newcombe(share(hits, one), share(control, other)) == pytest.approx((low, high), abs=1e-9)


def test_means_are_compared_as_scipy_compares_the_samples_themselves() -> None:
    lots = np.random.default_rng(11)
    for size, other, spread in ((100, 100, 1.0), (900, 120, 3.0), (150, 4000, 0.2)):
        treated, control = lots.poisson(900, size), np.rint(lots.normal(850, 100 * spread, other))
        wanted = stats().ttest_ind(treated, control, equal_var=False).confidence_interval(LEVEL)
        assert welch(arm_of(treated), arm_of(control)) == pytest.approx((wanted.low, wanted.high), rel=1e-9)


def test_large_sums_lose_nothing() -> None:
    exact = [10**9, 10**9 + 1, 10**9 + 2]
    assert arm_of(exact).variance == 1.0


def coverage(trials: int, draw: Any, interval: Any, truth: float) -> float:
    """How often the interval holds the truth."""
    held = 0
    for _ in range(trials):
        found = interval(*draw())
        held += found.low <= truth <= found.high
    return held / trials


def test_in_simulated_trials_the_interval_of_shares_holds_as_often_as_it_says() -> None:
    lots = np.random.default_rng(20261128)
    for p, q, n, m in ((0.10, 0.08, 900, 100), (0.02, 0.02, 400, 400), (0.5, 0.4, 120, 100)):
        hits, control = lots.binomial(n, p, 1500), lots.binomial(m, q, 1500)
        pairs = iter(zip(hits.tolist(), control.tolist(), strict=True))
        held = coverage(
            1500, lambda pairs=pairs: next(pairs), lambda k, c, n=n, m=m: newcombe(share(k, n), share(c, m)), p - q
        )
        assert 0.93 <= held <= 0.985, (p, q, held)


def test_in_simulated_trials_the_interval_of_spending_holds_though_most_spend_nothing() -> None:
    lots = np.random.default_rng(20261129)

    def spending(customers: int, buyers: float) -> np.ndarray[Any, Any]:
        amounts = np.rint(np.exp(lots.normal(6.5, 0.6, (800, customers))))
        return np.where(lots.random((800, customers)) < buyers, amounts, 0).astype(np.int64)

    treated, control = spending(600, 0.3), spending(200, 0.25)
    truth = (0.3 - 0.25) * float(np.exp(6.5 + 0.6**2 / 2))
    held = sum(
        found.low <= truth <= found.high
        for one, other in zip(treated, control, strict=True)
        for found in [welch(*(Arm(len(each), int(each.sum()), int((each * each).sum())) for each in (one, other)))]
    )
    assert 0.93 <= held / 800 <= 0.97


@pytest.mark.parametrize(("treated", "control"), [(99, 500), (500, 99), (0, 0), (0, 500)])
def test_too_few_customers_are_said_so_and_compared_with_nothing(treated: int, control: int) -> None:
    for found in (
        compare_shares(share(treated // 2, treated), share(control // 3, control), least=100),
        compare_means(Arm(treated, treated, 3 * treated), Arm(control, control, 2 * control), least=100),
    ):
        assert (found.difference, found.relative, found.interval) == (None, None, None)
        name = "control" if control < 100 else "treated"
        assert found.note == f"not enough data: the {name} group has fewer than 100 customers whose time is over"


def test_the_least_number_of_customers_is_enough() -> None:
    found = compare_shares(share(30, 100), share(20, 100), least=100)
    assert (found.difference, found.relative) == (pytest.approx(0.1), pytest.approx(0.5))
    assert found.interval is not None
    assert found.note is None


def test_where_nothing_happened_or_nothing_varies_no_interval_is_told() -> None:
    assert compare_shares(share(0, 500), share(0, 500), least=100).note == "not enough data: it happened to nobody yet"
    same = compare_means(Arm(500, 1000, 2000), Arm(400, 800, 1600), least=100)
    assert (same.interval, same.note) == (None, "not enough data: no two customers differ")


def test_an_arm_in_which_nothing_varies_may_stand_beside_one_in_which_it_does() -> None:
    found = compare_means(Arm(200, 300, 700), Arm(150, 0, 0), least=100)
    assert found.interval is not None
    assert -inf < found.interval.low < 1.5 < found.interval.high < inf
    assert (found.difference, found.relative) == (1.5, None)  # of nothing there is no share


def test_no_file_of_the_server_loads_the_library_as_it_is_imported() -> None:
    loaded = [
        path.name
        for path in (ROOT / "server").rglob("*.py")
        if re.search(r"^(?:import|from) (?:scipy|numpy)", path.read_text(), re.MULTILINE)
    ]
    assert loaded == []


async def test_both_arms_walk_the_same_street_and_are_told_apart_at_its_end(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.open_shop(off(-3_000), name="South")
    offer = await town.publish(
        document(
            limits={"per_customer": [{"max": 1, "period": {"rolling": "P1D"}}]},
            holdout={"share": 0.4, "salt": "arms"},
        )
    )
    customers = await town.customers(12)
    out = {each for each in customers if draw("arms", each) < 0.4}
    assert 0 < len(out) < 12
    async with street(db_dsn) as process:
        for number, each in enumerate(customers):
            answer = await process.ping(each, fix(age_s=170))  # comes in, and is shown it or held out
            assert len(answer.moments) == (each not in out)
            if number % 2:
                await process.ping(each, fix(off(-3_000)))  # comes to the other shop, after the moment
        now = await process.now()
    await funnel.roll(town.pool)
    assert await trials.follow(town.pool, now=now + timedelta(days=9)) == 12
    async with town.pool.acquire() as db:
        sums = await lift.arms(db, start=now - timedelta(days=1), end=now + timedelta(days=1), by="offer")
    came = {each for number, each in enumerate(customers) if number % 2}
    assert {each.held_out: (each.key, each.customers, each.visits) for each in sums} == {
        True: (str(offer), len(out), len(out & came)),
        False: (str(offer), 12 - len(out), len(came - out)),
    }
