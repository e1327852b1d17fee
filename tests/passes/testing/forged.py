"""Whole .pkpass files whose signature is wrong in one way, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from passes.apple import signature as cms
from passes.apple.signature import Signer
from tests.passes.samples import NOW, authority, edited, good, load_template, template, unzipped, zipped

OTHER = "pass.de.other.coupon"
BINARY, DETACHED = PKCS7Options.Binary, PKCS7Options.DetachedSignature


def with_signature(sign: Callable[[bytes], bytes]) -> bytes:
    files = unzipped(good())
    return zipped({**files, "signature": sign(files["manifest.json"])})


def built(*options: PKCS7Options, intermediate: bool = True, signers: int = 1) -> Callable[[bytes], bytes]:
    """A signature by the general builder of `cryptography`, which reads this machine's clock."""
    own = template().credentials

    def sign(manifest: bytes) -> bytes:
        builder = PKCS7SignatureBuilder().set_data(manifest)
        for _ in range(signers):
            builder = builder.add_signer(own.certificate, own.key, hashes.SHA256())
        if intermediate:
            builder = builder.add_certificate(own.intermediate)
        return builder.sign(Encoding.DER, list(options))

    return sign


def by(signer: Signer, *, days: int = 0) -> Callable[[bytes], bytes]:
    return lambda manifest: signer.sign(manifest, signed_at=NOW + timedelta(days=days))


def other() -> Signer:
    own = authority(OTHER)
    return load_template(certificate=own.certificate, key=own.key, wwdr=own.wwdr, pass_type_id=OTHER).signer


def mixed() -> Signer:
    """Our certificate beside an intermediate of the same name that did not issue it."""
    own, theirs = template().credentials, authority(OTHER)
    stranger = load_template(
        certificate=theirs.certificate, key=theirs.key, wwdr=theirs.wwdr, pass_type_id=OTHER
    ).credentials
    return Signer(type(own)(own.key, own.certificate, stranger.intermediate))


def signed_over(
    choose: Callable[[Sequence[bytes]], Sequence[bytes]], algorithm: bytes = b""
) -> Callable[[bytes], bytes]:
    """A true signature over other attributes than ours (content type, time, digest), or by another name of its hash."""
    signer = template().signer

    def sign(manifest: bytes) -> bytes:
        digest = hashlib.sha256(manifest).digest()
        ours = cms._attributes(b"260302083000Z", digest)
        size = len(cms._CONTENT_TYPE)
        last = len(ours) - 49
        attributes = b"".join(choose((ours[:size], ours[size:last], ours[last:])))
        value = template().credentials.key.sign(cms._tlv(0x31, attributes), cms._PADDING, cms._DIGEST)
        who = signer._who.removesuffix(cms._SHA256) + (algorithm or cms._SHA256)
        return enclosed(who + cms._tlv(0xA0, attributes) + cms._RSA + cms._tlv(0x04, value))

    return sign


def enclosed(signer: bytes) -> bytes:
    content = template().signer._head + cms._tlv(0x31, cms._tlv(0x30, signer))
    return cms._tlv(0x30, cms._SIGNED_DATA + cms._tlv(0xA0, cms._tlv(0x30, content)))


SHA512 = cms._tlv(0x30, cms._oid("2.16.840.1.101.3.4.2.3") + b"\x05\x00")
CHANGED_TYPE = cms._attribute("1.2.840.113549.1.9.3", cms._oid("1.2.840.113549.1.7.3"))
FORGED: Mapping[str, tuple[set[str], Callable[[], bytes]]] = {
    "a signature of nothing": ({"signature.form"}, lambda: with_signature(lambda _: b"")),
    "a signature in PEM": ({"signature.form"}, lambda: with_signature(lambda _: b"-----BEGIN PKCS7-----")),
    "a manifest inside the signature": ({"signature.attached"}, lambda: with_signature(built(BINARY))),
    "two signers": ({"signature.signers"}, lambda: with_signature(built(BINARY, DETACHED, signers=2))),
    "a signer of one number": ({"signature.signer"}, lambda: with_signature(lambda _: enclosed(b"\x02\x01\x01"))),
    "no certificate": (
        {"signature.no_leaf"},
        lambda: with_signature(built(BINARY, DETACHED, PKCS7Options.NoCerts, intermediate=False)),
    ),
    "no intermediate": (
        {"signature.no_intermediate"},
        lambda: with_signature(built(BINARY, DETACHED, intermediate=False)),
    ),
    "an intermediate that signed nothing": ({"signature.chain"}, lambda: with_signature(by(mixed()))),
    "no attributes": (
        {"signature.no_attributes"},
        lambda: with_signature(built(BINARY, DETACHED, PKCS7Options.NoAttributes)),
    ),
    "no signing time": ({"signature.no_time"}, lambda: with_signature(signed_over(lambda own: (own[0], own[2])))),
    "a content of another type": (
        {"signature.content_type"},
        lambda: with_signature(signed_over(lambda own: (CHANGED_TYPE, own[1], own[2]))),
    ),
    "a signature before its certificate": ({"signature.time"}, lambda: with_signature(by(template().signer, days=-1))),
    "a signature after its certificate": ({"signature.time"}, lambda: with_signature(by(template().signer, days=400))),
    "SHA-512": ({"signature.algorithm"}, lambda: with_signature(signed_over(lambda own: own, SHA512))),
    "a signature over another manifest": (
        {"signature.digest"},
        lambda: with_signature(lambda manifest: template().signer.sign(manifest + b"\n", signed_at=NOW)),
    ),
    "a changed signature": (
        {"signature.value"},
        lambda: with_signature(
            lambda _: unzipped(good())["signature"][:-1] + bytes((unzipped(good())["signature"][-1] ^ 1,))
        ),
    ),
    "another pass type's certificate": ({"signature.uid", "signature.pass_type"}, lambda: with_signature(by(other()))),
    "another team's certificate": (
        {"signature.team"},
        lambda: edited(lambda document: document.update(teamIdentifier="OTHER23456")),
    ),
}
