"""Where somebody wanted to go as they were led to the log-in: carried along from form to form, and there they land.

Rule 1: it comes back from the browser, so it is believed nowhere: each use asks `page_of`, which knows pages of this house alone.
Rule 2: those are the pages that want to know who is there. Paths of theirs hold no dot, no %, no second slash and no scheme, so
        whatever is written in one leads nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from server.web.access import Access, Kind, access_to
from server.web.door import DOORS, TABLE, Door
from server.web.pages import HTML

FIELD: Final = "to"
FORMS: Final = frozenset({"/login/code", "/password"})
"""The forms on the way, which hand on where they lead to."""

_LONGEST: Final = 2000
_ADDRESS: Final = re.compile(r"((?:/[A-Za-z0-9_-]+)+)(?:\?[A-Za-z0-9!$'()*,;:@/?._~%+&=-]*)?")
_NAME: Final = re.compile(r"\\\{[^}]*\\\}")


def way_to(form: str, wanted: str) -> str:
    """Give the address of a form that leads on to a page; "" is none."""
    return f"{form}?{urlencode({FIELD: wanted})}" if wanted else form


def wanted_by(request: web.Request) -> str:
    """Tell which page somebody is led away from: the one they asked for, or what a form of the way was to lead to."""
    asked = carried_by(request) if request.path in FORMS else request.rel_url.raw_path_qs
    return page_of(request.app, asked)


def carried_by(request: web.Request) -> str:
    """Give what the address of a form carries, as it came."""
    return request.query.get(FIELD, "")


def page_of(app: web.Application, wanted: str, *, roles: frozenset[Kind] | None = None) -> str:
    """Give `wanted` where it is a page of ours (that these roles may see, where they are known), else ""."""
    found = _ADDRESS.fullmatch(wanted) if len(wanted) <= _LONGEST else None
    page = _page(app[DOORS], found[1]) if found else None
    if page is None:
        return ""
    access = access_to(page.method, page.path, table=app[TABLE])
    return wanted if _asks_who(access) and (roles is None or access.principals & roles) else ""


def _page(doors: Sequence[Door], path: str) -> Door | None:
    """Find the page at a path; as in the router, one with that very name is before one that takes any."""
    pages = [each for each in doors if each.method == "GET" and each.produces == HTML]
    same = (each for each in pages if each.path == path)
    like = (each for each in pages if re.fullmatch(_NAME.sub("[^/]+", re.escape(each.path)), path))
    return next(same, None) or next(like, None)


def _asks_who(access: Access) -> bool:
    return Kind.ANON not in access.principals
