"""A store card: points or money that stay with the customer. Apple's `storeCard`, Google's loyalty card.

Fields and images per style: Wallet Developer Guide, "Pass Design and Creation".
"""

from __future__ import annotations

from passes.model import Role, Section, Style

STYLE = Style(
    name="store_card",
    apple="storeCard",
    google="loyalty",
    places={
        Role.HEADLINE: Section.SECONDARY,
        Role.DEADLINE: Section.AUXILIARY,
        Role.PLACE: Section.SECONDARY,
        Role.HOLDER: Section.AUXILIARY,
        Role.BALANCE: Section.PRIMARY,
        Role.DETAIL: Section.AUXILIARY,
        Role.SMALL_PRINT: Section.BACK,
    },
    limits={Section.HEADER: 3, Section.PRIMARY: 1},
    rows=4,
    images={"icon": (29, 29), "logo": (160, 50), "strip": (375, 144)},
)
