"""Writing an offer: its document by form and as JSON, in the browser. What is saved goes through `/v1/offers`.

Rule 1: the page knows no word of the document by itself: triggers, conditions, placements and the others come from the code
        that reads documents.
Rule 2: the document is the truth; the form edits members of it, and what it does not know stays as it was written.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final, get_args

from server.configuration import config_folder
from server.decision.compare import OPERATORS
from server.decision.conditions import KINDS
from server.decision.conditions.weather import QUANTITIES
from server.decision.parse_moment import SURFACES
from server.decision.parse_wallet import ON_A_PASS
from server.decision.templates import ALLOWED
from server.errors import NotFound
from server.model.customer import BOUGHT
from server.model.look import AppleKind, GoogleKind, Relevance, Section
from server.model.offer import Calendar, Placement, RewardType, Trigger
from server.model.place import DAYS
from server.model.weather import Kind
from server.store import offers
from server.web.call import Call, Reply
from server.web.door import door
from server.web.pages import HTML
from server.web.screens.frame import show

CHOICES: Final[dict[str, Any]] = {
    "trigger": get_args(Trigger),
    "condition": sorted(KINDS),
    "operator": OPERATORS,
    "day": DAYS,
    "sky": get_args(Kind),
    "quantity": QUANTITIES,
    "bought": sorted(BOUGHT),
    "calendar": get_args(Calendar),
    "placement": get_args(Placement),
    "surface": SURFACES,
    "reward": get_args(RewardType),
    "apple": get_args(AppleKind),
    "google": get_args(GoogleKind),
    "relevance": get_args(Relevance),
    "section": get_args(Section),
    "placeholder": sorted(ALLOWED),
    "on_a_pass": sorted(ON_A_PASS),
}
"""What may stand where there is a choice; each has a word, `NAME_CHOICE`."""


@door(
    "GET",
    "/dashboard/offers/new",
    produces=HTML,
    summary="Write an offer, from nothing or from an example",
    tags=("Pages",),
)
async def write(call: Call) -> Reply:
    """Show an empty editor."""
    return _page(call, None)


@door(
    "GET",
    "/dashboard/offers/{id}/edit",
    produces=HTML,
    summary="Write the next version of an offer",
    errors=(404,),
    tags=("Pages",),
)
async def edit(call: Call) -> Reply:
    """Show the editor with an offer's newest version."""
    async with call.connection() as db:
        found = await offers.find(db, offer_id=call.uuid("id"))
    if found is None:
        raise NotFound
    told = ("id", "name", "status", "version", "live_version", "document")
    return _page(call, {name: getattr(found, name) for name in told} | {"id": str(found.id)})


def _page(call: Call, offer: dict[str, Any] | None) -> Reply:
    programme = call.parts.settings.programme
    facts = {
        "offer": offer,
        "examples": examples() if offer is None else {},
        "choices": CHOICES,
        "locales": programme.locales,
        "formality": programme.formality,
        "formalities": programme.formalities,
        "pressure": sorted({"marketing", *call.parts.settings.pressure.classes}),
        "who": call.principal.id,
    }
    return show(call, "editor.html", words=("editor", "decision"), facts=facts, offer=offer)


@cache
def examples() -> dict[str, Any]:
    """Read the documents that come with the house, by their names."""
    found = sorted((config_folder() / "offers").glob("*.json"))
    return {path.stem: json.loads(path.read_text("utf-8")) for path in found}
