"""Provider tokens: verified by openssl, made anew in time and not more often."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from server.channels.provider_token import LIFE, SOONEST, ProviderToken
from server.errors import Misconfigured

NOW = datetime(2026, 11, 3, 8, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    closed = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed)


def tokens() -> ProviderToken:
    return ProviderToken(pem(KEY), key_id="ABC123DEFG", team_id="TEAM123456")


def unbase(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_openssl_verifies_what_is_signed(tmp_path: Path) -> None:
    head, claims, signature = tokens().at(NOW).split(".")
    assert json.loads(unbase(head)) == {"alg": "ES256", "kid": "ABC123DEFG"}
    assert json.loads(unbase(claims)) == {"iss": "TEAM123456", "iat": int(NOW.timestamp())}
    raw = unbase(signature)
    assert len(raw) == 64
    public, sealed = tmp_path / "public.pem", tmp_path / "signature"
    public.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    sealed.write_bytes(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")))
    command = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", sealed]
    told = subprocess.run(command, input=f"{head}.{claims}".encode(), capture_output=True, check=True)
    assert b"Verified OK" in told.stdout


def test_one_token_serves_for_forty_minutes_and_then_comes_another() -> None:
    """Apple refuses one that is an hour old, and more than one within twenty minutes."""
    assert timedelta(minutes=20) < LIFE < timedelta(minutes=60)
    own = tokens()
    made = [own.at(NOW + minutes * MINUTE) for minutes in range(0, 240)]
    changes = [minute for minute in range(1, 240) if made[minute] != made[minute - 1]]
    assert changes == [40, 80, 120, 160, 200]


def test_a_clock_that_jumps_back_makes_a_new_token_and_one_that_trembles_none() -> None:
    own = tokens()
    first = own.at(NOW)
    assert own.at(NOW - timedelta(seconds=2)) == first
    assert own.at(NOW - timedelta(hours=2)) != first


def test_a_token_that_apple_calls_expired_is_made_anew_but_not_again_and_again() -> None:
    own = tokens()
    first = own.at(NOW)
    own.refused(first, now=NOW)
    second = own.at(NOW + MINUTE)
    assert second != first
    own.refused(first, now=NOW + MINUTE)  # an answer that was on its way
    assert own.at(NOW + MINUTE) == second
    own.refused(second, now=NOW + 2 * MINUTE)  # a clock that is wrong
    assert own.at(NOW + 2 * MINUTE) == second
    own.refused(second, now=NOW + SOONEST)
    assert own.at(NOW + SOONEST) != second


@pytest.mark.parametrize(
    "key",
    [
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505  only to be refused
        pem(KEY, b"closed"),
        b"-----BEGIN PRIVATE KEY-----\n",
        b"",
    ],
)
def test_a_key_that_is_none_for_es256_is_refused_by_its_setting_and_not_repeated(key: bytes) -> None:
    with pytest.raises(Misconfigured, match=r"^apns\.key_file: ") as refused:
        ProviderToken(key, key_id="K", team_id="T")
    assert "BEGIN" not in str(refused.value)


def test_neither_key_nor_token_is_shown() -> None:
    own = tokens()
    assert own.at(NOW) not in repr(own)
