"""/dashboard/admin: the house's own pages, for admins: from people and keys to what leaves the house, what ends, and the audit.

One template and one door for all: what stands on a page is asked for through /v1 by the script of its section.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from server.errors import NotFound
from server.web.call import Call, Reply
from server.web.door import door
from server.web.endings import tell
from server.web.languages import Language, catalogue
from server.web.pages import HTML
from server.web.screens.frame import language_for, show

PATH: Final = "/dashboard/admin"
WEBHOOKS: Final = "/dashboard/webhooks"
SECTIONS: Final = ("people", "sessions", "keys", "tills", "deliveries", "certificates", "settings", "audit")


class Tab(NamedTuple):
    """One entry of the bar of these pages."""

    path: str
    name: str
    here: bool


def tabs_for(here: str, language: Language) -> list[Tab]:
    """List the house's pages; `here` is the section that is shown, or "webhooks"."""
    names = [*SECTIONS[:4], "webhooks", *SECTIONS[4:]]
    words = catalogue("house")[language]
    paths = {"people": PATH, "webhooks": WEBHOOKS}
    return [Tab(paths.get(each, f"{PATH}/{each}"), words[f"tab_{each}"], each == here) for each in names]


@door("GET", PATH, produces=HTML, summary="The people of the house, as a page", tags=("Pages",))
async def first(call: Call) -> Reply:
    """Show the people."""
    return _show(call, "people")


@door("GET", f"{PATH}/{{section}}", produces=HTML, summary="The house's own pages, by section", tags=("Pages",))
async def show_section(call: Call) -> Reply:
    """Show a section; raises NotFound for one that is not there."""
    section = call.text("section")
    if section not in SECTIONS:
        raise NotFound
    return _show(call, section)


def _show(call: Call, section: str) -> Reply:
    language = language_for(call)
    house = catalogue("house")[language]
    return show(
        call,
        "admin.html",
        words=("house", "admin"),
        facts={"section": section, **_facts(call, section)},
        heading=house[f"tab_{section}"],
        about=catalogue("admin")[language][f"about_{section}"],
        tabs=tabs_for(section, language),
    )


def _facts(call: Call, section: str) -> dict[str, Any]:
    """Give what a section's script could not ask for: sentences in the reader's language."""
    if section != "certificates":
        return {}
    now, language = call.parts.clock.now(), language_for(call)
    ending = tell(call.parts.watch.notices(now), now=now, language=language)
    real = bool(call.parts.settings.apple.pass_type_id)
    return {"warnings": ending if real else [catalogue("admin")[language]["throwaway"], *ending]}
