"""A throw-away authority, shaped like Apple's: root, intermediate, pass certificate. Its passes open on no phone.

For demonstrations and tests without a certificate of one's own: everything else about the passes is real.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from passes.apple.certificates import APNS_CLIENT, CLIENT_AUTH, INTERMEDIATE, PASS_SIGNING, PASS_TYPE

LEAF_LIFE = timedelta(days=396)  # Apple's pass certificates live thirteen months
CA_LIFE = timedelta(days=3652)
_DER_NULL = b"\x05\x00"
_MOST = 127  # bytes of a text whose length DER writes in one byte


class Authority(NamedTuple):
    """Four PEM files: the root (for verifying), the intermediate, the pass certificate and its unencrypted key."""

    root: bytes
    wwdr: bytes
    certificate: bytes
    key: bytes


def throwaway_authority(*, pass_type_id: str, team_id: str, organization: str, now: datetime) -> Authority:
    """Make three RSA keys and the chain over them; takes about a second. Valid from an hour before `now` (aware).

    The pass certificate lives for 396 days, the two above it for ten years. ValueError for a pass type of more than 127
    bytes. Shape of the certificates: wallets' policy, see `certificates`; the chain ends at a root that no phone trusts.
    """
    if len(pass_type_id.encode()) > _MOST:
        raise ValueError(f"a pass type identifier has at most {_MOST} bytes")
    since = now - timedelta(hours=1)
    root_key, middle_key, leaf_key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3))
    root_name = _name("Throw-away Root CA, not Apple", "Throw-away Certification Authority", "Kairos demonstration")
    middle_name = _name("Throw-away Worldwide Developer Relations, not Apple", "G4", "Kairos demonstration")
    root = _ca(root_name, root_name, root_key, since).sign(root_key, SHA256())
    middle = (
        _ca(middle_name, root_name, middle_key, since, depth=0)
        .add_extension(x509.UnrecognizedExtension(INTERMEDIATE, _DER_NULL), critical=False)
        .add_extension(_issued_by(root_key), critical=False)
        .sign(root_key, SHA256())
    )
    leaf = _leaf(pass_type_id, team_id, organization, leaf_key, since)
    signed = leaf.issuer_name(middle_name).add_extension(_issued_by(middle_key), critical=False)
    key = leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Authority(
        root.public_bytes(Encoding.PEM),
        middle.public_bytes(Encoding.PEM),
        signed.sign(middle_key, SHA256()).public_bytes(Encoding.PEM),
        key,
    )


def _ca(
    name: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, since: datetime, depth: int | None = None
) -> x509.CertificateBuilder:
    return (
        _certificate(name, key, since, since + CA_LIFE)
        .issuer_name(issuer)
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )


def _leaf(
    pass_type_id: str, team_id: str, organization: str, key: rsa.RSAPrivateKey, since: datetime
) -> x509.CertificateBuilder:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, pass_type_id),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID: {pass_type_id}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team_id),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization[:64]),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        ]
    )
    return (
        _certificate(name, key, since, since + LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([CLIENT_AUTH, PASS_SIGNING]), critical=False)
        .add_extension(_marker(PASS_TYPE, pass_type_id), critical=False)
        .add_extension(_marker(APNS_CLIENT, pass_type_id), critical=False)
    )


def _certificate(name: x509.Name, key: rsa.RSAPrivateKey, since: datetime, until: datetime) -> x509.CertificateBuilder:
    public = key.public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    # The serial is drawn from the key, which is fresh: 159 bits, positive, without chance of its own.
    serial = int.from_bytes(hashlib.sha256(spki).digest()[:20], "big") >> 1 | 1
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common: str, unit: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issued_by(key: rsa.RSAPrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _marker(oid: ObjectIdentifier, text: str) -> x509.UnrecognizedExtension:
    value = text.encode()
    return x509.UnrecognizedExtension(oid, bytes((0x0C, len(value))) + value)
