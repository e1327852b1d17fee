"""The signature of a pass: CMS SignedData over the bytes of manifest.json, detached, in DER.

Rule 1: the manifest is signed as it is, byte for byte; nothing rewrites its line ends.
Rule 2: the signer's certificate and the WWDR intermediate travel with it; the root does not.
Rule 3: the signing time is a signed attribute and is handed in, so the same pass signed twice gives the same bytes.

Written out by hand after RFC 5652: all but three values are the same for each pass, so they are laid down once, and a
pass costs one RSA signature. The general builders read the clock themselves and cost more than the signature does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from passes.apple.certificates import Credentials

_SEQUENCE, _SET, _INTEGER, _OCTETS, _OID, _NULL = 0x30, 0x31, 0x02, 0x04, 0x06, 0x05
_UTC_TIME, _GENERALIZED_TIME, _CONTEXT_0 = 0x17, 0x18, 0xA0
_PADDING, _DIGEST = PKCS1v15(), SHA256()


class _Layout(NamedTuple):
    """A signature with holes: `start`, time, `middle`, digest, `end`, value; what is signed begins with `signed`."""

    start: bytes
    signed: bytes
    middle: bytes
    end: bytes


class Signer:
    """Holds the key and all that is the same in each signature. Safe to use from several threads at once.

    `life` is the time in which its signatures are worth something: from when to when both certificates are valid.
    """

    __slots__ = ("_head", "_key", "_layouts", "_who", "life")

    def __init__(self, credentials: Credentials) -> None:
        self._key: RSAPrivateKey = credentials.key
        pair = (credentials.certificate, credentials.intermediate)
        certificates = b"".join(sorted(certificate.public_bytes(Encoding.DER) for certificate in pair))
        content = _tlv(_SEQUENCE, _oid("1.2.840.113549.1.7.1"))
        self._head = _integer(1) + _tlv(_SET, _SHA256) + content + _tlv(_CONTEXT_0, certificates)
        issuer = credentials.certificate.issuer.public_bytes() + _integer(credentials.certificate.serial_number)
        self._who = _integer(1) + _tlv(_SEQUENCE, issuer) + _SHA256
        self.life = (
            max(certificate.not_valid_before_utc for certificate in pair),
            min(certificate.not_valid_after_utc for certificate in pair),
        )
        # The two forms of a time differ in length, and with them every length around the time.
        self._layouts = {len(time): self._lay_down(time) for time in (b"YYMMDDHHMMSSZ", b"YYYYMMDDHHMMSSZ")}

    def sign(self, manifest: bytes, *, signed_at: datetime) -> bytes:
        """The file `signature` for these manifest bytes: one RSA signature over SHA-256, DER, about 2.5 kB.

        `signed_at` is aware (ValueError where it is not); its fraction of a second is dropped.
        """
        time = _time(signed_at)
        start, signed, middle, end = self._layouts[len(time)]
        differs = time + middle + sha256(manifest).digest()
        return start + differs + end + self._key.sign(signed + differs, _PADDING, _DIGEST)

    def _lay_down(self, time: bytes) -> _Layout:
        attributes, value = _attributes(time, bytes(32)), bytes(self._key.key_size // 8)
        signer = self._who + _tlv(_CONTEXT_0, attributes) + _RSA + _tlv(_OCTETS, value)
        signed = _tlv(_SEQUENCE, self._head + _tlv(_SET, _tlv(_SEQUENCE, signer)))
        whole = _tlv(_SEQUENCE, _SIGNED_DATA + _tlv(_CONTEXT_0, signed))
        before, _, middle = attributes[:-32].partition(time)
        end = _RSA + _tlv(_OCTETS, value)[: -len(value)]
        start = whole[: -len(time + middle) - 32 - len(end) - len(value)]
        # RFC 5652 §5.4: what is signed is the SET OF, not the [0] under which it is sent.
        return _Layout(start, _tlv(_SET, attributes)[: len(before) - len(attributes)], middle, end)


def _attributes(time: bytes, digest: bytes) -> bytes:
    """Content type, signing time and digest: DER orders a SET OF by its encodings (X.690 §11.6), the shortest first."""
    tag = _UTC_TIME if len(time) == 13 else _GENERALIZED_TIME
    signing_time = _attribute("1.2.840.113549.1.9.5", _tlv(tag, time))
    return _CONTENT_TYPE + signing_time + _attribute("1.2.840.113549.1.9.4", _tlv(_OCTETS, digest))


def _time(when: datetime) -> bytes:
    """RFC 5652 §11.3: UTCTime until 2049, GeneralizedTime from 2050 on, always in UTC and with seconds."""
    if when.tzinfo is not UTC:
        if when.utcoffset() is None:
            raise ValueError("the signing time needs a zone")
        when = when.astimezone(UTC)
    century, year = divmod(when.year, 100)
    rest = b"%02d%02d%02d%02d%02d%02dZ" % (year, when.month, when.day, when.hour, when.minute, when.second)
    return rest if 1950 <= when.year < 2050 else b"%02d" % century + rest


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 128:
        return bytes((tag, size)) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + value


def _integer(value: int) -> bytes:
    return _tlv(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    encoded = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        encoded += bytes(reversed(groups))
    return _tlv(_OID, bytes(encoded))


def _attribute(dotted: str, value: bytes) -> bytes:
    return _tlv(_SEQUENCE, _oid(dotted) + _tlv(_SET, value))


_SHA256 = _tlv(_SEQUENCE, _oid("2.16.840.1.101.3.4.2.1") + _tlv(_NULL, b""))
_RSA = _tlv(_SEQUENCE, _oid("1.2.840.113549.1.1.1") + _tlv(_NULL, b""))
_SIGNED_DATA = _oid("1.2.840.113549.1.7.2")
_CONTENT_TYPE = _attribute("1.2.840.113549.1.9.3", _oid("1.2.840.113549.1.7.1"))
