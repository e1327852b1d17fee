"""Identity tokens are judged strictly; the tokens here are made by the standard library alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.errors import Misconfigured
from server.web.identity import IdentityRefused, check, read_key

KEY = b"0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(
    subject: str,
    *,
    now: datetime = NOW,
    key: bytes = KEY,
    header: dict[str, Any] | None = None,
    lives_s: float = 300,
    **claims: Any,
) -> str:
    """Sign a token as a brand's backend does."""
    issued = int(now.timestamp())
    told = {"sub": subject, "iat": issued, "exp": issued + lives_s} | claims
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'} if header is None else header)}.{part(told)}"
    return f"{signed}.{part(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def test_a_good_token_vouches_for_its_subject() -> None:
    check(jwt("4711"), external_id="4711", key=KEY, now=NOW)
    check(jwt("4711", header={"alg": "HS256"}), external_id="4711", key=KEY, now=NOW)
    check(jwt("4711", aud="somebody"), external_id="4711", key=KEY, now=NOW + timedelta(seconds=299))
    with pytest.raises(IdentityRefused):  # and for nobody else
        check(jwt("4711"), external_id="4712", key=KEY, now=NOW)


@pytest.mark.parametrize(
    "token",
    [
        jwt("4712"),
        jwt("4711", key=b"f" * 32),
        jwt("4711", header={"alg": "none"}),
        jwt("4711", header={"alg": "HS512"}),
        jwt("4711", header={"alg": "HS256", "crit": ["b64"]}),
        jwt("4711", header={"alg": "HS256", "typ": "at+jwt"}),
        jwt("4711", lives_s=601),
        jwt("4711", lives_s=0),
        jwt("4711", now=NOW - timedelta(seconds=300)),
        jwt("4711", now=NOW + timedelta(seconds=61)),
        jwt("4711", exp="2026-11-03T12:00:00Z"),
        jwt("4711", iat=True),
        jwt("4711", iat=None),
        jwt("4711", exp=float("1e400")),
        jwt("4711") + "=",
        jwt("4711") + ".x",
        jwt("4711").replace(".", ""),
        "",
        "..",
        "a.b.c",
        "ä.ö.ü",
        f"{part({'alg': 'none'})}.{part({'sub': '4711'})}.",
        jwt("4711", padding="x" * 4096),
    ],
)
def test_anything_else_is_refused_alike(token: str) -> None:
    with pytest.raises(IdentityRefused):
        check(token, external_id="4711", key=KEY, now=NOW)


@pytest.mark.parametrize("claims", [b"[1]", b'"4711"', b"{", b"\xff", b"[" * 100_000])
def test_a_signed_token_that_holds_no_claims_is_refused(claims: bytes) -> None:
    signed = f"{part({'alg': 'HS256'})}.{part(claims)}"
    token = f"{signed}.{part(hmac.new(KEY, signed.encode(), hashlib.sha256).digest())}"
    with pytest.raises(IdentityRefused):
        check(token, external_id="4711", key=KEY, now=NOW)


def test_a_key_is_read_from_its_file_and_must_be_long_enough(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(KEY + b"\n")
    assert read_key(file) == KEY
    file.write_bytes(b"short")
    with pytest.raises(Misconfigured, match=r"identity\.secret_file"):
        read_key(file)
    with pytest.raises(Misconfigured, match=r"identity\.secret_file"):
        read_key(tmp_path / "none")
