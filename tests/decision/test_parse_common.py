"""Money, periods and addresses, wherever they stand in a document."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.decision.parse_common import parse_money, parse_period, parse_url
from server.decision.reading import MISSING
from server.model.money import Money
from server.model.offer import Period
from tests.decision.rulebook import node


def test_money_is_minor_units_and_a_currency():
    assert parse_money(node({"minor": 250, "currency": "EUR"})) == Money(250, "EUR")
    assert parse_money(node({"minor": 0, "currency": "EUR"}), least=0) == Money(0, "EUR")
    root = node(MISSING)
    assert parse_money(root) is None
    assert root.errors == []


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"minor": 0, "currency": "EUR"}, "if.minor"),
        ({"minor": 10**12 + 1, "currency": "EUR"}, "if.minor"),
        ({"minor": "250", "currency": "EUR"}, "if.minor"),
        ({"minor": 250, "currency": "EURO"}, "if.currency"),
        ({"currency": "EUR"}, "if.minor"),
        (2.5, "if"),
    ],
)
def test_money_that_is_none_says_where(value, field):
    root = node(value)
    assert parse_money(root) is None
    assert [error.field for error in root.errors] == [field]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"calendar": "day"}, Period("day", "place")),
        ({"calendar": "week", "tz": "Europe/Paris"}, Period("week", "Europe/Paris")),
        ({"rolling": "P7D"}, Period(rolling=timedelta(days=7))),
    ],
)
def test_a_period_is_of_the_calendar_or_rolls(value, wanted):
    root = node(value)
    assert parse_period(root, tz="place") == wanted
    assert root.errors == []


@pytest.mark.parametrize(
    "value", [{}, {"calendar": "day", "rolling": "P1D"}, {"rolling": "P0D"}, {"calendar": "hour"}, "day", MISSING]
)
def test_any_other_period_is_refused(value):
    root = node(value)
    parse_period(root, tz="place")
    assert len(root.errors) == 1


@pytest.mark.parametrize("url", ["https://example.org", "https://example.org:8443/a/b?c=d#e", "https://[2001:db8::1]/"])
def test_an_https_address_is_taken(url):
    assert parse_url(node(url)) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "HTTPS:/example.org",
        "//example.org",
        "https://",
        "https://user@example.org",
        "https://example.org\\@evil.org",
        "https://example.org/ä",
        "https://example.org/\n",
        "data:text/html,x",
        "",
        5,
    ],
)
def test_any_other_address_is_refused(url):
    root = node(url)
    assert parse_url(root) is None
    assert len(root.errors) == 1
