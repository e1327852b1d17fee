"""Crockford's base32 (https://www.crockford.com/base32.html), as codes are written and as people type them.

Capitals and digits without I, L, O and U; read with small letters, spaces, hyphens, O for 0, I and L for 1.
"""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_BITS: Final = 5


def write_base32(raw: bytes) -> str:
    """Write bytes, five bits a character; the last one is filled up with zeros."""
    length = -(-8 * len(raw) // _BITS)
    number = int.from_bytes(raw, "big") << (_BITS * length - 8 * len(raw))
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(_BITS * (length - 1), -1, -_BITS))


def read_base32(text: str, *, longest: int) -> bytes | None:
    """Read characters into whole bytes; None for what is none. Every byte has one spelling but for what people mistype."""
    if len(text) > longest or not text.isascii():
        return None
    typed = text.replace("-", "").replace(" ", "").upper()
    number = 0
    for character in typed:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number << _BITS | value
    size, spare = divmod(_BITS * len(typed), 8)
    if spare >= _BITS or number & ((1 << spare) - 1):
        return None
    return (number >> spare).to_bytes(size, "big")
