"""The certificates behind a pass: read once, held against what Wallet demands, watched for their end.

Wallet's policy (Apple's Security framework, SecPolicyCreatePassbookCardSigner): the signer's certificate chains to an
Apple root, carries the extension 1.2.840.113635.100.6.1.16 with the pass type, the extended key usage
1.2.840.113635.100.4.14, the team as OU and, for older systems, the pass type as UID.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from passes.errors import CertificateError

PASS_TYPE = ObjectIdentifier("1.2.840.113635.100.6.1.16")
PASS_SIGNING = ObjectIdentifier("1.2.840.113635.100.4.14")
APNS_CLIENT = ObjectIdentifier("1.2.840.113635.100.6.3.2")
INTERMEDIATE = ObjectIdentifier("1.2.840.113635.100.6.2.1")
WATCH = timedelta(days=30)  # renewing at Apple takes a person and some days
MIN_BITS = 2048  # Apple signs no shorter RSA key

CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Credentials:
    """A signer that was found fit: its key, its certificate and the WWDR intermediate that issued it.

    `warnings` are sentences for the log and the doctor; nothing in them stops the signing today.
    """

    key: RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate
    intermediate: x509.Certificate
    warnings: tuple[str, ...] = ()

    @property
    def expiries(self) -> dict[str, datetime]:
        """When the certificate and the intermediate end, by name: for metrics."""
        return {
            "certificate": self.certificate.not_valid_after_utc,
            "wwdr": self.intermediate.not_valid_after_utc,
        }


def load_credentials(
    *,
    certificate: bytes,
    key: bytes,
    wwdr: bytes,
    pass_type_id: str,
    team_id: str,
    now: datetime,
    password: bytes | None = None,
    watch: timedelta = WATCH,
) -> Credentials:
    """Read PEM certificate, key and intermediate, and refuse what could not sign for this pass type.

    Reading an RSA key checks it, which takes some 0.1 s: do it once. CertificateError names what does not fit. What ends
    within `watch` is among the warnings.
    """
    leaf = _certificate("certificate", certificate)
    intermediate = _certificate("wwdr", wwdr)
    _check_chain(leaf, intermediate)
    _check_names(leaf, pass_type_id=pass_type_id, team_id=team_id)
    warnings = (*_time_warnings("certificate", leaf, now, watch), *_time_warnings("wwdr", intermediate, now, watch))
    private = _key(key, password)
    if private.public_key() != leaf.public_key():
        raise CertificateError("certificate.key", "key", "is the private key of the pass certificate")
    return Credentials(private, leaf, intermediate, (*warnings, *_shape_warnings(leaf, intermediate)))


def pass_type_of(certificate: x509.Certificate) -> str | None:
    """The pass type in Apple's marker extension: a DER string of less than 128 bytes; None where there is none."""
    try:
        extension = certificate.extensions.get_extension_for_oid(PASS_TYPE).value
    except x509.ExtensionNotFound:
        return None
    value = extension.value if isinstance(extension, x509.UnrecognizedExtension) else b""
    if len(value) < 2 or value[0] not in (0x0C, 0x13, 0x16) or value[1] != len(value) - 2:
        return None
    return value[2:].decode("utf-8", "replace")


def _certificate(name: str, pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise CertificateError(f"{name}.unreadable", name, "is one X.509 certificate in PEM") from None


def _key(pem: bytes, password: bytes | None) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, password)
    except TypeError:
        rule = "has a pass phrase exactly if one is given"
        raise CertificateError("key.password", "key", rule) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("key.unreadable", "key", "is a private key in PEM that the pass phrase opens") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_BITS:
        raise CertificateError("key.kind", "key", f"is an RSA key of {MIN_BITS} bits or more")
    return key


def _check_chain(leaf: x509.Certificate, intermediate: x509.Certificate) -> None:
    if leaf.issuer != intermediate.subject:
        rule = "is the certificate that issued the pass certificate: Apple's intermediates G1 to G6 are not alike"
        raise CertificateError("wwdr.issuer", "wwdr", rule)
    try:
        leaf.verify_directly_issued_by(intermediate)
    except (InvalidSignature, ValueError, TypeError):
        raise CertificateError("wwdr.signature", "wwdr", "has signed the pass certificate") from None


def _check_names(leaf: x509.Certificate, *, pass_type_id: str, team_id: str) -> None:
    if _name(leaf, NameOID.USER_ID) != pass_type_id:
        raise CertificateError("certificate.uid", "pass_type_id", "is the UID of the pass certificate")
    if _name(leaf, NameOID.ORGANIZATIONAL_UNIT_NAME) != team_id:
        raise CertificateError("certificate.ou", "team_id", "is the OU of the pass certificate")
    if pass_type_of(leaf) != pass_type_id:
        rule = f"is the value of the certificate's extension {PASS_TYPE.dotted_string}"
        raise CertificateError("certificate.pass_type", "pass_type_id", rule)


def _name(certificate: x509.Certificate, oid: ObjectIdentifier) -> str | None:
    values = [attribute.value for attribute in certificate.subject.get_attributes_for_oid(oid)]
    return str(values[0]) if len(values) == 1 else None


def _time_warnings(name: str, certificate: x509.Certificate, now: datetime, watch: timedelta) -> list[str]:
    if now > certificate.not_valid_after_utc:
        raise CertificateError(f"{name}.expired", name, f"is valid until {certificate.not_valid_after_utc:%Y-%m-%d}")
    if now < certificate.not_valid_before_utc:
        raise CertificateError(f"{name}.early", name, f"is valid from {certificate.not_valid_before_utc:%Y-%m-%d}")
    if now + watch > certificate.not_valid_after_utc:
        return [f"{name} ends on {certificate.not_valid_after_utc:%Y-%m-%d}: renew it now"]
    return []


def _shape_warnings(leaf: x509.Certificate, intermediate: x509.Certificate) -> list[str]:
    warnings = []
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usages = x509.ExtendedKeyUsage([CLIENT_AUTH])
    if PASS_SIGNING not in usages:
        warnings.append(
            f"certificate has no extended key usage {PASS_SIGNING.dotted_string}: no phone takes its passes"
        )
    try:
        intermediate.extensions.get_extension_for_oid(INTERMEDIATE)
    except x509.ExtensionNotFound:
        warnings.append(f"wwdr has no extension {INTERMEDIATE.dotted_string}: it is not one of Apple's intermediates")
    return warnings
