"""One shape for everything that goes wrong: RFC 9457 problem details."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from server.errors import FieldError, NotFound, Refusal, TooMany, Unavailable
from server.store.pool import Contended
from server.web.codec import encode

MEDIA: Final = "application/problem+json"
_TYPE: Final = "urn:kairos:problem:"
_RETRY_AFTER_S: Final = 1


class RequestTimeout(Refusal):
    """The body took too long to arrive."""

    status, code, title = 408, "request_timeout", "Request timeout"


class MethodNotAllowed(Refusal):
    """There is something here, but not by this method."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class Misdirected(Refusal):
    """This server does not answer to that Host name."""

    status, code, title = 421, "misdirected", "Misdirected request"


class Internal(Refusal):
    """Something went wrong here; it was written down under this request's id."""

    status, code, title = 500, "internal", "Internal error"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a problem's body holds (RFC 9457), for the documentation; further members say more where a route says so."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: tuple[FieldProblem, ...] = ()


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A wrong field: its path such as `pings[0].lat`, and what is wrong with it."""

    field: str
    message: str


def refusal_of(error: Exception) -> Refusal | None:
    """Tell as which refusal an error is answered; None for what nobody expected."""
    if isinstance(error, Contended):  # tried again already; 409 would tell a client that it must not
        return Unavailable(retry_after_s=_RETRY_AFTER_S)
    if isinstance(error, Refusal):
        return error
    if isinstance(error, asyncio.TimeoutError):
        return Unavailable(retry_after_s=_RETRY_AFTER_S)
    if isinstance(error, web.HTTPException):
        return _of_aiohttp(error)
    return None


class _Other(Refusal):
    """The request was refused."""

    def __init__(self, status: int) -> None:
        super().__init__()
        phrase = HTTPStatus(status).phrase
        self.status, self.title = status, phrase  # type: ignore[misc]  # the one class whose status is known only now
        self.reason = phrase.lower().replace(" ", "_").replace("-", "_")


def _of_aiohttp(error: web.HTTPException) -> Refusal:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed(extra={"allowed": sorted(error.allowed_methods)})
    if error.status == HTTPStatus.NOT_FOUND:  # the same bytes as for what is there and not yours
        return NotFound()
    return _Other(error.status)


def body_of(refusal: Refusal, *, request_id: str) -> bytes:
    """Write the problem's body."""
    problem: dict[str, Any] = {
        "type": _TYPE + refusal.reason,
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "code": refusal.reason,
        "request_id": request_id,
        **refusal.extra,
    }
    if refusal.errors:
        problem["errors"] = _fields(refusal.errors)
    return encode(problem)


def _fields(errors: Sequence[FieldError]) -> list[dict[str, str]]:
    return [{"field": error.field, "message": error.message} for error in errors]


def respond_to(refusal: Refusal, *, request_id: str) -> web.Response:
    """Answer a refusal; the connection is closed where the rest of the body is not wanted."""
    response = web.Response(status=refusal.status, body=body_of(refusal, request_id=request_id), content_type=MEDIA)
    if refusal.retry_after_s is not None or isinstance(refusal, (TooMany, Unavailable)):
        response.headers["Retry-After"] = str(refusal.retry_after_s or _RETRY_AFTER_S)
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="kairos"'
    if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(refusal.extra.get("allowed", ()))
    if refusal.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        response.force_close()
    return response
