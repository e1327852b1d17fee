"""Previews: every content in every placement, by the code that renders live moments."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from server.channels import apns
from server.channels.base import Alert
from server.decision.render import BODY, TITLE
from server.model.offer import Content, Offer, PlaceFilter, Variant
from server.model.place import Places
from server.pipeline.preview import PAYLOADS, Reader, first_place, preview, spoken_to
from server.store.pushes import WAYS
from tests.builders import NOON, customer, offer, place, programme

KIM = customer(locale="de-AT", attributes={"first_name": "Kim"})
GREETS = "{{ customer.first_name | default: '…' }}"


def spoken(*contents: str, **changes: object) -> Offer:
    """An offer whose contents are written as locale or locale/formality."""
    made = tuple(
        Content(each.partition("/")[0], f"{each} {GREETS}", "B", each.partition("/")[2] or None)  # type: ignore[arg-type]
        for each in contents
    )
    whole = offer(**changes)
    return replace(whole, moment=replace(whole.moment, contents=made, fallback_locale=made[0].locale))


def titles(whole: Offer, reader: Reader) -> list[tuple[str, str]]:
    return [(each.words.title, each.placement) for each in preview(whole, reader, programme())]


TWO = (Variant("a", 1, "card"), Variant("b", 1, "banner"), Variant("c", 3, "card"), Variant("d", 0, "inbox"))


def test_without_a_reader_every_content_is_shown_in_every_placement_that_has_weight() -> None:
    seen = preview(spoken("en", "de/du", "de/sie", variants=TWO), Reader(customer(), NOON), programme())
    assert [(each.words.locale, each.content.formality, each.placement, each.variants) for each in seen] == [
        (locale, formality, placement, variants)
        for locale, formality in (("en", None), ("de", "du"), ("de", "sie"))
        for placement, variants in (("card", ("a", "c")), ("banner", ("b",)))
    ]


def test_a_reader_gets_the_content_that_they_would_read() -> None:
    whole = spoken("en", "de/du", "de/sie")
    assert titles(whole, Reader(KIM, NOON, one=True)) == [("de/du Kim", "card")]
    formal = spoken_to(KIM, locale=None, formality="sie")
    assert titles(whole, Reader(formal, NOON, one=True)) == [("de/sie Kim", "card")]
    foreign = spoken_to(KIM, locale="fr-FR", formality=None)
    assert titles(whole, Reader(foreign, NOON, one=True)) == [("en Kim", "card")]


def test_one_placement_can_be_asked_for() -> None:
    assert titles(spoken("en", variants=TWO), Reader(KIM, NOON, placement="banner")) == [("en Kim", "banner")]
    assert titles(spoken("en", variants=TWO), Reader(KIM, NOON, placement="inbox")) == []


@pytest.mark.parametrize(("letters", "cut"), [(TITLE, False), (TITLE + 1, True)])
def test_words_that_are_too_long_are_told(letters: int, cut: bool) -> None:
    whole = spoken("en")
    long = replace(whole.moment.contents[0], title="x" * letters)
    whole = replace(whole, moment=replace(whole.moment, contents=(long,)))
    assert [each.cut for each in preview(whole, Reader(KIM, NOON), programme())] == [cut]


@pytest.mark.parametrize(("letter", "whole"), [("a", True), ("😀", True), ("\x01", False)])
def test_a_push_is_measured_by_what_would_be_sent(letter: str, whole: bool) -> None:
    built = offer()
    body = letter * BODY if letter != "\x01" else "\\" * BODY
    content = Content("en", "T" if whole else "\\" * TITLE, body, image_url="https://example.org/" + "x" * 1980)
    [seen] = preview(
        replace(built, moment=replace(built.moment, contents=(content,), surfaces=frozenset({"push"}))),
        Reader(KIM, NOON),
        programme(),
    )
    assert all(100 < each.bytes <= each.limit for each in seen.pushes)
    assert letter != "a" or all(each.whole for each in seen.pushes)
    [push] = [each for each in seen.pushes if each.way == "apns"]
    assert push.bytes <= push.limit == 4096
    sent = apns.payload_for(
        Alert(
            id=KIM.id,
            moment_id=KIM.id,
            title=seen.words.title,
            body=seen.words.body,
            collapse_id="",
            expires_at=NOON,
            image_url=seen.words.image_url,
            action=seen.action,
        )
    )
    assert push.bytes == len(sent)
    alert = msgspec.json.decode(sent)["aps"]["alert"]
    assert push.whole == (alert == {"title": seen.words.title, "body": seen.words.body})


def test_what_is_not_pushed_is_not_measured() -> None:
    whole = spoken("en")
    whole = replace(whole, moment=replace(whole.moment, surfaces=frozenset({"in_app"})))
    assert [each.pushes for each in preview(whole, Reader(KIM, NOON), programme())] == [()]
    assert set(PAYLOADS) == set(WAYS.values())


def test_a_place_that_the_offer_means_is_named() -> None:
    near, far = place(1), place(2)
    places = Places({each.geofence_id: each for each in (far, near)}, {each.id: each for each in (far, near)})
    meant = offer()
    meant = replace(meant, when=replace(meant.when, places=PlaceFilter(ids=frozenset({far.id}))))
    assert first_place(meant, places) == far
    anywhere = replace(meant, when=replace(meant.when, places=PlaceFilter(any=True)))
    assert first_place(anywhere, places) == min(near, far, key=lambda each: each.name)
    assert first_place(replace(meant, when=replace(meant.when, places=PlaceFilter(tag="x"))), places) is None
