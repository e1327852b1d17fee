"""How the wallets show a reward: what an author may say of it, and what is told where they may not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.look import Dress, LineSpec, Look
from tests.decision.rulebook import LEAST, WHOLE, changed, mistakes, read

REWARD = {"type": "access"}
BOTH = changed(
    LEAST, "moment.content", {"de-DE": {"title": "Kaffee", "body": "…"}, "en": {"title": "Coffee", "body": "…"}}
)


def look(wallet, document=LEAST) -> Look:
    """Read an offer whose reward looks so."""
    found = read(changed(document, "reward", REWARD | {"wallet": wallet})).offer.reward
    assert found is not None
    return found.wallet


def wrongs(wallet, document=LEAST) -> list[tuple[str, str]]:
    """The mistakes of such an offer: path within `reward.wallet`, and message."""
    found = mistakes(changed(document, "reward", REWARD | {"wallet": wallet}))
    return [(error.field.removeprefix("reward.wallet").lstrip("."), error.message) for error in found]


def test_what_is_not_said_is_as_usual():
    assert look({}) == Look()
    assert look({"apple": "coupon"}).dress == Dress("coupon", "offer", "while_valid")


def test_everything_that_may_be_said_is_kept():
    found = look(
        {
            "apple": "eventTicket",
            "google": "generic",
            "relevance": "always",
            "colours": {"background": "#145a3c", "foreground": "#FFFFFF", "label": "#c8dcd2"},
            "fields": [{"section": "back", "label": "Wi-Fi", "value": {"en": "Ask at {{ place.name }}"}}],
            "terms": {"en": "Once a day, worth {{ reward.value }}."},
            "name": True,
            "max_distance_m": 250,
            "group": "autumn-fair",
        }
    )
    dress = Dress("eventTicket", "generic", "always", "#145a3c", "#FFFFFF", "#c8dcd2", 250, "autumn-fair")
    line = LineSpec("back", {"": "Wi-Fi"}, {"en": "Ask at {{ place.name }}"})
    assert found == Look(dress, (line,), {"en": "Once a day, worth {{ reward.value }}."}, name=True)


@pytest.mark.parametrize("apple", ["coupon", "storeCard", "eventTicket", "generic"])
@pytest.mark.parametrize("google", ["offer", "loyalty", "generic"])
def test_each_wallet_has_its_kinds(apple, google):
    found = look({"apple": apple, "google": google}).dress
    assert (found.apple, found.google) == (apple, google)


LINE = {"section": "back", "label": "L", "value": "V"}


@pytest.mark.parametrize(
    ("wallet", "fields"),
    [
        ("coupon", [""]),
        ({"apple": "boardingPass"}, ["apple"]),
        ({"google": "transit"}, ["google"]),
        ({"relevance": "sometimes"}, ["relevance"]),
        ({"colors": {}}, ["colors"]),
        ({"colours": "#ffffff"}, ["colours"]),
        ({"colours": {"background": "green"}}, ["colours.background"]),
        ({"colours": {"background": "#fff"}}, ["colours.background"]),
        ({"colours": {"label": "#12345g"}}, ["colours.label"]),
        ({"colours": {"border": "#ffffff"}}, ["colours.border"]),
        ({"fields": {}}, ["fields"]),
        ({"fields": []}, ["fields"]),
        ({"fields": [LINE] * 11}, ["fields"]),
        ({"fields": ["L"]}, ["fields[0]"]),
        ({"fields": [{"section": "back", "label": "L"}]}, ["fields[0].value"]),
        ({"fields": [LINE | {"section": "primary"}]}, ["fields[0].section"]),
        ({"fields": [LINE | {"section": "header"}] * 3}, ["fields[2].section"]),
        ({"fields": [LINE | {"label": "L" * 41}]}, ["fields[0].label"]),
        ({"fields": [LINE | {"section": "header", "value": "V" * 81}]}, ["fields[0].value"]),
        ({"fields": [LINE | {"value": "V" * 501}]}, ["fields[0].value"]),
        ({"fields": [LINE | {"value": {}}]}, ["fields[0].value"]),
        ({"fields": [LINE | {"value": {"english": "V"}}]}, ["fields[0].value.english", "fields[0].value"]),
        ({"fields": [LINE | {"value": {"de": "V"}}]}, ["fields[0].value"]),
        ({"terms": 5}, ["terms"]),
        ({"terms": "T" * 2001}, ["terms"]),
        ({"terms": {"en": " "}}, ["terms.en"]),
        ({"name": "first_name"}, ["name"]),
        ({"max_distance_m": 5}, ["max_distance_m"]),
        ({"max_distance_m": 100_001}, ["max_distance_m"]),
        ({"group": "fair"}, ["group"]),
        ({"apple": "eventTicket", "group": "a fair"}, ["group"]),
    ],
)
def test_what_no_wallet_could_show_says_where(wallet, fields):
    assert [field for field, _ in wrongs(wallet)] == fields


@pytest.mark.parametrize("word", ["weather.kind", "weather.temperature_c", "moment.title", "customer"])
def test_a_pass_outlives_the_weather_of_its_moment(word):
    [(field, message)] = wrongs({"terms": f"Now: {{{{ {word} }}}}"})
    assert field == "terms"
    assert "is no placeholder of a pass; known are offer.name, place.address, place.name" in message


def test_no_attribute_of_the_customer_can_stand_on_a_pass():
    for words in ("{{ customer.first_name }}", "{{ customer.first_name | default: 'you' }}"):
        [(field, message)] = wrongs({"fields": [LINE | {"value": f"Hello {words}"}]})
        assert field == "fields[0].value"
        assert "name asks for the first name" in message


def test_whoever_is_told_in_a_language_can_read_the_pass_in_it():
    [(field, message)] = wrongs({"terms": {"en-GB": "Once a day."}}, BOTH)
    assert (field, message) == ("terms", "the moment is told in de, too: a text in it is missing")
    assert wrongs({"terms": {"en": "Once a day.", "de-AT": "Einmal am Tag.", "fr": "Une fois."}}, BOTH) == []
    assert wrongs({"terms": "1 × / 24 h"}, BOTH) == []


def test_words_that_nobody_could_read_are_taken_with_a_warning():
    wallet = {"colours": {"background": "#ffffff", "foreground": "#fffff0", "label": "#145a3c"}}
    [warning] = read(changed(WHOLE, "reward.wallet", wallet)).warnings
    assert (warning.field, warning.message) == (
        "reward.wallet.colours.foreground",
        "can hardly be read on this background",
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["apple", "google", "colours", "fields", "terms", "name", "group"]), JSON))
def test_whatever_stands_there_is_taken_or_told(wallet):
    for field, message in wrongs(wallet, BOTH):
        assert message
        assert not field or field.split(".")[0].split("[")[0] in wallet
