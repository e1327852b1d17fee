"""A coupon: one reward, shown large over a strip image. Apple's `coupon`, Google's offer.

Fields and images per style: Wallet Developer Guide, "Pass Design and Creation".
"""

from __future__ import annotations

from passes.model import Role, Section, Style

STYLE = Style(
    name="coupon",
    apple="coupon",
    google="offer",
    places={
        Role.HEADLINE: Section.PRIMARY,
        Role.DEADLINE: Section.AUXILIARY,
        Role.PLACE: Section.SECONDARY,
        Role.HOLDER: Section.AUXILIARY,
        Role.BALANCE: Section.HEADER,
        Role.DETAIL: Section.SECONDARY,
        Role.SMALL_PRINT: Section.BACK,
    },
    limits={Section.HEADER: 3, Section.PRIMARY: 1},
    rows=4,
    images={"icon": (29, 29), "logo": (160, 50), "strip": (375, 144)},
)
