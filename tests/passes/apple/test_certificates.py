"""Certificates are held against what Wallet demands before anything is signed with them."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from passes.apple.certificates import load_credentials, pass_type_of
from passes.errors import CertificateError
from tests.passes.samples import NOW, PASS_TYPE, TEAM, authority

SIGNING = ObjectIdentifier("1.2.840.113635.100.4.14")
MARKER = ObjectIdentifier("1.2.840.113635.100.6.1.16")
MIDDLE = ObjectIdentifier("1.2.840.113635.100.6.2.1")
YEAR = timedelta(days=365)
UTF8 = b"\x0c" + bytes((len(PASS_TYPE),)) + PASS_TYPE.encode()


@functools.cache
def middle_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def own_key() -> rsa.RSAPrivateKey:
    key = load_pem_private_key(authority().key, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def name(**parts: str) -> x509.Name:
    oids = {"uid": NameOID.USER_ID, "ou": NameOID.ORGANIZATIONAL_UNIT_NAME, "cn": NameOID.COMMON_NAME}
    return x509.Name([x509.NameAttribute(oids[key], value) for key, value in parts.items()])


def middle(*, until: datetime = NOW + YEAR, subject: str = "Middle", marked: bool = True) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(cn=subject))
        .issuer_name(name(cn="Root"))
        .public_key(middle_key().public_key())
        .serial_number(7)
        .not_valid_before(NOW - YEAR)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if marked:
        builder = builder.add_extension(x509.UnrecognizedExtension(MIDDLE, b"\x05\x00"), critical=False)
    return builder.sign(middle_key(), SHA256()).public_bytes(Encoding.PEM)


def leaf(
    *,
    uid: str = PASS_TYPE,
    ou: str = TEAM,
    marker: bytes | None = UTF8,
    usages: tuple[ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.CLIENT_AUTH, SIGNING),
    since: datetime = NOW - YEAR,
    until: datetime = NOW + YEAR,
    by: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    key = own_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(uid=uid, cn=f"Pass Type ID: {uid}", ou=ou))
        .issuer_name(name(cn="Middle"))
        .public_key(key.public_key())
        .serial_number(8)
        .not_valid_before(since)
        .not_valid_after(until)
    )
    if marker is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(MARKER, marker), critical=False)
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(by or middle_key(), SHA256()).public_bytes(Encoding.PEM)


def load(**changes: Any) -> Any:
    given: dict[str, Any] = {
        "certificate": leaf(),
        "key": authority().key,
        "wwdr": middle(),
        "pass_type_id": PASS_TYPE,
        "team_id": TEAM,
        "now": NOW,
    }
    return load_credentials(**(given | changes))


def code_of(**changes: Any) -> str:
    with pytest.raises(CertificateError) as caught:
        load(**changes)
    return caught.value.code


def other_key(bits: int = 2048) -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_certificate_of_apples_shape_is_taken_without_a_warning() -> None:
    assert load().warnings == ()


def test_the_throw_away_authority_is_taken_without_a_warning() -> None:
    own = authority()
    assert load(certificate=own.certificate, wwdr=own.wwdr).warnings == ()


@pytest.mark.parametrize("tag", [0x0C, 0x13, 0x16])
def test_the_pass_type_may_be_any_of_the_strings_of_asn1(tag: int) -> None:
    assert load(certificate=leaf(marker=bytes((tag,)) + UTF8[1:])).warnings == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certificate": b"no certificate"}, "certificate.unreadable"),
        ({"wwdr": b""}, "wwdr.unreadable"),
        ({"key": b"-----BEGIN PRIVATE KEY-----\n"}, "key.unreadable"),
        ({"certificate": leaf(uid="pass.de.other")}, "certificate.uid"),
        ({"certificate": leaf(ou="OTHERTEAM1")}, "certificate.ou"),
        ({"pass_type_id": "pass.de.other"}, "certificate.uid"),
        ({"team_id": "OTHERTEAM1"}, "certificate.ou"),
        ({"certificate": leaf(marker=None)}, "certificate.pass_type"),
        ({"certificate": leaf(marker=b"\x0c\x04pass")}, "certificate.pass_type"),
        ({"certificate": leaf(marker=PASS_TYPE.encode())}, "certificate.pass_type"),
        ({"certificate": leaf(marker=b"\x0c")}, "certificate.pass_type"),
        ({"certificate": leaf(until=NOW - timedelta(seconds=1))}, "certificate.expired"),
        ({"certificate": leaf(since=NOW + timedelta(seconds=1))}, "certificate.early"),
        ({"wwdr": middle(until=NOW - timedelta(seconds=1))}, "wwdr.expired"),
        ({"wwdr": middle(subject="Middle of another generation")}, "wwdr.issuer"),
        ({"certificate": leaf(by=ec.generate_private_key(ec.SECP256R1()))}, "wwdr.signature"),
    ],
)
def test_what_cannot_sign_is_refused_by_its_own_code(changes: dict[str, Any], code: str) -> None:
    assert code_of(**changes) == code


def test_the_root_in_place_of_the_intermediate_is_refused() -> None:
    assert code_of(certificate=authority().certificate, wwdr=authority().root) == "wwdr.issuer"


def test_the_key_of_another_certificate_is_refused() -> None:
    assert code_of(key=other_key()) == "certificate.key"


def test_a_short_key_or_one_of_another_kind_is_refused() -> None:
    assert code_of(key=other_key(1024)) == "key.kind"
    elliptic = middle_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert code_of(key=elliptic) == "key.kind"


def test_a_key_with_a_pass_phrase_opens_with_it_alone() -> None:
    plain = load_pem_private_key(authority().key, None)
    locked = plain.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    assert load(key=locked, password=b"open sesame").warnings == ()
    assert code_of(key=locked, password=b"open rye") == "key.unreadable"
    assert code_of(key=locked) == "key.password"
    assert code_of(password=b"open sesame") == "key.password"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"certificate": leaf(until=NOW + timedelta(days=29))}, "certificate ends on 2026-03-31"),
        ({"wwdr": middle(until=NOW + timedelta(days=29))}, "wwdr ends on 2026-03-31"),
        ({"certificate": leaf(usages=None)}, "1.2.840.113635.100.4.14"),
        ({"certificate": leaf(usages=(ExtendedKeyUsageOID.CLIENT_AUTH,))}, "1.2.840.113635.100.4.14"),
        ({"wwdr": middle(marked=False)}, "1.2.840.113635.100.6.2.1"),
    ],
)
def test_what_will_soon_fail_or_opens_on_no_phone_is_a_warning(changes: dict[str, Any], word: str) -> None:
    (warning,) = load(**changes).warnings
    assert word in warning


def test_thirty_one_days_before_the_end_nothing_is_said() -> None:
    assert load(certificate=leaf(until=NOW + timedelta(days=31))).warnings == ()


def test_the_ends_of_both_certificates_can_be_watched() -> None:
    ends = load(certificate=leaf(until=NOW + 2 * YEAR)).expiries
    assert ends == {"certificate": NOW + 2 * YEAR, "wwdr": NOW + YEAR}


def test_the_key_is_not_in_what_is_printed() -> None:
    assert "key" not in repr(load()).lower().replace("keyusage", "")


def test_a_refusal_names_the_setting_and_the_rule() -> None:
    with pytest.raises(CertificateError, match=r"team_id: is the OU of the pass certificate \[certificate.ou\]"):
        load(team_id="OTHERTEAM1")


def test_the_pass_type_is_read_from_the_extension() -> None:
    assert pass_type_of(x509.load_pem_x509_certificate(leaf())) == PASS_TYPE
    assert pass_type_of(x509.load_pem_x509_certificate(middle())) is None
