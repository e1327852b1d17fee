"""What is public and what is not, judged by the standard library and by the registries' own examples."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.channels.reach import LONGEST_URL, PUBLIC, STAND_INS, Policy, is_public, may_reach, wrong_with

STRICTER = [ipaddress.ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24")]
"""Refused as a whole: single addresses of the first are anycast ones of protocols, the second is a dead 6to4 relay's."""


@given(st.ip_addresses(v=4) | st.integers(0, 255).flatmap(lambda n: st.ip_addresses(network=f"{n}.0.0.0/8")))
def test_of_ipv4_that_is_public_which_the_standard_library_calls_global_unicast(address: ipaddress.IPv4Address) -> None:
    if not any(address in net for net in STRICTER):
        theirs = address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
        assert is_public(str(address)) == theirs


V6 = ["::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2000::/3", "2001::/23", "2001::/32",
      "2001:db8::/32", "2002::/16", "2a00::/12", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10",
      "ff00::/8"]  # fmt: skip


@given(st.ip_addresses(v=6) | st.sampled_from(V6).flatmap(lambda net: st.ip_addresses(network=net)))
def test_no_ipv6_address_is_public_that_the_standard_library_knows_to_be_something_else(
    address: ipaddress.IPv6Address,
) -> None:
    special = (
        not address.is_global or address.is_multicast or address.is_reserved or address.is_link_local
        or address.ipv4_mapped is not None or address.sixtofour is not None or address.teredo is not None
    )  # fmt: skip
    assert not (is_public(str(address)) and special)


@given(st.ip_addresses(network="2a00::/12") | st.ip_addresses(network="2600::/12"))
def test_what_the_registries_have_given_out_is_public(address: ipaddress.IPv6Address) -> None:
    assert is_public(str(address))


@pytest.mark.parametrize(
    "inside",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0", "255.255.255.255"],  # noqa: S104
)
def test_an_inner_ipv4_address_stays_one_in_every_ipv6_dress(inside: str) -> None:
    number = int(ipaddress.IPv4Address(inside))
    dresses = [f"::ffff:{inside}", f"::{inside}", f"64:ff9b::{inside}", f"::ffff:0:{inside}"]
    dresses += [f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1", f"2001:0:{number >> 16:x}:{number & 0xFFFF:x}::"]
    assert not any(is_public(dress) for dress in [inside, *dresses])


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.1.1.1 ", "2a00::1%eth0"])
def test_what_is_no_address_in_its_usual_form_is_not_public(text: str) -> None:
    assert not is_public(text)


def test_loopback_and_nothing_else_inside_is_reached_in_test_mode() -> None:
    reached = [each for each in ("127.0.0.1", "::1", "127.8.8.8", "1.1.1.1") if may_reach(each, STAND_INS)]
    assert reached == ["127.0.0.1", "::1", "127.8.8.8", "1.1.1.1"]
    assert not any(may_reach(each, STAND_INS) for each in ("10.0.0.1", "169.254.169.254", "fe80::1", "::ffff:10.0.0.1"))
    assert not any(may_reach(each, PUBLIC) for each in ("127.0.0.1", "::1"))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "https://example.com:443/hook?key=1",
        "https://EXAMPLE.com./hook",
        "https://hooks.example.co.uk",
        "https://bücher.example/haken",
        "https://xn--bcher-kva.example/haken",
        "https://1.1.1.1/hook",
        "https://[2606:4700:4700::1111]/hook",
    ],
)
def test_public_https_addresses_may_be_tried(url: str) -> None:
    assert wrong_with(url) is None


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://example.com/", "must begin with https://"),
        ("https://example.com:8443/", "must be on port 443"),
        ("https://example.com:0/", "must be on port 443"),
        ("https://user:password@example.com/", "must hold neither a user nor a password"),
        ("https://user@example.com/", "must hold neither a user nor a password"),
        ("https://@example.com/", "must hold neither a user nor a password"),
        ("https://example.com/#part", "must have no fragment"),
        ("https://example.com/#", "must have no fragment"),
        ("https://intranet/", "must name a host with its domain"),
        ("https://localhost/", "must name a host with its domain"),
        ("https://127.1/", "must name a host, or an IP address in its usual form"),
        ("https://10.0.0.1/", "must be a public address"),
        ("https://[::1]/", "must be a public address"),
        ("https://" + "a" * 64 + ".example/", "must name a host, or an IP address in its usual form"),
        ("https:///hook", "must begin with https://"),
        ("example.com", "must begin with https://"),
        ("", "must begin with https://"),
    ],
)
def test_what_is_wrong_is_said(url: str, complaint: str) -> None:
    assert wrong_with(url) == complaint


@pytest.mark.parametrize("odd", [" ", "\t", "\n", "\r", "\0", "\\", "\x7f", "\x85", "\u2028", "<", '"', "|", "^", "`"])
def test_characters_that_readers_of_urls_disagree_about_are_refused(odd: str) -> None:
    assert "without spaces" in (wrong_with(f"https://example.com{odd}.evil.example/") or "")
    assert "without spaces" in (wrong_with(f"{odd}https://example.com/") or "")


def test_a_url_may_be_so_long_and_no_longer() -> None:
    longest = "https://example.com/".ljust(LONGEST_URL, "a")
    assert wrong_with(longest) is None
    assert "2000 characters" in (wrong_with(longest + "a") or "")


def test_stand_ins_may_be_on_any_port_and_a_policy_tells_its_own_scheme() -> None:
    assert wrong_with("http://localhost:8765/hook", STAND_INS) is None
    assert wrong_with("http://127.0.0.1:8765/hook", STAND_INS) is None
    assert wrong_with("http://10.0.0.1:8765/hook", STAND_INS) == "must be a public address"
    assert wrong_with("gopher://127.0.0.1/", STAND_INS) == "must begin with http://"
    assert wrong_with("http://example.com:81/", Policy(("http",), None)) is None


@given(st.text(max_size=60) | st.text(max_size=40).map("https://{}/".format))
def test_whatever_is_written_gets_an_answer(text: str) -> None:
    assert isinstance(wrong_with(text), str | None)
