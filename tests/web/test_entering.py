"""Attempts are counted for an account and a network, and neither is written down more exactly than that."""

from __future__ import annotations

import pytest

from server.web.entering import account_of, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_address_counts_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_an_account_is_the_same_however_it_is_typed_and_is_not_told() -> None:
    assert account_of(" KIM@Example.com ") == account_of("kim@example.com")
    assert account_of("kim@example.com") != account_of("tim@example.com")
    assert "kim" not in account_of("kim@example.com")
