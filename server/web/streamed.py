"""Answers that are written while they are read: files too long to be held, sent in pieces to whoever takes them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest
from aiohttp_sse import EventSourceResponse

from server.web.call import Call

PATIENCE_S: Final = 60
"""A reader that takes nothing for so long is gone."""

_PIECE_BYTES: Final = 64 * 1024


class Events(EventSourceResponse):
    """Server-Sent Events; to a reader who has left before the first of them, like to any other who has."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Send the headers; raises ConnectionResetError where nobody is there any more."""
        if request.transport is None:
            raise ConnectionResetError
        return await super().prepare(request)


async def streamed(call: Call, pieces: AsyncIterator[bytes], *, media: str, name: str) -> web.StreamResponse:
    """Send a file of that name; one without its last chunk was cut off."""
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="{name}"'})
    response.content_type = media
    gathered = bytearray()
    with contextlib.suppress(_Left):
        async for piece in pieces:
            gathered += piece
            if len(gathered) >= _PIECE_BYTES:
                await _send(call, response, bytes(gathered))
                gathered.clear()
        await _send(call, response, bytes(gathered))
        await response.write_eof()
    return response


class _Left(Exception):
    """The client is gone. It must not be taken for a database that is: both break a connection."""


async def _send(call: Call, response: web.StreamResponse, piece: bytes) -> None:
    """Send a piece; whoever takes none of it for a minute is gone, and the connection with them."""
    try:
        if not response.prepared:
            await response.prepare(call.request)
        async with asyncio.timeout(PATIENCE_S):
            await response.write(piece)
    except (ConnectionError, TimeoutError):
        if call.request.transport is not None:
            call.request.transport.abort()
        raise _Left from None
