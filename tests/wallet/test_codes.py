"""Codes: 48 characters that a till can read and nobody can make up; judged by HMAC and base32 written anew here."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.ids import new_id
from server.wallet.codes import CHANGING, LENGTH, code_for, issue_code, read_code, read_scan
from server.wallet.keyring import Key, Keyring, Kind, open_keyring

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SERIAL = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return open_keyring(tmp_path_factory.mktemp("codes"), now=NOW)


def the_key(keyring: Keyring) -> Key:
    return keyring.current(Kind.CODE, now=NOW)


def mac_of(secret: bytes, body: bytes) -> bytes:
    """RFC 2104, from the hash alone."""
    padded = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(each ^ 0x36 for each in padded) + b"kairos code\0" + body).digest()
    return hashlib.sha256(bytes(each ^ 0x5C for each in padded) + inner).digest()[:12]


def spelled(raw: bytes) -> str:
    """Crockford's base32 of whole groups of five bytes, bit by bit."""
    bits = "".join(f"{each:08b}" for each in raw)
    return "".join(CROCKFORD[int(bits[start : start + 5], 2)] for start in range(0, len(bits), 5))


def raw_of(code: str) -> bytes:
    bits = "".join(f"{CROCKFORD.index(each):05b}" for each in code)
    return bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))


def test_a_code_is_version_key_id_serial_and_mac(keyring: Keyring) -> None:
    body = bytes([1, 1]) + SERIAL.bytes
    expected = spelled(body + mac_of(the_key(keyring).secret, body))
    assert code_for(SERIAL, key=the_key(keyring)) == expected
    assert len(expected) == LENGTH == 48


def test_a_code_is_read_back(keyring: Keyring) -> None:
    assert read_code(code_for(SERIAL, key=the_key(keyring)), keyring=keyring, now=NOW) == SERIAL


@given(number=st.integers(0, 2**128 - 1))
def test_every_serial_survives_writing_and_reading(keyring: Keyring, number: int) -> None:
    serial = UUID(int=number)
    code = code_for(serial, key=the_key(keyring))
    assert set(code) <= set(CROCKFORD)
    assert read_code(code, keyring=keyring, now=NOW) == serial


def test_codes_carry_the_bucket_of_their_serial(keyring: Keyring) -> None:
    serial = new_id(bucket=777, now=NOW)
    found = read_code(code_for(serial, key=the_key(keyring)), keyring=keyring, now=NOW)
    assert found is not None
    assert found.int & 1023 == 777


@pytest.mark.parametrize(
    "typed",
    [
        str.lower,
        lambda code: " ".join(code[at : at + 4] for at in range(0, 48, 4)),
        lambda code: "-".join(code[at : at + 6] for at in range(0, 48, 6)),
        lambda code: f"  {code} ",
        lambda code: code.replace("0", "O"),
        lambda code: code.replace("0", "o"),
        lambda code: code.replace("1", "I"),
        lambda code: code.replace("1", "l"),
    ],
)
def test_what_people_type_is_read(keyring: Keyring, typed: object) -> None:
    for _ in range(20):
        serial = new_id(now=NOW)
        code = code_for(serial, key=the_key(keyring))
        assert read_code(typed(code), keyring=keyring, now=NOW) == serial  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0" * 47,
        "0" * 48,
        "0" * 49,
        "U" * 48,
        "!" * 48,
        "é" * 48,
        "０" * 48,
        "-" * 48,
        "A" * 100_000,
        "\0" * 48,
        "https://example.com/pass?code=1",
        str(SERIAL),
    ],
)
def test_what_is_no_code_is_unknown_and_never_an_error(keyring: Keyring, text: str) -> None:
    assert read_code(text, keyring=keyring, now=NOW) is None


@given(text=st.text(max_size=120))
def test_no_text_at_all_is_taken(keyring: Keyring, text: str) -> None:
    assert read_code(text, keyring=keyring, now=NOW) is None


def test_each_single_bit_counts(keyring: Keyring) -> None:
    raw = int.from_bytes(raw_of(code_for(SERIAL, key=the_key(keyring))), "big")
    for bit in range(240):
        forged = spelled((raw ^ (1 << bit)).to_bytes(30, "big"))
        assert read_code(forged, keyring=keyring, now=NOW) is None


def test_thirty_thousand_forged_codes_are_refused(keyring: Keyring) -> None:
    """Mutated, spliced and random ones; one whose MAC the oracle finds right would be no forgery, and is not counted."""
    chance = random.Random(20261123)
    genuine = [code_for(new_id(now=NOW), key=the_key(keyring)) for _ in range(200)]
    secret = the_key(keyring).secret
    tried = 0
    while tried < 30_000:
        forged = _forge(chance, genuine)
        raw = raw_of(forged)
        if raw[0] == 1 and raw[1] == 1 and mac_of(secret, raw[:18]) == raw[18:]:
            continue
        tried += 1
        assert read_code(forged, keyring=keyring, now=NOW) is None, forged


def _forge(chance: random.Random, genuine: list[str]) -> str:
    kind = chance.randrange(4)
    code = list(chance.choice(genuine))
    if kind == 0:  # a slip or two
        for _ in range(chance.randint(1, 3)):
            code[chance.randrange(48)] = chance.choice(CROCKFORD)
    elif kind == 1:  # two halves of genuine codes
        cut = chance.randrange(1, 48)
        code = code[:cut] + list(chance.choice(genuine))[cut:]
    elif kind == 2:  # two characters exchanged
        one, other = chance.sample(range(48), 2)
        code[one], code[other] = code[other], code[one]
    else:  # a genuine head, chance behind it
        code = code[:29] + [chance.choice(CROCKFORD) for _ in range(19)]
    return "".join(code)


def test_another_installations_code_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    other = open_keyring(tmp_path, now=NOW)
    assert read_code(code_for(SERIAL, key=the_key(other)), keyring=keyring, now=NOW) is None


def test_a_key_for_links_makes_no_codes(keyring: Keyring) -> None:
    link = keyring.current(Kind.LINK, now=NOW)
    assert read_code(code_for(SERIAL, key=link), keyring=keyring, now=NOW) is None


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused_even_with_the_right_mac(keyring: Keyring, version: int) -> None:
    body = bytes([version, 1]) + SERIAL.bytes
    forged = spelled(body + mac_of(the_key(keyring).secret, body))
    assert read_code(forged, keyring=keyring, now=NOW) is None


def test_a_key_id_that_never_was_is_refused(keyring: Keyring) -> None:
    body = bytes([1, 9]) + SERIAL.bytes
    forged = spelled(body + mac_of(the_key(keyring).secret, body))
    assert read_code(forged, keyring=keyring, now=NOW) is None


def test_the_old_keys_codes_are_read_until_its_end_and_then_not(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    old = code_for(SERIAL, key=keyring.current(Kind.CODE, now=NOW))
    keyring.rotate(Kind.CODE, now=NOW, overlap=timedelta(days=30))
    end = NOW + timedelta(days=30, minutes=1)
    assert read_code(old, keyring=keyring, now=end - timedelta(seconds=1)) == SERIAL
    assert read_code(old, keyring=keyring, now=end) is None


def test_a_pass_keeps_its_code_over_a_rotation_and_gets_a_new_one_after_the_old_keys_end(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    first = issue_code(SERIAL, keyring=keyring, key_id=1, now=NOW)
    keyring.rotate(Kind.CODE, now=NOW, overlap=timedelta(days=30))
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=31)
    assert issue_code(SERIAL, keyring=keyring, key_id=1, now=soon) == first
    second = issue_code(SERIAL, keyring=keyring, key_id=1, now=late)
    assert second != first
    assert read_code(second, keyring=keyring, now=late) == SERIAL


def test_the_name_in_a_changing_code_is_sealed_as_another_version(keyring: Keyring) -> None:
    body = bytes([2, 1]) + SERIAL.bytes
    name = code_for(SERIAL, key=the_key(keyring), version=CHANGING)
    assert name == spelled(body + mac_of(the_key(keyring).secret, body))
    assert read_code(name, keyring=keyring, now=NOW) is None
    assert read_scan(f" {name}.12345678 ", keyring=keyring, now=NOW) == (SERIAL, "12345678")


@pytest.mark.parametrize(
    "text", ["{name}", "{static}.12345678", "{name}.1234567x", "{name}12345678", "{name}.", ".12345678"]
)
def test_a_name_without_digits_and_digits_without_a_name_are_no_code(keyring: Keyring, text: str) -> None:
    name, static = (code_for(SERIAL, key=the_key(keyring), version=version) for version in (CHANGING, 1))
    assert read_scan(text.format(name=name, static=static), keyring=keyring, now=NOW) is None
    assert read_scan(static, keyring=keyring, now=NOW) == (SERIAL, None)


@given(place=st.integers(0, LENGTH - 1), character=st.sampled_from(CROCKFORD))
def test_no_changed_name_is_taken(keyring: Keyring, place: int, character: str) -> None:
    name = code_for(SERIAL, key=the_key(keyring), version=CHANGING)
    changed = name[:place] + character + name[place + 1 :]
    found = read_scan(f"{changed}.12345678", keyring=keyring, now=NOW)
    assert (found is not None) == (changed == name)
