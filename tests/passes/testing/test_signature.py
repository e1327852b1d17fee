"""The checker's reading of signatures, those of openssl and of `cryptography` among them."""

from __future__ import annotations

import functools
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from passes.apple.signature import Signer
from passes.testing import check
from passes.testing.signature import check_signature
from tests.passes.samples import (
    NOW,
    PASS_TYPE,
    TEAM,
    authority,
    good,
    load_template,
    openssl,
    template,
    unzipped,
    zipped,
)

MANIFEST = b'{"pass.json": "x"}\n'
DOCUMENT = {"passTypeIdentifier": PASS_TYPE, "teamIdentifier": TEAM}
BINARY, DETACHED = PKCS7Options.Binary, PKCS7Options.DetachedSignature
# The builders of others read the clock of this machine, which may lie outside the certificate's life.
CLOCK = {"signature.time"}


def codes(signature: bytes, document: dict[str, str] = DOCUMENT) -> set[str]:
    return {finding.code for finding in check_signature(signature, MANIFEST, document)}


@functools.cache
def ours() -> bytes:
    return template().signer.sign(MANIFEST, signed_at=NOW)


def built(*options: PKCS7Options, intermediate: bool = True, signers: int = 1) -> bytes:
    credentials = template().credentials
    builder = PKCS7SignatureBuilder().set_data(MANIFEST)
    for _ in range(signers):
        builder = builder.add_signer(credentials.certificate, credentials.key, hashes.SHA256())
    if intermediate:
        builder = builder.add_certificate(credentials.intermediate)
    return builder.sign(Encoding.DER, list(options))


def by_openssl(*options: str) -> bytes:
    own = authority()
    arguments = "smime -sign -binary -signer leaf -inkey key -certfile wwdr -in manifest -outform DER"
    run = openssl(*arguments.split(), *options, leaf=own.certificate, key=own.key, wwdr=own.wwdr, manifest=MANIFEST)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_our_own_signature_is_taken() -> None:
    assert codes(ours()) == set()


def test_a_signature_by_openssl_is_taken() -> None:
    assert codes(by_openssl()) <= CLOCK


def test_a_signature_by_openssl_over_sha1_is_taken() -> None:
    assert codes(by_openssl("-md", "sha1")) <= CLOCK


def test_a_signature_by_cryptography_is_taken() -> None:
    assert codes(built(BINARY, DETACHED)) <= CLOCK


def test_a_signature_over_sha512_is_refused() -> None:
    assert codes(by_openssl("-md", "sha512")) - CLOCK == {"signature.algorithm"}


def test_a_signature_that_carries_the_manifest_is_refused() -> None:
    assert codes(built(BINARY)) - CLOCK == {"signature.attached"}


def test_a_signature_over_rewritten_line_ends_is_refused() -> None:
    assert codes(built(DETACHED)) - CLOCK == {"signature.digest"}


def test_a_signature_without_signing_time_is_refused() -> None:
    assert codes(built(BINARY, DETACHED, PKCS7Options.NoAttributes)) == {"signature.no_attributes"}


def test_a_signature_without_the_intermediate_is_refused() -> None:
    assert codes(built(BINARY, DETACHED, intermediate=False)) - CLOCK == {"signature.no_intermediate"}


def test_a_signature_without_any_certificate_is_refused() -> None:
    assert codes(built(BINARY, DETACHED, PKCS7Options.NoCerts, intermediate=False)) == {"signature.no_leaf"}


def test_two_signers_are_refused() -> None:
    assert codes(built(BINARY, DETACHED, signers=2)) == {"signature.signers"}


def test_a_signature_in_pem_is_refused() -> None:
    assert codes(by_openssl("-outform", "PEM")) == {"signature.form"}


@pytest.mark.parametrize("raw", [b"", b"\x30", b"\x30\x00", b"\x30\x80\x00\x00", b"\x30\x84\xff\xff\xff\xff", b"{}"])
def test_what_is_no_signed_data_is_refused(raw: bytes) -> None:
    assert codes(raw) == {"signature.form"}


def test_a_signature_over_another_manifest_is_refused() -> None:
    assert codes(template().signer.sign(MANIFEST + b" ", signed_at=NOW)) == {"signature.digest"}


def test_a_signature_with_a_changed_value_is_refused() -> None:
    assert codes(ours()[:-1] + bytes((ours()[-1] ^ 1,))) == {"signature.value"}


def test_a_signature_with_a_moved_signing_time_is_refused() -> None:
    assert codes(ours().replace(b"260302083000Z", b"260302083001Z")) == {"signature.value"}


@pytest.mark.parametrize("days", [-1, 400])
def test_a_signature_outside_the_certificates_life_is_refused(days: int) -> None:
    late = template().signer.sign(MANIFEST, signed_at=NOW + timedelta(days=days))
    assert codes(late) == {"signature.time"}


def test_the_signer_is_that_of_the_pass_type_and_team() -> None:
    assert codes(ours(), {**DOCUMENT, "passTypeIdentifier": "pass.de.other"}) == {
        "signature.uid",
        "signature.pass_type",
    }
    assert codes(ours(), {**DOCUMENT, "teamIdentifier": "OTHER23456"}) == {"signature.team"}


def test_an_intermediate_of_the_same_name_that_signed_nothing_is_refused() -> None:
    other = load_template(
        certificate=authority("pass.de.other.coupon").certificate,
        key=authority("pass.de.other.coupon").key,
        wwdr=authority("pass.de.other.coupon").wwdr,
        pass_type_id="pass.de.other.coupon",
    ).credentials
    own = template().credentials
    mixed = Signer(type(own)(own.key, own.certificate, other.intermediate))
    assert codes(mixed.sign(MANIFEST, signed_at=NOW)) == {"signature.chain"}


def test_a_pass_signed_by_another_pass_type_is_refused_as_a_whole() -> None:
    other = authority("pass.de.other.coupon")
    signer = load_template(
        certificate=other.certificate, key=other.key, wwdr=other.wwdr, pass_type_id="pass.de.other.coupon"
    ).signer
    files = unzipped(good())
    files["signature"] = signer.sign(files["manifest.json"], signed_at=NOW)
    assert {finding.code for finding in check(zipped(files))} == {"signature.uid", "signature.pass_type"}


def test_a_missing_signature_is_left_to_the_reader_of_the_archive() -> None:
    assert check_signature(None, MANIFEST, DOCUMENT) == []
