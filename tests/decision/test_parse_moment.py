"""The words, surfaces, actions and variants of a document."""

from __future__ import annotations

import pytest

from server.model.offer import Variant
from tests.decision.rulebook import DROP, LEAST, WHOLE, changed, mistakes, read


def moment(path, value):
    """Read the least document with one change under `moment`."""
    return read(changed(LEAST, f"moment.{path}", value)).offer.moment


def test_the_words_are_kept_by_locale():
    contents = read(WHOLE).offer.moment.contents
    assert [(each.locale, each.formality) for each in contents] == [("de-DE", "du"), ("en-US", None)]
    assert contents[1].body == "Until 11 at {{ place.name }}."


def test_one_locale_may_have_a_content_for_du_and_one_for_sie():
    both = [{"formality": "du", "title": "Hallo", "body": "-"}, {"formality": "sie", "title": "Guten Tag", "body": "-"}]
    contents = moment("content.de-DE", both).contents
    assert [(each.locale, each.formality, each.title) for each in contents[1:]] == [
        ("de-DE", "du", "Hallo"),
        ("de-DE", "sie", "Guten Tag"),
    ]


def test_a_tap_leads_to_the_pass_or_to_an_address():
    link = {"type": "link", "url": "https://example.org/menu?a=1#b"}
    assert moment("action", link).action == link
    assert moment("action", {"type": "pass"}).action == {"type": "pass"}


def test_surfaces_collapse_key_and_picture_are_kept():
    assert moment("surfaces", ["push"]).surfaces == {"push"}
    assert moment("collapse_key", "coffee").collapse_key == "coffee"
    assert (
        moment("content.en.image_url", "https://example.org/a.png").contents[0].image_url == "https://example.org/a.png"
    )


WORDS = {"title": "T", "body": "B"}


@pytest.mark.parametrize(
    ("path", "value", "fields"),
    [
        ("colour", "red", ["colour"]),
        ("surfaces", [], ["surfaces"]),
        ("surfaces", ["in_app", "fax"], ["surfaces[1]"]),
        ("surfaces", ["push", "push"], ["surfaces"]),
        ("surfaces", "push", ["surfaces"]),
        ("collapse_key", "x" * 65, ["collapse_key"]),
        ("content", DROP, ["content"]),
        ("content", {}, ["content"]),
        ("content", [WORDS], ["content"]),
        ("content.english", WORDS, ["content.english"]),
        ("content.en", "Hello", ["content.en"]),
        ("content.en.title", DROP, ["content.en.title"]),
        ("content.en.body", "", ["content.en.body"]),
        ("content.en.body", 5, ["content.en.body"]),
        ("content.en.title", "x" * 301, ["content.en.title"]),
        ("content.en.subtitle", "x", ["content.en.subtitle"]),
        ("content.en.formality", "du", ["content.en.formality"]),
        ("content.de", WORDS | {"formality": "ihr"}, ["content.de.formality"]),
        ("content.de", [WORDS, WORDS], ["content.de"]),
        ("content.de", [WORDS | {"formality": "du"}] * 2, ["content.de"]),
        ("content.de", [], ["content.de"]),
        ("content.de", [WORDS, "Hallo"], ["content.de[1]", "content.de"]),
        ("content.en.image_url", "http://example.org/a.png", ["content.en.image_url"]),
        ("content.en.image_url", "https://user:secret@example.org/a.png", ["content.en.image_url"]),
        ("content.en.image_url", "javascript:alert(1)", ["content.en.image_url"]),
        ("content.en.image_url", "https://example.org/a b.png", ["content.en.image_url"]),
        ("content.en.title", "{{ place.hours }}", ["content.en.title"]),
        ("content.en.title", "{{ place.name", ["content.en.title"]),
        ("content.en.body", "Hi {{ customer.first_name }}", ["content.en.body"]),
        ("content.en.body", "Hi {{ customer.first_name | default: '' }}", ["content.en.body"]),
        ("content.en.body", "{{ customer.a }} {{ customer.b }}", ["content.en.body", "content.en.body"]),
        ("content.en.body", "Worth {{ reward.value }}", ["content.en.body"]),
        ("fallback_locale", DROP, ["fallback_locale"]),
        ("fallback_locale", "fr-FR", ["fallback_locale"]),
        ("fallback_locale", "", ["fallback_locale"]),
        ("action", "pass", ["action"]),
        ("action", {}, ["action.type"]),
        ("action", {"type": "dance"}, ["action.type"]),
        ("action", {"type": "survey"}, ["action.type"]),
        ("action", {"type": "link"}, ["action.url"]),
        ("action", {"type": "link", "url": "ftp://example.org"}, ["action.url"]),
        ("action", {"type": "pass", "url": "https://example.org"}, ["action.url"]),
    ],
)
def test_a_moment_that_cannot_be_told_says_where(path, value, fields):
    found = [error.field for error in mistakes(changed(LEAST, f"moment.{path}", value))]
    assert found == [f"moment.{field}" for field in fields]


def test_surveys_are_refused_in_a_plain_sentence():
    [error] = mistakes(changed(LEAST, "moment.action", {"type": "survey"}))
    assert error.message == "surveys are not available in this version"


def test_the_message_about_a_placeholder_shows_how_it_is_written():
    [error] = mistakes(changed(LEAST, "moment.content.en.body", "Hi {{ customer.first_name }}"))
    assert error.message == "customer.first_name needs a default, such as {{ customer.first_name | default: 'Hallo' }}"


def test_a_reward_may_be_named_where_there_is_one_or_a_default():
    with_default = changed(LEAST, "moment.content.en.body", "{{ reward.value | default: 'a gift' }}")
    assert mistakes(with_default) == []
    assert mistakes(changed(WHOLE, "moment.content.en-US.body", "{{ reward.value }} until {{ reward.until }}")) == []


def test_variants_have_weights_and_placements():
    variants = read(
        changed(LEAST, "variants", [{"id": "a"}, {"id": "b", "weight": 3, "placement": "inbox"}])
    ).offer.variants
    assert variants == (Variant("a", 1, "card"), Variant("b", 3, "inbox"))


@pytest.mark.parametrize(
    ("variants", "fields"),
    [
        ([], ["variants"]),
        ([{}], ["variants[0].id"]),
        (["a"], ["variants[0]"]),
        ([{"id": "a"}, {"id": "a"}], ["variants[1].id"]),
        ([{"id": "a", "weight": -1}], ["variants[0].weight"]),
        ([{"id": "a", "weight": 0.5}], ["variants[0].weight"]),
        ([{"id": "a", "weight": 0}, {"id": "b", "weight": 0}], ["variants"]),
        ([{"id": "a", "placement": "billboard"}], ["variants[0].placement"]),
        ([{"id": "a", "share": 1}], ["variants[0].share"]),
    ],
)
def test_variants_that_make_no_sense_say_where(variants, fields):
    assert [error.field for error in mistakes(changed(LEAST, "variants", variants))] == fields


def plural(text, *, locale="de-DE"):
    """Say the complaints about a title in a locale of a document with a reward."""
    return mistakes(changed(WHOLE, f"moment.content.{locale}.title", text))


@pytest.mark.parametrize(
    ("forms", "locale", "right"),
    [
        ("one='Tasse', other='Tassen'", "de-DE", True),
        ("other='Tassen'", "de-DE", True),
        ("one='Tasse'", "de-DE", False),
        ("one='Tasse', few='Tassen', other='Tassen'", "de-DE", False),
        ("one='Tasse', one='Tassen', other='Tassen'", "de-DE", False),
        ("single='Tasse', other='Tassen'", "de-DE", False),
        ("one='cup', other='cups'", "en-US", True),
        ("zero='cup', other='cups'", "en-US", False),
    ],
)
def test_a_plural_has_the_forms_of_its_language(forms, locale, right):
    found = plural(f"{{{{ reward.uses | plural: {forms} }}}}", locale=locale)
    assert bool(found) != right
    assert all(each.field.startswith("moment.content") for each in found)


def test_a_plural_goes_by_a_number():
    assert plural("{{ customer.visits | plural: other='#' | default: 'x' }}") == []
    assert plural("{{ weather.temperature_c | plural: other='#' }}") == []
    for name in ("place.name", "reward.value", "offer.name"):
        assert len(plural(f"{{{{ {name} | plural: other='#' }}}}")) == 1
    assert len(plural("{{ customer.visits | plural: other='#' }}")) == 1  # the fallback is missing


def test_what_a_language_would_read_badly_is_told():
    def warned(locale, text):
        content = {locale: {"title": text, "body": "B"}, "en": {"title": "T", "body": "B"}}
        document = changed(WHOLE, "moment.content", content)
        return [each.message for each in read(changed(document, "moment.fallback_locale", "en")).warnings]

    assert warned("pl", "{{ reward.uses | plural: one='#', other='#' }}") == [
        "pl has the plural form few, many, too: other stands in for it"
    ]
    assert warned("fr", "{{ reward.uses | plural: one='#', other='#' }}") == []
    assert len(warned("fr", "{{ weather.kind }}")) == 1
    assert len(warned("xx", "T")) == 1
    assert warned("de", "{{ weather.kind }}") == []
