"""/counter: a till in a browser, that opens without a network too.

    /counter              the page, for whoever stands at a counter
    /counter/shell        the same without anybody in it: what a browser keeps for when there is no network
    /counter-worker.js    the service worker, with the list of files that it keeps, by their hashes
    /counter.webmanifest  so that a phone can put it on its home screen

Rule: a browser keeps files of ours and nothing else: no answer of /v1, no page with somebody's log-in in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from typing import Any, Final

from server.errors import Forbidden
from server.store import stores
from server.web.access import ANONYMOUS
from server.web.assets import assets
from server.web.call import Call, Reply
from server.web.counter import till_of
from server.web.door import door
from server.web.languages import catalogue
from server.web.middleware import CAMERA_CSP
from server.web.pages import HTML
from server.web.screens.frame import language_for, show

SCRIPT: Final = "text/javascript"
MANIFEST: Final = "application/manifest+json"
_FILES: Final = (
    "base.css",
    "counter.css",
    "icon.svg",
    *("vendor/qr-scanner/qr-scanner.min.js", "vendor/qr-scanner/qr-scanner-worker.min.js"),
)
_SCRIPTS: Final = ("js/counter.js", "js/early.js", "js/frame.js")
_NEAR: Final = re.compile(rb'from "\./([a-z_]+\.js)"')
_WORKER: Final = "js/counter_worker.js"
_HEADERS: Final = {"Content-Security-Policy": CAMERA_CSP}


@door("GET", "/counter", produces=HTML, summary="A till in the browser, as a page", tags=("Pages",))
async def page(call: Call) -> Reply:
    """Show the till of the caller's store."""
    till = till_of(call)
    async with call.connection() as db:
        store = await stores.find(db, store_id=till.store_id)
    if store is None:
        raise Forbidden("The store of this log-in is no more.")
    settings = call.parts.settings
    facts: dict[str, Any] = {"till": till.id, "store_id": str(till.store_id), "store": store.name}
    facts |= {"zone": store.time_zone or settings.programme.time_zone, "reversal_s": settings.reversal.window_s}
    return _show(call, facts, store=store.name)


@door("GET", "/counter/shell", produces=HTML, summary="The till's page with nobody in it", tags=("Pages",))
async def shell(call: Call) -> Reply:
    """Show what a browser opens without a network: the same for everybody, whoever asks."""
    nobody = replace(call, principal=ANONYMOUS, csrf=None)
    return _show(nobody, {"till": None, "store_id": None, "store": None}, store=call.parts.settings.programme.name)


@door("GET", "/counter-worker.js", produces=SCRIPT, summary="The till's service worker", tags=("Pages",))
async def worker(call: Call) -> Reply:
    """Answer with the worker: it changes as soon as one of its files does."""
    return Reply(200, _worker(), headers={"Cache-Control": "no-cache"}, media=SCRIPT)


@door("GET", "/counter.webmanifest", produces=MANIFEST, summary="The till as an app on a phone", tags=("Pages",))
async def manifest(call: Call) -> Reply:
    """Tell a phone how to put the till on its home screen."""
    words, brand = catalogue("counter")[language_for(call)], call.parts.settings.programme.name
    told = {
        "name": f"{words['title']} – {brand}",
        "short_name": words["title"],
        "id": "/counter",
        "start_url": "/counter",
        "scope": "/counter",
        "display": "standalone",
        "background_color": "#fbfaf8",
        "theme_color": "#8a4b08",
        "icons": [{"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    return Reply(200, json.dumps(told).encode(), headers={"Vary": "Accept-Language, Cookie"}, media=MANIFEST)


def _show(call: Call, facts: dict[str, Any], *, store: str) -> Reply:
    return show(call, "counter.html", words="counter", facts=facts, headers=_HEADERS, store=store)


@cache
def kept() -> tuple[str, ...]:
    """List the files that the page needs, as their addresses: its scripts with all that they import."""
    found: set[str] = set()
    waiting = set(_SCRIPTS)
    while waiting:
        found |= waiting
        near = {f"js/{name.decode()}" for each in waiting for name in _NEAR.findall(assets()[each].body)}
        waiting = near - found
    return tuple(f"/static/{name}" for name in (*_FILES, *sorted(found)))


@cache
def _worker() -> bytes:
    tags = "\n".join(f"{path} {assets()[path.removeprefix('/static/')].tag}" for path in kept())
    body = assets()[_WORKER].body
    version = hashlib.sha256(tags.encode() + body).hexdigest()[:16]
    head = f"const VERSION = {json.dumps(version)};\nconst FILES = {json.dumps(kept())};\n"
    return head.encode() + body
