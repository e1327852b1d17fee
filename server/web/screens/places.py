"""The page of places: stores and fences on a map and in a list, where readers look and authors draw, import and delete."""

from __future__ import annotations

from server.pipeline.places import RADIUS_BY_HAND_M, SURE_RADIUS_M
from server.signals.geojson import NAME_MAX, RADIUS_MIN_M, TAG_MAX
from server.web.access import Kind
from server.web.call import Call, Reply
from server.web.door import door
from server.web.pages import HTML
from server.web.screens.frame import show


@door("GET", "/dashboard/places", produces=HTML, summary="Stores and fences on a map", tags=("Pages",))
async def places(call: Call) -> Reply:
    """Show the page; whoever reads only is offered nothing that changes places."""
    limits = call.parts.settings.limits
    writes = bool({Kind.MARKETER, Kind.ADMIN} & call.principal.roles)
    facts = {
        "writes": writes,
        "page": min(200, limits.page_items),
        "radius": {"least": RADIUS_MIN_M, "most": RADIUS_BY_HAND_M, "sure": SURE_RADIUS_M},
        "longest": {"name": NAME_MAX, "tag": TAG_MAX},
        "vertices": limits.vertices,
        "imports": {"bytes": limits.import_body_bytes, "rows": limits.import_rows},
    }
    return show(call, "places.html", words="places", facts=facts, writes=writes)
