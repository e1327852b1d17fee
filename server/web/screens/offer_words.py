"""An offer's document in words of the page's language, for whoever would rather read sentences than JSON.

Rule 1: a document was checked when it was written, so its shape is known; what has no words here is shown as it is.
Rule 2: what the document does not say is not said either, but where the reader would wonder: no reward, no limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from server.web.languages import Language
from server.web.screens.condition_words import Line, conditions
from server.web.screens.phrases import Names, Phrases

_DAILY: Final = {"calendar": "day"}


class Section(NamedTuple):
    """A heading and its sentences."""

    title: str
    lines: tuple[Line, ...]


def sections(document: Mapping[str, Any], language: Language, names: Names = str) -> list[Section]:
    """Say a whole document."""
    of = Phrases(language, names)
    told: dict[str, Iterator[Line]] = {
        "when": _when(document.get("when") or {}, of),
        "if": conditions(document["if"], of) if document.get("if") else iter(()),
        "runs": _runs(document, of),
        "shown": _shown(document, of),
        "reward": _reward(document.get("reward"), of),
        "limits": _limits(document, of),
        "rest": _rest(document, of),
    }
    found = [Section(of.say(f"doc_{name}"), tuple(lines)) for name, lines in told.items()]
    return [each for each in found if each.lines]


def flat(told: list[Section]) -> list[str]:
    """Give every sentence by itself, for comparing two documents; what stands inside another begins with it."""

    def walk(lines: tuple[Line, ...], before: str) -> Iterator[str]:
        for line in lines:
            if not line.inside:
                yield f"{before}{line.text}"
            yield from walk(line.inside, f"{before}{line.text} ")

    return list(chain.from_iterable(walk(each.lines, f"{each.title}: ") for each in told))


def _when(when: Mapping[str, Any], of: Phrases) -> Iterator[Line]:
    trigger = when.get("trigger", "enter")
    key = "inactivity" if when.get("event") == "inactivity" else trigger
    yield Line(
        of.say(
            f"trigger_{key}",
            places=of.places(when.get("places")),
            dwell=of.length(when.get("dwell")),
            metres=of.number(when.get("within_m")),
            event=of.event(when.get("event")),
            after=of.length(when.get("after")),
            plan=when.get("cron") or when.get("rrule"),
            zone=of.zone(when.get("tz", "place")),
        )
    )
    if "min_confidence" in when:
        yield Line(of.say("doc_sure", share=of.share(when["min_confidence"])))


def _runs(document: Mapping[str, Any], of: Phrases) -> Iterator[Line]:
    active = document.get("active") or {}
    first, last = active.get("from"), active.get("to")
    key = "runs_span" if first and last else "runs_from" if first else "runs_to" if last else "runs_always"
    yield Line(of.say(key, **{"from": of.day(first), "to": of.day(last)}))
    if "priority" in document:
        yield Line(of.say("runs_priority", priority=document["priority"]))
    if "fresh" in document:
        yield Line(of.say("runs_fresh", fresh=of.length(document["fresh"])))
    if "deliver_by" in document:
        yield Line(of.say("runs_deliver_by", time=of.length(document["deliver_by"])))


def _shown(document: Mapping[str, Any], of: Phrases) -> Iterator[Line]:
    moment = document.get("moment") or {}
    surfaces = sorted(moment.get("surfaces") or ["in_app", "push"])
    yield Line(of.say(f"shown_surfaces_{surfaces[0] if len(surfaces) == 1 else 'both'}"))
    content = moment.get("content") or {}
    for locale, words in content.items():
        for each in words if isinstance(words, list) else [words]:
            key = "shown_formality" if each.get("formality") else "shown_content"
            title = of.say(key, locale=locale, formality=each.get("formality"), title=each.get("title"))
            yield Line(title, (Line(str(each.get("body"))),))
    if len(content) > 1:
        yield Line(of.say("shown_fallback", locale=moment.get("fallback_locale")))
    action = moment.get("action") or {}
    if action.get("type") == "link":
        yield Line(of.say("shown_link", url=action.get("url")))
    variants = document.get("variants") or []
    whole = sum(each.get("weight", 1) for each in variants) or 1
    for each in variants:
        placement = of.say(f"placement_{each.get('placement', 'card')}")
        share = of.share(each.get("weight", 1) / whole)
        yield Line(of.say("shown_variant", id=each.get("id"), placement=placement, share=share))


def _reward(reward: Mapping[str, Any] | None, of: Phrases) -> Iterator[Line]:
    if not reward:
        yield Line(of.say("reward_none"))
        return
    value = of.money(reward["value"]) if reward.get("value") else ""
    yield Line(
        of.say(
            f"reward_{reward.get('type')}",
            percent=of.number(reward.get("percent")),
            points=of.number(reward.get("points")),
            value=value,
            sku=of.say("reward_sku", sku=reward["sku"]) if reward.get("sku") else "",
            worth=of.say("reward_worth", value=value) if value else "",
        )
    )
    if reward.get("uses", 1) > 1:
        yield Line(of.say("reward_uses", uses=of.number(reward["uses"])))
    if reward.get("minimum_purchase"):
        yield Line(of.say("reward_minimum", value=of.money(reward["minimum_purchase"])))
    yield from _valid(reward.get("valid") or {}, of)
    places = reward.get("places", "triggering")
    if isinstance(places, Mapping):
        yield Line(of.say("reward_where_named", places=of.places(places)))
    else:
        yield Line(of.say(f"reward_where_{places}"))


def _valid(valid: Mapping[str, Any], of: Phrases) -> Iterator[Line]:
    if valid.get("from", "decision") != "decision":
        yield Line(of.say("reward_from", **{"from": _edge(valid["from"], of)}))
    if "until" in valid:
        yield Line(of.say("reward_until", until=_edge(valid["until"], of)))
    if "at_most" in valid:
        yield Line(of.say("reward_at_most", length=of.length(valid["at_most"])))


def _edge(edge: Any, of: Phrases) -> str:
    match edge:
        case {"local": str(clock)}:
            return f"{clock} {of.say('cond_clock', zone=of.zone(edge.get('tz', 'place')))}"
    return of.day(edge)


def _limits(document: Mapping[str, Any], of: Phrases) -> Iterator[Line]:
    limits, holdout = document.get("limits") or {}, document.get("holdout")
    if not limits and not holdout:
        yield Line(of.say("limit_none"))
    for cap in limits.get("per_customer") or []:
        yield Line(of.say("limit_customer", max=of.number(cap.get("max")), period=_period(cap.get("period"), of)))
    total = limits.get("total") or {}
    if "units" in total:
        yield Line(of.say("limit_units", units=of.number(total["units"])))
    if "liability" in total:
        yield Line(of.say("limit_liability", value=of.money(total["liability"])))
    place = limits.get("per_place")
    if place:
        units = of.number(place.get("units"))
        yield Line(of.say("limit_place", units=units, period=_period(place.get("period") or _DAILY, of)))
    if limits.get("pressure_class"):
        yield Line(of.say("limit_class", name=limits["pressure_class"]))
    if holdout:
        yield Line(of.say("limit_holdout", share=of.share(holdout.get("share"))))


def _period(period: Any, of: Phrases) -> str:
    period = period or _DAILY
    if "rolling" in period:
        return of.say("period_rolling", length=of.length(period["rolling"]))
    return of.say(f"period_{period.get('calendar', 'day')}")


def _rest(document: Mapping[str, Any], of: Phrases) -> Iterator[Line]:
    goal = document.get("goal")
    if goal:
        event, within = of.event(goal.get("event", "redemption")), of.length(goal.get("within", "P7D"))
        yield Line(of.say("rest_goal", event=event, within=within))
    if document.get("topic"):
        yield Line(of.say("rest_topic", topic=document["topic"]))
    trust = document.get("trust") or {}
    for name in ("mock", "teleport"):
        if trust.get(name) == "allow":
            yield Line(of.say(f"rest_{name}_allow"))
