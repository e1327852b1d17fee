"""Crockford's base32, against Python's own base32 with another alphabet."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from server.wallet.base32 import read_base32, write_base32

RFC4648 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
OTHER = str.maketrans(RFC4648, CROCKFORD)


@given(raw=st.binary(min_size=1, max_size=130))
def test_it_is_base32_with_another_alphabet_and_read_back(raw: bytes) -> None:
    text = write_base32(raw)
    assert text == base64.b32encode(raw).decode().rstrip("=").translate(OTHER)
    assert read_base32(text, longest=300) == raw


@given(text=st.text(alphabet=CROCKFORD + "OIL -", max_size=60))
def test_every_byte_has_one_spelling(text: str) -> None:
    raw = read_base32(text, longest=100)
    typed = text.replace(" ", "").replace("-", "").replace("O", "0").replace("I", "1").replace("L", "1")
    assert raw is None or write_base32(raw) == typed


def test_what_is_too_long_or_none_of_it_is_refused() -> None:
    assert read_base32("0" * 17, longest=16) is None
    assert read_base32("U0", longest=16) is None
    assert read_base32("\uff10\uff10", longest=16) is None
