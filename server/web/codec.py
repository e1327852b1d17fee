"""JSON in, JSON out: bodies are read strictly, answers are written from explicit structs.

Rule 1: what two readers could understand differently is refused: duplicate keys, NaN, numbers that overflow.
Rule 2: what PostgreSQL could refuse later is refused here: NUL, lone surrogates, integers beyond 64 bits.
Rule 3: a message names the field, never its value: values may be secrets, and they come from strangers.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NoReturn, TypeVar

import msgspec

from server.errors import FieldError, Invalid, Refusal, Unreadable

T = TypeVar("T")

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with an offset (RFC 3339); one without is refused."""

_INT64 = 1 << 63
_FIELD_CHARACTERS = 120
_AT = re.compile(r"^(?P<what>.*?)(?: - at (?P<key>`key` in )?`\$?(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED = re.compile(r"^Object (?P<what>contains unknown field|missing required field) `(?P<name>.*)`$", re.DOTALL)


class UnsupportedMedia(Refusal):
    """The body must be of another media type."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class _Broken(ValueError):
    """The text is JSON to some readers, and not to us."""


def read_json(body: bytes, type_: type[T], *, depth: int) -> T:
    """Read a JSON body into a struct; nesting up to `depth` containers.

    Raises Unreadable for what is not strict JSON (RFC 8259, I-JSON RFC 7493), Invalid with the field for the rest.
    """
    return convert(parse(body, depth=depth), type_)


def parse(body: bytes, *, depth: int) -> Any:
    """Read strict JSON into dicts, lists, texts (NFC) and numbers; raises Unreadable."""
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
        # Plain ASCII without escapes has neither NUL nor surrogates nor two forms of a letter.
        if not text.isascii() or "\\u" in text or text.count("{") + text.count("[") > depth:
            value = _walk(value, depth)
    except _Broken as error:
        raise Unreadable(str(error)) from None
    except RecursionError:
        raise Unreadable("The body is nested too deeply.") from None
    except ValueError:  # also UnicodeDecodeError and JSONDecodeError, whose texts quote the body
        raise Unreadable("The body is not JSON in UTF-8.") from None
    return value


def convert(value: Any, type_: type[T], *, texts: bool = False) -> T:
    """Turn plain values into a struct; `texts` where all values are texts (a query, a form). Raises Invalid."""
    try:
        return msgspec.convert(value, type_, strict=not texts)
    except msgspec.ValidationError as error:
        raise Invalid(errors=[field_error(str(error))]) from None
    except RecursionError:
        raise Unreadable("The body is nested too deeply.") from None


def clean(text: str) -> str:
    """Give the text in Unicode's form NFC; raises Invalid for NUL and lone surrogates."""
    try:
        return _text(text)
    except _Broken as error:
        raise Invalid(str(error)) from None


def field_error(message: str) -> FieldError:
    """Turn msgspec's "Expected `float`, got `str` - at `$.pings[0].lat`" into the field `pings[0].lat` and a sentence."""
    match = _AT.match(message)
    what, path = (match["what"], (match["path"] or "").lstrip(".")) if match else (message, "")
    named = _NAMED.match(what)
    if named:
        path = f"{path}.{named['name']}" if path else named["name"]
        what = "is not a known field" if "unknown" in named["what"] else "is required"
    elif what.startswith("Invalid enum value"):
        what = "is none of the allowed values"
    elif what.startswith("Invalid value"):
        what = "is none of the allowed kinds"
    if match and match["key"]:
        what = f"has a wrong key: {what}"
    return FieldError(_printable(path), what.replace("`", ""))


def _printable(path: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in path[:_FIELD_CHARACTERS])


def encode(answer: object) -> bytes:
    """Write an answer: times in UTC end with Z, UUIDs are texts."""
    return msgspec.json.encode(answer)


def canonical(value: object) -> bytes:
    """Write a value so that equal values give equal bytes: keys in order, no spaces."""
    return msgspec.json.encode(value, order="deterministic")


def read_texts(pairs: Mapping[str, str], type_: type[T]) -> T:
    """Read a query or a form (each name once) into a struct; raises Invalid."""
    found = convert({clean(name): clean(value) for name, value in pairs.items()}, type_, texts=True)
    for field in msgspec.structs.fields(found):  # type: ignore[arg-type]  # only structs are given
        value = getattr(found, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise Invalid(errors=[FieldError(field.encode_name, "must be a finite number")])
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Broken("The body has the same key twice in one object.")
    return found


def _constant(name: str) -> NoReturn:
    raise _Broken("The body has a number that JSON does not know (NaN or Infinity).")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Broken("The body has a number that is too large.")
    return value


def _int(text: str) -> int:
    value = int(text)
    if not -_INT64 <= value < _INT64:
        raise _Broken("The body has an integer beyond 64 bits.")
    return value


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _walk(value: Any, left: int) -> Any:
    """Check texts and depth, and bring every text into NFC."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (dict, list)):
        if left == 0:
            raise _Broken("The body is nested too deeply.")
        if isinstance(value, list):
            return [_walk(each, left - 1) for each in value]
        return _unique([(_text(name), _walk(each, left - 1)) for name, each in value.items()])
    return value


def _text(text: str) -> str:
    if "\0" in text:
        raise _Broken("Texts must not contain NUL.")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Broken("Texts must not contain half of a surrogate pair.") from None
    return unicodedata.normalize("NFC", text)
