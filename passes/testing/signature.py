"""The file `signature`: CMS SignedData (RFC 5652), detached, with signing time, made by the pass type's certificate.

The chain is followed inside the file only: that the intermediate is Apple's must be asked of somebody with its root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID, ObjectIdentifier

from passes.testing.der import Node, read_oid, read_one
from passes.testing.finding import Finding

SIGNED_DATA, DATA = "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.1"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = (f"1.2.840.113549.1.9.{last}" for last in (3, 4, 5))
DIGESTS: Mapping[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 peers still sign with it, and Wallet takes it
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
}
PASS_TYPE = ObjectIdentifier("1.2.840.113635.100.6.1.16")


class Signed(NamedTuple):
    """The parts of a SignedData that count."""

    attached: bool
    certificates: list[x509.Certificate]
    signers: list[Node]


def check_signature(raw: bytes | None, manifest: bytes | None, document: Mapping[str, Any] | None) -> list[Finding]:
    """All about the signature; nothing where the file is missing, which the archive's reader has said."""
    if raw is None or manifest is None:
        return []
    try:
        signed = _read_signed(raw)
    except ValueError:
        return [_said("form", "is not CMS SignedData in DER")]
    findings = [_said("attached", "carries the manifest instead of standing beside it")] if signed.attached else []
    if len(signed.signers) != 1:
        return [*findings, _said("signers", f"has {len(signed.signers)} signers, not one")]
    try:
        return findings + _check_signer(signed.signers[0].children(), signed.certificates, manifest, document)
    except (ValueError, IndexError):
        return [*findings, _said("signer", "has a signer that cannot be read")]


def _read_signed(raw: bytes) -> Signed:
    outer = read_one(raw).children()
    if len(outer) != 2 or read_oid(outer[0]) != SIGNED_DATA:
        raise ValueError("not SignedData")
    parts = read_one(outer[1].content).children()
    if len(parts) < 4:
        raise ValueError("not SignedData")
    content = parts[2].children()
    if not content or read_oid(content[0]) != DATA:
        raise ValueError("not over data")
    nodes = [node for part in parts[3:-1] if part.tag == 0xA0 for node in part.children()]
    certificates = [x509.load_der_x509_certificate(node.whole) for node in nodes]
    return Signed(len(content) > 1, certificates, parts[-1].children())


def _check_signer(
    parts: Sequence[Node],
    certificates: Sequence[x509.Certificate],
    manifest: bytes,
    document: Mapping[str, Any] | None,
) -> list[Finding]:
    issuer, serial = parts[1].children()
    number = int.from_bytes(serial.content, "big", signed=True)
    leaf = next(
        (one for one in certificates if one.serial_number == number and one.issuer.public_bytes() == issuer.whole), None
    )
    if leaf is None:
        return [_said("no_leaf", "does not carry the signer's certificate")]
    findings = _check_chain(leaf, certificates)
    if parts[3].tag != 0xA0:
        return [*findings, _said("no_attributes", "has no signed attributes, so no signing time")]
    attributes = {read_oid(one.children()[0]): one.children()[1].children()[0] for one in parts[3].children()}
    findings += _check_attributes(attributes, leaf)
    findings += _check_value(parts, attributes, leaf, manifest)
    return findings + _check_leaf(leaf, document)


def _check_chain(leaf: x509.Certificate, certificates: Sequence[x509.Certificate]) -> list[Finding]:
    above = [one for one in certificates if one.subject == leaf.issuer and one != leaf]
    if not above:
        return [_said("no_intermediate", "does not carry the intermediate that issued the certificate")]
    try:
        leaf.verify_directly_issued_by(above[0])
    except (InvalidSignature, ValueError, TypeError):
        return [_said("chain", "carries an intermediate that did not sign the certificate")]
    return []


def _check_attributes(attributes: Mapping[str, Node], leaf: x509.Certificate) -> list[Finding]:
    findings = []
    if CONTENT_TYPE not in attributes or read_oid(attributes[CONTENT_TYPE]) != DATA:
        findings.append(_said("content_type", "has no signed content type of data"))
    if SIGNING_TIME not in attributes:
        return [*findings, _said("no_time", "has no signing time")]
    node = attributes[SIGNING_TIME]
    form = "%y%m%d%H%M%SZ" if node.tag == 0x17 else "%Y%m%d%H%M%SZ"
    when = datetime.strptime(node.content.decode("ascii"), form).replace(tzinfo=UTC)
    if not leaf.not_valid_before_utc <= when <= leaf.not_valid_after_utc:
        findings.append(_said("time", "was made when its certificate was not valid"))
    return findings


def _check_value(
    parts: Sequence[Node], attributes: Mapping[str, Node], leaf: x509.Certificate, manifest: bytes
) -> list[Finding]:
    algorithm = DIGESTS.get(read_oid(parts[2].children()[0]))
    key = leaf.public_key()
    if algorithm is None or not isinstance(key, RSAPublicKey):
        return [_said("algorithm", "is not RSA over SHA-1 or SHA-256")]
    digest = hashlib.new(algorithm.name, manifest, usedforsecurity=False).digest()
    if MESSAGE_DIGEST not in attributes or attributes[MESSAGE_DIGEST].content != digest:
        return [_said("digest", "is not over this manifest")]
    try:
        key.verify(parts[5].content, b"\x31" + parts[3].whole[1:], PKCS1v15(), algorithm)
    except InvalidSignature:
        return [_said("value", "was not made by the key of its certificate")]
    return []


def _check_leaf(leaf: x509.Certificate, document: Mapping[str, Any] | None) -> list[Finding]:
    if document is None:
        return []
    findings = []
    pass_type, team = document.get("passTypeIdentifier"), document.get("teamIdentifier")
    names = {
        oid: [attribute.value for attribute in leaf.subject.get_attributes_for_oid(oid)]
        for oid in (NameOID.USER_ID, NameOID.ORGANIZATIONAL_UNIT_NAME)
    }
    if names[NameOID.USER_ID] != [pass_type]:
        findings.append(_said("uid", "was made with the certificate of another pass type (UID)"))
    if names[NameOID.ORGANIZATIONAL_UNIT_NAME] != [team]:
        findings.append(_said("team", "was made with the certificate of another team (OU)"))
    markers = [one.value for one in leaf.extensions if one.oid == PASS_TYPE]
    texts = [read_one(value.value).content for value in markers if isinstance(value, x509.UnrecognizedExtension)]
    if texts != [str(pass_type).encode("utf-8", "replace")]:
        findings.append(_said("pass_type", "was made with a certificate that is not for this pass type (extension)"))
    return findings


def _said(code: str, message: str) -> Finding:
    return Finding(f"signature.{code}", "signature", message)
