"""Signed codes: what a till reads from them without the server, judged by a reader written anew; and what nobody can make."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from server.model.money import Money
from server.model.pass_ import Benefit, Card, Pass, PassState
from server.wallet.codes import read_scan
from server.wallet.keyring import Key, Keyring, Kind, open_keyring
from server.wallet.signed_codes import LONGEST, SHORTEST, key_for, public_key, read_signed, sign_code

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SERIAL = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")
STORES = tuple(UUID(int=n + 1) for n in range(12))
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PLAIN = Pass(
    serial=SERIAL, customer_id=UUID(int=7), moment_id=UUID(int=8), offer_id=UUID(int=9), offer_version=1,
    state=PassState.ACTIVE, card=Card("Coffee", "coffee"), benefit=Benefit("free_item", value=Money(250, "EUR")),
    uses_total=1, uses_left=1, valid_from=NOW, valid_until=NOW + timedelta(hours=2), places=None, place_tag=None, key_id=1,
    token_sealed=b"", modified_at=NOW, created_at=NOW,
)  # fmt: skip


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return open_keyring(tmp_path_factory.mktemp("codes"), now=NOW)


def the_key(keyring: Keyring) -> Key:
    return keyring.current(Kind.OFFLINE, now=NOW)


def raw_of(code: str) -> bytes:
    bits = "".join(f"{CROCKFORD.index(each):05b}" for each in code)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


def understood(code: str, public: bytes) -> dict[str, Any]:
    """What the page understands: the layout of ADR 0033, byte by byte."""
    raw = raw_of(code)
    body, signature = raw[:-64], raw[-64:]
    Ed25519PublicKey.from_public_bytes(public).verify(signature, b"kairos signed code\0" + body)

    def number(start: int, end: int) -> int:
        return int.from_bytes(body[start:end], "big")

    return {
        "version": body[0], "key": body[1], "serial": UUID(bytes=body[2:18]), "from": number(18, 22), "until": number(22, 26),
        "traits": body[26], "worth": number(27, 31), "currency": body[31:34].rstrip(b"\0").decode(), "minimum": number(34, 38),
        "stores": [body[at : at + 2] for at in range(38, len(body), 2)],
    }  # fmt: skip


def test_a_code_says_what_a_till_must_know(keyring: Keyring) -> None:
    benefit = Benefit("free_item", value=Money(250, "EUR"), minimum_purchase=Money(480, "EUR"))
    told = understood(
        sign_code(replace(PLAIN, benefit=benefit, places=STORES[:2]), key=the_key(keyring)),
        public_key(the_key(keyring)),
    )
    assert told == {
        "version": 3, "key": 1, "serial": SERIAL, "from": int(NOW.timestamp()), "until": int(NOW.timestamp()) + 7200,
        "traits": 4, "worth": 250, "currency": "EUR", "minimum": 480,
        "stores": sorted(hashlib.sha256(each.bytes).digest()[:2] for each in STORES[:2]),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"uses_total": 10}, {"traits": 1, "worth": 250}),
        ({"benefit": Benefit("percent", percent=12.5)}, {"traits": 2, "worth": 1250, "currency": ""}),
        ({"place_tag": "bakery"}, {"traits": 8, "worth": 250, "stores": []}),
        ({"places": STORES}, {"traits": 12, "worth": 0, "stores": []}),
        ({"benefit": Benefit("amount", value=Money(2**33, "EUR"))}, {"traits": 8, "worth": 0, "currency": ""}),
        ({"benefit": Benefit("amount", value=Money(5, "EUR"), minimum_purchase=Money(9, "USD"))}, {"traits": 8, "minimum": 0}),
        ({"valid_until": None}, {"traits": 0, "until": 0}),
        ({"benefit": Benefit("stamp")}, {"traits": 0, "worth": 0, "currency": ""}),
    ],
)  # fmt: skip
def test_what_does_not_fit_makes_the_code_say_so(
    keyring: Keyring, change: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    code = sign_code(replace(PLAIN, **change), key=the_key(keyring))
    told = understood(code, public_key(the_key(keyring)))
    assert {name: told[name] for name in expected} == expected
    assert SHORTEST <= len(code) <= LONGEST
    assert read_scan(code, keyring=keyring, now=NOW) == (SERIAL, None)


def test_it_is_read_as_people_type_it_and_names_its_pass(keyring: Keyring) -> None:
    code = sign_code(PLAIN, key=the_key(keyring))
    typed = " ".join(code[at : at + 4] for at in range(0, len(code), 4)).lower().replace("0", "o")
    found = read_signed(typed, keyring=keyring, now=NOW)
    assert found is not None
    assert (found.serial, found.worth, found.currency) == (SERIAL, 250, "EUR")


@given(bit=st.integers(0, 8 * 102 - 1))
def test_each_single_bit_counts(keyring: Keyring, bit: int) -> None:
    raw = bytearray(raw_of(sign_code(PLAIN, key=the_key(keyring))))
    raw[bit // 8] ^= 1 << bit % 8
    number = int.from_bytes(raw, "big") << 4  # 816 bits in 164 characters
    forged = "".join(CROCKFORD[number >> 5 * place & 31] for place in reversed(range(164)))
    assert read_scan(forged, keyring=keyring, now=NOW) is None


def test_nobody_elses_key_makes_one(keyring: Keyring) -> None:
    other = replace(the_key(keyring), secret=bytes(32))
    assert read_scan(sign_code(PLAIN, key=other), keyring=keyring, now=NOW) is None
    with pytest.raises(InvalidSignature):
        understood(sign_code(PLAIN, key=other), public_key(the_key(keyring)))
    seal = replace(keyring.current(Kind.CODE, now=NOW), kind=Kind.OFFLINE)
    assert read_scan(sign_code(PLAIN, key=seal), keyring=keyring, now=NOW) is None


def test_a_genuine_signature_over_another_shape_is_no_code(keyring: Keyring) -> None:
    code = sign_code(PLAIN, key=the_key(keyring))
    body = raw_of(code)[:-64] + b"\0"  # half a store
    private = Ed25519PrivateKey.from_private_bytes(the_key(keyring).secret)
    raw = body + private.sign(b"kairos signed code\0" + body)
    bits = "".join(f"{each:08b}" for each in raw)
    bits += "0" * (-len(bits) % 5)
    text = "".join(CROCKFORD[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))
    assert read_scan(text, keyring=keyring, now=NOW) is None


def test_a_pass_keeps_its_code_over_a_rotation_until_the_old_keys_end(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    first = sign_code(PLAIN, key=key_for(PLAIN, keyring=keyring, now=NOW))
    keyring.rotate(Kind.OFFLINE, now=NOW, overlap=timedelta(days=30))
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=31)
    assert sign_code(PLAIN, key=key_for(PLAIN, keyring=keyring, now=soon)) == first
    newer = replace(PLAIN, created_at=soon)
    assert key_for(newer, keyring=keyring, now=soon).id == 2
    assert read_scan(first, keyring=keyring, now=soon) == (SERIAL, None)
    assert read_scan(first, keyring=keyring, now=late) is None
    second = sign_code(PLAIN, key=key_for(PLAIN, keyring=keyring, now=late))
    assert second != first
    assert read_scan(second, keyring=keyring, now=late) == (SERIAL, None)
