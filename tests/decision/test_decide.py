"""The heart: who wins, who is told why not, and what is remembered."""

from __future__ import annotations

from server.decision.decide import decide
from server.decision.finding import Gate, Truth
from tests.builders import after, context, fix, offer, ruleset


def test_the_first_fix_inside_shows_the_offer_that_waits_for_an_enter() -> None:
    rules = ruleset(offer())
    decision = decide(context(rules, fix(), foreground=True), rules)
    assert decision.chosen is not None
    assert decision.chosen.channel == "in_app"
    assert [each.type for each in decision.transitions] == ["enter"]
    assert [each.offer_id for each in decision.state.shown] == [offer().id]


def test_the_second_fix_inside_is_no_enter() -> None:
    rules = ruleset(offer())
    first = decide(context(rules, fix()), rules)
    second = decide(context(rules, fix(at=after(30)), state=first.state), rules)
    assert second.chosen is None
    [verdict] = second.verdicts
    assert (verdict.finding.gate, verdict.finding.truth) == (Gate.TRIGGER, Truth.HOLDS)
