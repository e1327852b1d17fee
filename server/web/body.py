"""Reading what comes with a request: its body within limits of size and time, its query, the names in its path."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from aiohttp import HttpVersion11, web

from server.errors import FieldError, Invalid, NotFound, TooLarge, Unreadable
from server.web.call import JSON
from server.web.codec import UnsupportedMedia, clean, parse, read_texts
from server.web.problems import RequestTimeout

FORM: Final = "application/x-www-form-urlencoded"
CSRF_FIELD: Final = "csrf"
BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_UUID_NAMES: Final = frozenset({"id", "serial", "moment_id"})
_FIELDS: Final = 64
_TEXT_CHARACTERS: Final = 2048
_OFF_LOOP_BYTES: Final = 128 * 1024
"""Larger JSON is parsed in a thread: ten milliseconds are too long for everybody else to wait."""


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An empty object, or no body at all."""


async def read_bytes(request: web.Request, *, most: int, deadline_s: float) -> bytes:
    """Read the body, at most `most` bytes within the deadline.

    Raises TooLarge before reading on, RequestTimeout, UnsupportedMedia for a compressed body, Unreadable for a broken one.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Compressed bodies are not taken.")
    if (request.content_length or 0) > most:
        raise TooLarge(f"The body is larger than {most} bytes.")
    if not request.body_exists:
        return b""
    try:
        if request.content.is_eof():  # it came with the head, as most do: nothing to wait for
            body = request.content.read_nowait()
        else:
            async with asyncio.timeout(deadline_s):
                body = await _gather(request, most)
    except TimeoutError:
        raise RequestTimeout from None
    except web.RequestPayloadError:
        raise Unreadable("The body ended before it was complete.") from None
    if len(body) > most:
        raise TooLarge(f"The body is larger than {most} bytes.")
    return body


async def _gather(request: web.Request, most: int) -> bytes:
    """Read until the body ends or is larger than `most`."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    chunks: list[bytes] = []
    size = 0
    while size <= most and (chunk := await request.content.readany()):
        size += len(chunk)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_value(request: web.Request, body: bytes, *, media: str, depth: int) -> Any:
    """Read a body of JSON or of a form into plain values; an empty one is an empty object."""
    if not body:
        return {}
    content_type = request.content_type
    if media == FORM:
        if content_type != FORM:
            raise UnsupportedMedia(f"The body must be {FORM}.")
        return _pairs(_decoded(body), what="field")
    if content_type not in (JSON, media) and not content_type.endswith("+json"):  # RFC 6839, such as GeoJSON's own
        raise UnsupportedMedia(f"The body must be {media}.")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("The body must be UTF-8.")
    if len(body) > _OFF_LOOP_BYTES:
        return await asyncio.to_thread(parse, body, depth=depth)
    return parse(body, depth=depth)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        raise Unreadable("The form is not URL-encoded.") from None


def _pairs(text: str, *, what: str) -> dict[str, str]:
    """Read URL-encoded pairs, each name once."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    except ValueError:
        raise Unreadable(f"The {what}s cannot be read.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise Invalid(errors=[FieldError(clean(twice)[:64], f"is given twice, and the {what} has one value")])
    return {clean(name): _clean(value, field=name) for name, value in found.items()}


def _clean(value: str, *, field: str) -> str:
    try:
        return clean(value)
    except Invalid as error:
        raise Invalid(errors=[FieldError(clean(field)[:64], error.detail)]) from None


def read_query(request: web.Request, type_: type[msgspec.Struct] | None) -> Any:
    """Read the query into its struct, or refuse any where a door of the API takes none; pages do not mind."""
    text = request.rel_url.raw_query_string if "?" in request.raw_path else ""
    if type_ is None:
        if not text or not request.path.startswith("/v1/"):
            return None
        type_ = Nothing
    return read_texts(_pairs(text, what="parameter"), type_)


def read_path(found: Mapping[str, str]) -> dict[str, UUID | str]:
    """Read the names in the path; raises NotFound where one cannot be: a malformed id is nobody's."""
    return {name: _named(name, text) for name, text in found.items()}


def _named(name: str, text: str) -> UUID | str:
    if name in _UUID_NAMES:
        try:
            if len(text) == 36:
                return UUID(text)
        except ValueError:
            pass
        raise NotFound
    try:
        text = clean(text)
    except Invalid:
        raise NotFound from None
    if not 0 < len(text) <= _TEXT_CHARACTERS:
        raise NotFound
    return text
