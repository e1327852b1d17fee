"""Templates without logic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.templates import ALLOWED, Placeholder, fill, placeholders


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no braces", ()),
        ("{{ place.name }}", (Placeholder("place.name", None),)),
        ("{{place.name}}", (Placeholder("place.name", None),)),
        ("{{ customer.first_name | default: 'Hallo' }}", (Placeholder("customer.first_name", "Hallo"),)),
        ('{{customer.a|default:"it\'s"}}', (Placeholder("customer.a", "it's"),)),
        ("{{ customer.a | default: '' }}", (Placeholder("customer.a", ""),)),
        (
            "{{ reward.uses | plural: one='cup', other=\"cups, it's\" | default: '-' }}",
            (Placeholder("reward.uses", "-", (("one", "cup"), ("other", "cups, it's"))),),
        ),
        ("{{reward.uses|plural:other='|'}}", (Placeholder("reward.uses", None, (("other", "|"),)),)),
        ("{{ place.name }} {{ offer.name }}", (Placeholder("place.name", None), Placeholder("offer.name", None))),
    ],
)
def test_placeholders_are_read_in_order(text, found):
    assert placeholders(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "{{ place.hours }}",
        "{{ customer }}",
        "{{ customer.a.b }}",
        "{{ customer.__class__.x }}",
        "{{ customer.a | upper }}",
        "{{ customer.a | default: Hallo }}",
        "{{ customer.a | default: 'x' | upper }}",
        "{{ customer.a | plural: one }}",
        "{{ customer.a | plural: one='x' other='y' }}",
        "{{ customer.a | default: 'x' | plural: other='y' }}",
        "{{ customer.a | plural: other='x' | plural: other='y' }}",
        "{{ 1 + 1 }}",
        "{{ }}",
        "{{ place.name",
        "{{ place.name }",
        "{{ '{{ place.name }}",
        "{{ PLACE.NAME }}",
    ],
)
def test_what_cannot_be_read_or_named_is_given_as_its_text(text):
    assert placeholders(text) == (text,)
    assert fill(text, {"place.name": "leak", "customer.a": "leak", "customer": "leak"}) == ""


def test_what_is_no_placeholder_stays_as_it_is():
    text = "50 % off } {% if x %} {name} %s }} {0}"
    assert placeholders(text) == ()
    assert fill(text, {"name": "x"}) == text


def test_a_missing_or_empty_value_takes_the_default_and_without_one_nothing():
    text = "{{ customer.a | default: 'you' }}|{{ place.name }}"
    assert fill(text, {}) == "you|"
    assert fill(text, {"customer.a": "", "place.name": "Mitte"}) == "you|Mitte"


@given(st.text(max_size=40), st.sampled_from(sorted(ALLOWED)))
def test_a_value_is_put_in_as_it_is_whatever_it_looks_like(value, name):
    assert fill(f"<{{{{ {name} }}}}>", {name: value, "customer.secret": "no"}) == f"<{value}>"


def test_a_value_that_is_a_template_is_not_rendered():
    values = {"customer.first_name": "{{ customer.secret | default: 'x' }}", "customer.secret": "leak"}
    assert fill("Hi {{ customer.first_name | default: 'you' }}", values) == "Hi {{ customer.secret | default: 'x' }}"


def test_two_values_cannot_make_a_placeholder_together():
    values = {"place.name": "{{ customer.secret", "offer.name": " }}", "customer.secret": "leak"}
    assert fill("{{ place.name }}{{ offer.name }}", values) == "{{ customer.secret }}"


def test_a_plurals_word_is_chosen_by_the_form_and_takes_the_number_in():
    text = "{{ reward.uses | plural: one='# cup', other='# cups' | default: 'none' }}"
    for form, told in (("one", "3 cup"), ("other", "3 cups"), ("few", "3 cups"), (None, "none")):
        assert fill(text, {"reward.uses": "3"}, lambda name, form=form: form) == told
    assert fill(text, {}, lambda name: "one") == fill(text, {"reward.uses": "3"}) == "none"


@given(st.text(max_size=40))
def test_a_number_in_a_plural_is_no_template_either(value):
    text = "{{ customer.a | plural: other='<#>' | default: 'x' }}"
    told = fill(text, {"customer.a": value, "customer.secret": "leak"}, lambda name: "other")
    assert told == (f"<{value}>" if value else "x")
