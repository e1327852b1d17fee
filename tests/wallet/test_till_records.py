"""Records of tills: signed by somebody else's code, read by ours; nothing in them may change."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from server.wallet.till_records import Signed, digest_of, first_head, from_base64, is_signed, read_public_key, to_base64
from tests.till_book import TillBook

KEY = UUID("0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b")
AT = datetime(2026, 11, 28, 8, 5, tzinfo=UTC)


@dataclass
class Made:
    record: Signed
    signature: str
    key: bytes


def made(code: str = "ABC", **more: Any) -> Made:
    book = TillBook().known_as(KEY)
    wire = book.write(code, at=AT, **more)
    amount = wire.get("purchase", {}).get("amount", {})
    record = Signed(
        KEY,
        wire["n"],
        wire["prev"],
        UUID(wire["id"]),
        wire["scanned_at"],
        code,
        amount.get("minor"),
        amount.get("currency"),
    )
    public = read_public_key(book.public_key)
    assert public is not None
    assert to_base64(digest_of(record)) == book.head
    return Made(record, wire["signature"], public)


@pytest.mark.parametrize("code", ["0405 0305", 'a "quoted" \\ code', "\u00e9\u2028\x07\n"])
def test_what_a_browser_signed_is_believed(code: str) -> None:
    it = made(code, amount={"minor": 480, "currency": "EUR"})
    assert is_signed(it.record, signature=it.signature, public_key=it.key)
    assert it.record.prev == to_base64(first_head(KEY))


@pytest.mark.parametrize(
    "change",
    [
        {"n": 2}, {"prev": "A" * 43}, {"id": UUID(int=1)}, {"scanned_at": "2026-11-28T08:05:00.001Z"}, {"code": "ABD"},
        {"minor": 1}, {"currency": "EUR"}, {"order_id": "x"}, {"key_id": UUID(int=2)},
    ],
)  # fmt: skip
def test_whatever_is_changed_the_signature_does_not_fit_any_more(change: dict[str, Any]) -> None:
    it = made()
    assert not is_signed(it.record._replace(**change), signature=it.signature, public_key=it.key)


@pytest.mark.parametrize("signature", ["", "A" * 86, "A" * 85, "!" * 86, "\u00e9"])
def test_what_is_no_signature_is_none(signature: str) -> None:
    it = made()
    assert not is_signed(it.record, signature=signature, public_key=it.key)


@pytest.mark.parametrize("raw", [b"", b"\x04" + bytes(64), b"\x02" + bytes(32), b"\x04" + b"\xff" * 64, bytes(65)])
def test_what_is_no_point_of_the_curve_is_no_key(raw: bytes) -> None:
    assert read_public_key(to_base64(raw)) is None


def test_base64_has_one_spelling() -> None:
    assert from_base64(to_base64(b"\xfb\xff")) == b"\xfb\xff"
    assert from_base64("-_9") is None  # bits that nobody reads
    assert from_base64("+/8") is None
    assert from_base64(base64.b64encode(b"a").decode()) is None
