"""The signature is judged by openssl alone, over the exact bytes of the manifest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
    load_der_pkcs7_certificates,
)

from passes.apple.signature import Signer
from tests.passes.samples import NOW, authority, good, openssl, template, unzipped, verified

MANIFEST = b'{\n "pass.json": "da39a3ee5e6b4b0d3255bfef95601890afd80709"\n}\n'


def parsed(signature: bytes) -> str:
    return openssl("asn1parse", "-inform", "DER", "-in", "signature", signature=signature).stdout.decode()


def printed(signature: bytes) -> str:
    arguments = "cms -cmsout -print -noout -inform DER -in signature"
    return openssl(*arguments.split(), signature=signature).stdout.decode()


def test_openssl_takes_the_signature_over_the_exact_bytes_of_the_manifest() -> None:
    assert verified(good())


def test_openssl_refuses_a_manifest_with_one_changed_byte() -> None:
    manifest = bytearray(unzipped(good())["manifest.json"])
    manifest[20] ^= 1
    assert not verified(good(), manifest=bytes(manifest))


def test_openssl_refuses_a_manifest_with_a_newline_behind_it() -> None:
    assert not verified(good(), manifest=unzipped(good())["manifest.json"] + b"\n")


def test_openssl_refuses_a_signature_with_one_changed_byte() -> None:
    signature = bytearray(unzipped(good())["signature"])
    signature[-1] ^= 1
    assert not verified(good(), signature=bytes(signature))


def test_openssl_refuses_the_signature_under_another_root() -> None:
    assert not verified(good(), root=authority("pass.de.other.coupon").root)


def test_a_manifest_with_newlines_is_signed_as_it_is() -> None:
    signature = template().signer.sign(MANIFEST, signed_at=NOW)
    assert verified(good(), manifest=MANIFEST, signature=signature)
    assert not verified(good(), manifest=MANIFEST.replace(b"\n", b"\r\n"), signature=signature)


def test_the_signature_stands_beside_the_manifest_and_does_not_carry_it() -> None:
    assert b"da39a3ee" not in template().signer.sign(MANIFEST, signed_at=NOW)


def test_the_certificate_and_the_intermediate_travel_along_and_the_root_does_not() -> None:
    carried = {
        one.public_bytes(Encoding.PEM)
        for one in load_der_pkcs7_certificates(template().signer.sign(MANIFEST, signed_at=NOW))
    }
    assert carried == {authority().certificate, authority().wwdr}


@pytest.mark.parametrize(
    ("when", "written"),
    [
        (NOW, ":260302083000Z"),
        (datetime(2026, 7, 1, 2, 0, 0, 999999, tzinfo=timezone(timedelta(hours=2))), ":260701000000Z"),
        (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), "UTCTIME           :491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), "GENERALIZEDTIME   :20500101000000Z"),
    ],
)
def test_the_signing_time_is_the_one_handed_in(when: datetime, written: str) -> None:
    assert written in parsed(template().signer.sign(MANIFEST, signed_at=when))


def test_a_signing_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        template().signer.sign(MANIFEST, signed_at=NOW.replace(tzinfo=None))


def test_the_same_manifest_and_time_give_the_same_bytes() -> None:
    again = Signer(template().credentials)
    assert again.sign(MANIFEST, signed_at=NOW) == template().signer.sign(MANIFEST, signed_at=NOW)


def test_the_signed_attributes_are_content_type_time_and_digest() -> None:
    text = printed(template().signer.sign(MANIFEST, signed_at=NOW))
    attributes = text[text.index("signedAttrs") : text.index("signatureAlgorithm")]
    names = [line.split()[1] for line in attributes.splitlines() if "object:" in line]
    assert sorted(names) == ["contentType", "messageDigest", "signingTime"]
    assert "sha256" in text


def test_it_is_laid_out_like_the_one_of_the_general_builder() -> None:
    """The builder of `cryptography` reads the clock and adds capabilities; all other lines must be the same."""
    credentials = template().credentials
    general = (
        PKCS7SignatureBuilder()
        .set_data(MANIFEST)
        .add_signer(credentials.certificate, credentials.key, hashes.SHA256())
        .add_certificate(credentials.intermediate)
        .sign(
            Encoding.DER,
            [PKCS7Options.DetachedSignature, PKCS7Options.Binary, PKCS7Options.NoCapabilities],
        )
    )
    ours = template().signer.sign(MANIFEST, signed_at=NOW)
    assert shape(parsed(ours)) == shape(parsed(general))


def shape(text: str) -> list[str]:
    """Depth, type and value of each line, without the offsets, the time and the value of the signature itself."""
    lines = [line.split(":", 1)[1] for line in text.splitlines()]
    kept = [" ".join(line.split()) for line in lines if "UTCTIME" not in line]
    return kept[:-1]


def test_openssl_names_the_signer_and_lists_what_travels_along() -> None:
    files = {"signature": template().signer.sign(MANIFEST, signed_at=NOW), "root": authority().root}
    at = str(int(NOW.timestamp()))
    arguments = (
        "cms -verify -binary -inform DER -in signature -content manifest -CAfile root -purpose any -signer /dev/stdout"
    )
    run = openssl(*arguments.split(), "-out", "content", "-attime", at, manifest=MANIFEST, **files)
    assert run.returncode == 0, run.stderr
    assert b"".join(run.stdout.split()) == b"".join(authority().certificate.split())
    listed = openssl(
        *["pkcs7", "-inform", "DER", "-in", "signature", "-print_certs", "-noout"], **files
    ).stdout.decode()
    assert listed.count("subject=") == 2
    assert "Worldwide Developer Relations" in listed
    assert "Root" not in listed.replace("Throw-away Root CA", "", 1)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 300_000])
def test_a_manifest_of_any_length_is_signed(size: int) -> None:
    manifest = b"m" * size
    assert verified(good(), manifest=manifest, signature=template().signer.sign(manifest, signed_at=NOW))


def test_bytes_that_are_no_text_are_signed_as_they_are() -> None:
    manifest = bytes(range(256)) * 3
    assert verified(good(), manifest=manifest, signature=template().signer.sign(manifest, signed_at=NOW))
