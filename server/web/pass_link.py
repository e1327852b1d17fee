"""GET /p/{link}: a phone fetches the file of a pass, for five minutes, with the link as its credential."""

from __future__ import annotations

from server.errors import Gone, NotFound
from server.store import passes
from server.wallet.issue import MEDIA
from server.wallet.links import read_token
from server.web.call import Call, Reply
from server.web.door import door


class LinkExpired(Gone):
    """This link is older than five minutes; open the pass in the app again."""

    code, title = "expired", "Link expired"


@door(
    "GET",
    "/p/{link}",
    answer=bytes,
    produces=MEDIA,
    summary="Fetch the signed file of a pass by a link that lives five minutes",
    errors=(404, 410),
    tags=("App",),
)
async def fetch(call: Call) -> Reply:
    """Give the .pkpass as the pass is now; a link that we never wrote is not found, whatever it looks like."""
    parts = call.parts
    now = parts.clock.now()
    link = read_token(call.text("link"), keyring=parts.secrets, now=now)
    if link is None:
        raise NotFound
    if link.expired:
        raise LinkExpired
    async with call.connection() as db:
        found = await passes.find(db, serial=link.serial)
    if found is None:
        raise NotFound
    file = await parts.desk.file(found, now=now)
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="pass.pkpass"'}
    return Reply(200, file, headers=headers, media=MEDIA)
