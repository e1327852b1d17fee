"""/dashboard/why: why an offer came and why it did not, gate by gate in words, for those who write offers and for support."""

from __future__ import annotations

from server.web.access import Kind
from server.web.call import Call, Reply
from server.web.door import door
from server.web.pages import HTML
from server.web.screens.frame import show


@door("GET", "/dashboard/why", produces=HTML, summary="Why offers came and did not come, as a page", tags=("Pages",))
async def show_why(call: Call) -> Reply:
    """Show the page; its script reads receipts. Only admins are offered to look at one customer."""
    admin = Kind.ADMIN in call.principal.roles
    return show(call, "why.html", words=("decision", "why"), admin=admin)
