"""TLS on loopback: an authority made when a test runs, and what it signs. Nothing of it leaves the machine."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_UID = NameOID.USER_ID


class Files(NamedTuple):
    """Where the PEM files lie: the authority, a certificate that it signed, and that one's key (mode 0600)."""

    ca: Path
    certificate: Path
    key: Path


class Authority:
    """Signs certificates for a day; elliptic keys, since those are made in a millisecond."""

    def __init__(self, folder: Path, name: str = "Loopback") -> None:
        """Make the authority's key and its own certificate, `ca.pem`."""
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
        self.ca = folder / "ca.pem"
        whole = self._begin(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self.ca.write_bytes(whole.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def server(self, name: str = "server") -> Files:
        """Sign for localhost and its addresses."""
        here = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1"))]
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        whole = self._begin(subject, key).add_extension(x509.SubjectAlternativeName(here), critical=False)
        return self._write(name, whole, key)

    def client(self, name: str, uid: str) -> Files:
        """Sign for a client, whose UID is its pass type or bundle id as in Apple's certificates."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(_UID, uid), x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._write(name, self._begin(subject, key).add_extension(usage, critical=False), key)

    def _begin(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def _write(self, name: str, whole: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> Files:
        files = Files(self.ca, self._folder / f"{name}.pem", self._folder / f"{name}.key.pem")
        files.certificate.write_bytes(whole.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        files.key.touch(mode=0o600)
        files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files
