"""A generic pass: memberships, gym cards, whatever is neither coupon, card nor ticket. Apple's and Google's generic.

Fields and images per style: Wallet Developer Guide, "Pass Design and Creation".
"""

from __future__ import annotations

from passes.model import Role, Section, Style

STYLE = Style(
    name="generic",
    apple="generic",
    google="generic",
    places={
        Role.HEADLINE: Section.PRIMARY,
        Role.DEADLINE: Section.AUXILIARY,
        Role.PLACE: Section.SECONDARY,
        Role.HOLDER: Section.SECONDARY,
        Role.BALANCE: Section.HEADER,
        Role.DETAIL: Section.AUXILIARY,
        Role.SMALL_PRINT: Section.BACK,
    },
    limits={Section.HEADER: 3, Section.PRIMARY: 1, Section.SECONDARY: 4, Section.AUXILIARY: 4},
    rows=8,
    images={"icon": (29, 29), "logo": (160, 50), "thumbnail": (90, 90)},
    may_be_dated=True,
)
