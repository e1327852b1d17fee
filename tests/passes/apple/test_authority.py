"""The throw-away authority has the shape of Apple's, as openssl reads it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from passes.apple.authority import throwaway_authority
from tests.passes.samples import BRAND, NOW, PASS_TYPE, TEAM, authority, openssl


def text_of(pem: bytes) -> str:
    run = openssl("x509", "-in", "pem", "-noout", "-text", "-nameopt", "RFC2253", pem=pem)
    assert run.returncode == 0
    return run.stdout.decode()


def chain_holds(*, days: int = 0) -> bool:
    own = authority()
    at = str(int((NOW + timedelta(days=days)).timestamp()))
    arguments = ("verify", "-x509_strict", "-attime", at, "-CAfile", "root", "-untrusted", "wwdr", "leaf")
    return not openssl(*arguments, root=own.root, wwdr=own.wwdr, leaf=own.certificate).returncode


def test_openssl_follows_the_chain_under_its_strict_rules() -> None:
    assert chain_holds()


def test_the_certificate_lives_thirteen_months() -> None:
    assert chain_holds(days=395)
    assert not chain_holds(days=397)
    assert not chain_holds(days=-1)


def test_the_certificate_names_pass_type_team_and_brand() -> None:
    text = text_of(authority().certificate)
    assert f"Subject: C=US,O={BRAND},OU={TEAM},CN=Pass Type ID: {PASS_TYPE},UID={PASS_TYPE}" in text


def test_the_certificate_carries_apples_marks() -> None:
    lines = [line.strip() for line in text_of(authority().certificate).splitlines()]
    usage = lines[lines.index("X509v3 Extended Key Usage:") + 1]
    assert usage == "TLS Web Client Authentication, 1.2.840.113635.100.4.14"
    assert lines[lines.index("X509v3 Key Usage: critical") + 1] == "Digital Signature"
    for oid in ("1.2.840.113635.100.6.1.16:", "1.2.840.113635.100.6.3.2:"):
        assert lines[lines.index(oid) + 1].endswith(PASS_TYPE)
    assert "Public-Key: (2048 bit)" in lines


def test_the_intermediate_is_an_authority_with_apples_mark_that_makes_no_further_ones() -> None:
    lines = [line.strip() for line in text_of(authority().wwdr).splitlines()]
    assert lines[lines.index("X509v3 Basic Constraints: critical") + 1] == "CA:TRUE, pathlen:0"
    assert "1.2.840.113635.100.6.2.1:" in lines


def test_nobody_takes_it_for_apples() -> None:
    own = authority()
    for pem in (own.root, own.wwdr):
        assert "not Apple" in text_of(pem)
        assert "O=Apple" not in text_of(pem)


def test_two_authorities_share_no_key_and_no_serial() -> None:
    one, other = authority(), authority("pass.de.other.coupon")
    assert one.key != other.key
    serials = {
        openssl("x509", "-in", "pem", "-noout", "-serial", pem=pem).stdout
        for pem in (one.root, one.wwdr, one.certificate, other.root, other.wwdr, other.certificate)
    }
    assert len(serials) == 6


def test_an_endless_pass_type_is_refused() -> None:
    with pytest.raises(ValueError, match="127 bytes"):
        throwaway_authority(pass_type_id="pass." + "x" * 123, team_id=TEAM, organization=BRAND, now=NOW)
