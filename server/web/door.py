"""A door: a route with the shapes of what goes in and out, and the way of a request through it.

    admit → meter → read path, query, body (signed?) → (once, under its key) → the door's own handler → write the answer

Rule 1: a handler reads its call, asks, answers: no SQL, no rule, no status for an error. It raises `server.errors`.
Rule 2: what a door says of itself is all there is: the router, the checks and the documentation come from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import msgspec
from aiohttp import web

from server.web.access import Access, Kind, Table
from server.web.body import BODY_METHODS, CSRF_FIELD, FORM, Nothing, read_bytes, read_path, read_query, read_value
from server.web.call import JSON, Call, Reply
from server.web.codec import UnsupportedMedia, convert, encode, read_texts
from server.web.deadline import Deadline
from server.web.gate import GATE
from server.web.idempotency import HEADER, REPLAYED, Answer, Line, claim_of, once, read_key
from server.web.parts import PARTS, Parts
from server.web.problems import MEDIA as PROBLEM
from server.web.signatures import spend, verify

REQUEST_ID: Final = web.RequestKey("request_id", str)
DOOR: Final = web.RequestKey("door", object)
LINE: Final = web.AppKey("line", Line)
DEADLINE: Final = web.AppKey("deadline", Deadline)
DOORS: Final = web.AppKey[Sequence["Door"]]("doors")
TABLE: Final = web.AppKey[Table]("table")
WRITTEN: Final = web.AppKey[dict[str, bytes]]("written")

Handler = Callable[[Call], Awaitable[Any]]
Key = Literal["none", "optional", "required"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A route and what it says of itself; made by `door`.

    `media` is the body's media type, `produces` the answer's; `limit` names the setting of the body's most bytes;
    `errors` further statuses that the handler may answer with; `stream` for answers that outlast the handler's deadline;
    `piecemeal` for deeds of several transactions.
    """

    method: str
    path: str
    handler: Handler
    body: type | None = None
    answer: type | None = None
    status: int = 200
    idempotency: Key = "none"
    limit: str = "body_bytes"
    query: type[msgspec.Struct] | None = None
    summary: str = ""
    example: Any = None
    errors: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    media: str = JSON
    produces: str = JSON
    stream: bool = False
    piecemeal: bool = False

    @property
    def raw(self) -> bool:
        """Whether the body goes to the handler as the bytes it came in."""
        return self.body is bytes


def door(
    method: str,
    path: str,
    *,
    body: type | None = None,
    answer: type | None = None,
    status: int = 200,
    idempotency: Key = "none",
    limit: str = "body_bytes",
    query: type[msgspec.Struct] | None = None,
    summary: str = "",
    example: Any = None,
    errors: tuple[int, ...] = (),
    tags: tuple[str, ...] = (),
    media: str = JSON,
    produces: str = JSON,
    stream: bool = False,
    piecemeal: bool = False,
) -> Callable[[Handler], Door]:
    """Make a handler a door. It may return its `answer`, a Reply, None (204), or for streams a StreamResponse."""

    return lambda handler: Door(
        method=method,
        path=path,
        handler=handler,
        body=body,
        answer=answer,
        status=status,
        idempotency=idempotency,
        limit=limit,
        query=query,
        summary=summary,
        example=example,
        errors=errors,
        tags=tags,
        media=media,
        produces=produces,
        stream=stream,
        piecemeal=piecemeal,
    )


def knock(opened: Door, access: Access) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Give what the router calls for a door."""

    async def answer(request: web.Request) -> web.StreamResponse:
        request[DOOR] = opened
        call, body = await _read(opened, access, request)
        work = _answer(opened, call, body)
        return await (work if opened.stream else request.app[DEADLINE].hold(work))

    return answer


async def _read(opened: Door, access: Access, request: web.Request) -> tuple[Call, Any]:
    """Admit the caller and read the request; the second value is the body as it is hashed for an Idempotency-Key."""
    parts, gate = request.app[PARTS], request.app[GATE]
    address = gate.address(request)
    data = (
        await _bytes(opened, parts, request) if Kind.GOOGLE in access.principals else None
    )  # its signature is in there
    visitor = await gate.admit(request, access, body=data)
    gate.meter(visitor.principal, opened.path, address)
    path = read_path(request.match_info) if request.match_info else {}
    query = read_query(request, opened.query)
    body, plain, token, message = None, None, None, None
    if request.method in BODY_METHODS:
        data = await _bytes(opened, parts, request) if data is None else data
        message = await verify(request, data, visitor.signer)
        body, plain, token = await _body(opened, request, data, depth=parts.settings.limits.json_depth)
    if access.csrf:
        gate.refuse_cross_site(request, visitor, token=token)
    gate.refuse_stale(access, visitor)
    call = Call(
        request=request,
        parts=parts,
        principal=visitor.principal,
        request_id=request[REQUEST_ID],
        address=address,
        body=body,
        query=query,
        path=path,
        csrf=visitor.csrf,
        message=message,
        log_in=visitor.log_in,
    )
    return call, plain


async def _bytes(opened: Door, parts: Parts, request: web.Request) -> bytes:
    most, deadline_s = getattr(parts.settings.limits, opened.limit), parts.settings.server.body_deadline_s
    return await read_bytes(request, most=most, deadline_s=deadline_s)


async def _body(opened: Door, request: web.Request, data: bytes, *, depth: int) -> tuple[Any, Any, str | None]:
    """Read the body: as the handler gets it, as it is compared under a key, and the token a form carried."""
    if opened.raw:
        if data and request.content_type != opened.media:
            raise UnsupportedMedia(f"The body must be {opened.media}.")
        return data, data, None
    value = await read_value(request, data, media=opened.media, depth=depth)
    if opened.media == FORM:
        token = value.pop(CSRF_FIELD, None)
        return read_texts(value, opened.body or Nothing), value, token
    return convert(value, opened.body or Nothing), value, None


async def _answer(opened: Door, call: Call, body: Any) -> web.StreamResponse:
    request = call.request
    if opened.idempotency == "none":
        given = await _deed(opened, call)
        return given if isinstance(given, web.StreamResponse) else _respond(opened, _reply(opened, given))
    key = read_key(request.headers.get(HEADER), required=opened.idempotency == "required")
    if key is None:
        return _respond(opened, _reply(opened, await _deed(opened, call)))

    async def deed(held: Call) -> Answer:
        return _kept(_reply(opened, await opened.handler(held)))

    answer = await once(call, deed, keyed=claim_of(call, key=key, body=body), line=request.app[LINE])
    return _replay(opened, answer)


async def _deed(opened: Door, call: Call) -> Any:
    """Have the door's handler do it; a signed message is spent in the same transaction, or first where there are several."""
    if call.message is None:
        return await opened.handler(call)
    async with call.pool.transaction() as db:
        await spend(db, call.message)
        if not opened.piecemeal:
            return await opened.handler(replace(call, held=db))
    return await opened.handler(call)


def _reply(opened: Door, given: Any) -> Reply:
    if isinstance(given, Reply):
        return given
    if given is None:
        return Reply(204)
    return Reply(opened.status, given)


def _written(reply: Reply) -> bytes:
    if reply.body is None:
        return b""
    return reply.body if isinstance(reply.body, bytes) else encode(reply.body)


def _kept(reply: Reply) -> Answer:
    return Answer(reply.status, _written(reply), headers=tuple(reply.headers.items()))


def _respond(opened: Door, reply: Reply) -> web.Response:
    media = None
    if reply.body is not None:
        media = reply.media if reply.media != JSON or not isinstance(reply.body, bytes) else opened.produces
    if media:
        media = f"{media}; charset=utf-8" if media.startswith("text/") else media
        return web.Response(status=reply.status, body=_written(reply), headers={"Content-Type": media, **reply.headers})
    return web.Response(status=reply.status, headers=reply.headers)


def _replay(opened: Door, answer: Answer) -> web.Response:
    media = PROBLEM if answer.status >= 400 else opened.produces
    response = web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))
    if answer.body:
        response.headers["Content-Type"] = media
    if answer.replayed:
        response.headers[REPLAYED] = "true"
    return response
