"""Links to a pass's file: whoever has one may fetch, for five minutes; nobody can write one."""

from __future__ import annotations

import base64
import hmac
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.wallet.keyring import Keyring, Kind, open_keyring
from server.wallet.links import LIFE, Link, link_for, read_token, token_for

NOW = datetime(2026, 11, 23, 8, 0, 0, 250_000, tzinfo=UTC)
SERIAL = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return open_keyring(tmp_path_factory.mktemp("links"), now=NOW)


def forged(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_link_names_its_pass(keyring: Keyring) -> None:
    token = token_for(SERIAL, keyring=keyring, now=NOW)
    assert read_token(token, keyring=keyring, now=NOW) == Link(SERIAL, expired=False)


def test_a_link_may_be_read_again_and_again(keyring: Keyring) -> None:
    token = token_for(SERIAL, keyring=keyring, now=NOW)
    for second in range(0, 299, 13):
        assert read_token(token, keyring=keyring, now=NOW + timedelta(seconds=second)) == Link(SERIAL, expired=False)


def test_a_link_lives_five_minutes_to_the_second(keyring: Keyring) -> None:
    token = token_for(SERIAL, keyring=keyring, now=NOW)
    last = NOW.replace(microsecond=0) + LIFE
    assert timedelta(minutes=5) == LIFE
    assert read_token(token, keyring=keyring, now=last - timedelta(microseconds=1)) == Link(SERIAL, expired=False)
    assert read_token(token, keyring=keyring, now=last) == Link(SERIAL, expired=True)


def test_an_old_link_is_told_from_a_forged_one(keyring: Keyring) -> None:
    token = token_for(SERIAL, keyring=keyring, now=NOW)
    changed = token[:-2] + ("AA" if token[-2:] != "AA" else "AE")
    later = NOW + timedelta(minutes=6)
    assert read_token(token, keyring=keyring, now=later) == Link(SERIAL, expired=True)
    assert read_token(changed, keyring=keyring, now=later) is None


def test_the_address_is_the_public_one(keyring: Keyring) -> None:
    token = token_for(SERIAL, keyring=keyring, now=NOW)
    for base in ("https://kairos.example", "https://kairos.example/"):
        assert link_for(SERIAL, base_url=base, keyring=keyring, now=NOW) == f"https://kairos.example/p/{token}"


def test_a_token_fits_into_a_path_as_it_is(keyring: Keyring) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert set(token_for(SERIAL, keyring=keyring, now=NOW)) <= allowed


def test_a_token_is_the_key_id_the_end_the_serial_and_their_mac(keyring: Keyring) -> None:
    raw = base64.urlsafe_b64decode(token_for(SERIAL, keyring=keyring, now=NOW) + "=")
    end = int.from_bytes(raw[1:6], "big")
    assert raw[0] == 1
    assert datetime.fromtimestamp(end, UTC) == NOW.replace(microsecond=0) + LIFE
    assert raw[6:22] == SERIAL.bytes
    secret = keyring.current(Kind.LINK, now=NOW).secret
    assert raw[22:] == hmac.new(secret, b"kairos link\0" + raw[:22], "sha256").digest()[:16]


def test_each_single_bit_counts(keyring: Keyring) -> None:
    raw = int.from_bytes(base64.urlsafe_b64decode(token_for(SERIAL, keyring=keyring, now=NOW) + "="), "big")
    for bit in range(8 * 38):
        assert read_token(forged((raw ^ (1 << bit)).to_bytes(38, "big")), keyring=keyring, now=NOW) is None


def test_a_token_has_one_spelling(keyring: Keyring) -> None:
    token = token_for(SERIAL, keyring=keyring, now=NOW)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [token[:-1] + letter for letter in alphabet if letter != token[-1]]
    assert [each for each in others if read_token(each, keyring=keyring, now=NOW)] == []
    for odd in (token + "=", token + "A", token[:-1], f" {token}", token.replace("_", "/").replace("-", "+") + " "):
        assert read_token(odd, keyring=keyring, now=NOW) is None


def test_random_tokens_are_refused(keyring: Keyring) -> None:
    chance = random.Random(5)
    for _ in range(20_000):
        raw = bytes([1]) + chance.randbytes(37)
        assert read_token(forged(raw), keyring=keyring, now=NOW) is None


@given(text=st.text(max_size=80))
def test_no_text_is_an_error(keyring: Keyring, text: str) -> None:
    assert read_token(text, keyring=keyring, now=NOW) is None


def test_a_later_end_cannot_be_written_into_a_link(keyring: Keyring) -> None:
    raw = bytearray(base64.urlsafe_b64decode(token_for(SERIAL, keyring=keyring, now=NOW) + "="))
    raw[1:6] = (2**40 - 1).to_bytes(5, "big")
    assert read_token(forged(bytes(raw)), keyring=keyring, now=NOW) is None


def test_a_link_survives_a_rotation_of_its_key(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    token = token_for(SERIAL, keyring=keyring, now=NOW)
    keyring.rotate(Kind.LINK, now=NOW)
    soon = NOW + timedelta(minutes=2)
    assert read_token(token, keyring=keyring, now=soon) == Link(SERIAL, expired=False)
    assert read_token(token_for(SERIAL, keyring=keyring, now=soon), keyring=keyring, now=soon) is not None


def test_another_installations_link_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    other = open_keyring(tmp_path, now=NOW)
    assert read_token(token_for(SERIAL, keyring=other, now=NOW), keyring=keyring, now=NOW) is None
