"""A ticket for an event: a strip, or a background with a thumbnail. Apple's and Google's event ticket.

Fields and images per style: Wallet Developer Guide, "Pass Design and Creation".
"""

from __future__ import annotations

from passes.model import Role, Section, Style

STYLE = Style(
    name="event_ticket",
    apple="eventTicket",
    google="eventTicket",
    places={
        Role.HEADLINE: Section.PRIMARY,
        Role.DEADLINE: Section.SECONDARY,
        Role.PLACE: Section.SECONDARY,
        Role.HOLDER: Section.AUXILIARY,
        Role.BALANCE: Section.HEADER,
        Role.DETAIL: Section.AUXILIARY,
        Role.SMALL_PRINT: Section.BACK,
    },
    limits={Section.HEADER: 3, Section.PRIMARY: 1, Section.SECONDARY: 4, Section.AUXILIARY: 8},
    rows=12,
    images={
        "icon": (29, 29),
        "logo": (160, 50),
        "strip": (375, 98),
        "background": (180, 220),
        "thumbnail": (90, 90),
    },
    excludes=(("strip", "background"), ("strip", "thumbnail")),
    may_group=True,
    may_be_dated=True,
)
