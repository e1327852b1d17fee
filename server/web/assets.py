"""GET /static/{file}: our own scripts, styles and pictures, read once, told apart by their hash."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from server.errors import NotFound
from server.web.call import JSON, Call, Reply
from server.web.door import door

_FOLDER: Final = Path(__file__).with_name("static")
_MEDIA: Final = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
    ".md": "text/plain",
}


_PACKED: Final = frozenset({".js", ".mjs", ".css", ".svg", ".json", ".txt", ".md"})


class Asset(NamedTuple):
    """A file as it is sent."""

    body: bytes
    media: str
    tag: str


@door("GET", "/static/{file}", produces="text/plain", summary="A file of our pages", errors=(304,), tags=("Pages",))
async def serve(call: Call) -> Reply:
    """Answer with the file, or 304 where the browser has it."""
    name = call.text("file")
    found = assets().get(name)
    if found is None:
        raise NotFound
    headers = {"ETag": found.tag, "Cache-Control": "public, max-age=60, must-revalidate", "Vary": "Accept-Encoding"}
    if call.request.headers.get("If-None-Match") == found.tag:
        return Reply(304, headers=headers)
    if found.media == JSON:  # bytes of JSON would go out as what the door produces
        headers["Content-Type"] = JSON
    if "gzip" in call.request.headers.get("Accept-Encoding", "") and (packed := _packed(name)):
        return Reply(200, packed, headers=headers | {"Content-Encoding": "gzip"}, media=found.media)
    return Reply(200, found.body, headers=headers, media=found.media)


@cache
def assets() -> dict[str, Asset]:
    """Read the folder: only what lies in it by a known ending is served, whatever a path says."""
    return {
        path.relative_to(_FOLDER).as_posix(): _asset(path)
        for path in sorted(_FOLDER.rglob("*"))
        if path.is_file() and path.suffix in _MEDIA
    }


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'  # weak: it is the same file, packed or not
    return Asset(body, _MEDIA[path.suffix], tag)


@cache
def _packed(name: str) -> bytes | None:
    """Pack a file by gzip when it is first asked for: all at once would hold up whoever comes first. None if not smaller."""
    body = assets()[name].body
    packed = gzip.compress(body, mtime=0) if Path(name).suffix in _PACKED else body
    return packed if len(packed) < len(body) else None
