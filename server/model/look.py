"""How an offer's passes look in a wallet: what its document says under `reward.wallet`, and what of it is on each pass.

Texts are by locale as the author wrote them; "" stands for a text that is the same in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

AppleKind = Literal["coupon", "storeCard", "eventTicket", "generic"]
GoogleKind = Literal["offer", "loyalty", "generic"]
Relevance = Literal["while_valid", "always", "none"]
Section = Literal["header", "secondary", "auxiliary", "back"]
Texts = Mapping[str, str]

EVERY = ""
"""The locale of a text that is the same in every language."""


@dataclass(frozen=True, slots=True)
class Dress:
    """A pass's outside: its kind for each wallet, its colours (`#rrggbb`, None: the house's), when it comes up by itself.

    `max_distance_m` is how near a store one must be for that (None: the phone's own idea); tickets of one `group` lie
    together.
    """

    apple: AppleKind = "coupon"
    google: GoogleKind = "offer"
    relevance: Relevance = "while_valid"
    background: str | None = None
    foreground: str | None = None
    label: str | None = None
    max_distance_m: int | None = None
    group: str | None = None


PLAIN: Final = Dress()


@dataclass(frozen=True, slots=True)
class LineSpec:
    """A line of the author's own on the pass, with placeholders."""

    section: Section
    label: Texts
    value: Texts


@dataclass(frozen=True, slots=True)
class Look:
    """All that a document says of its passes; `name` asks for the customer's first name."""

    dress: Dress = PLAIN
    lines: tuple[LineSpec, ...] = ()
    terms: Texts = field(default_factory=dict)
    name: bool = False


USUAL: Final = Look()
"""That of a document which says nothing of it."""


def look_from(document: Mapping[str, Any] | None) -> Look:
    """Read a `reward.wallet` that was checked when it was written (server.decision.parse_wallet)."""
    given = document or {}
    colours = given.get("colours") or {}
    return Look(
        dress=Dress(
            apple=given.get("apple") or "coupon",
            google=given.get("google") or "offer",
            relevance=given.get("relevance") or "while_valid",
            background=colours.get("background"),
            foreground=colours.get("foreground"),
            label=colours.get("label"),
            max_distance_m=given.get("max_distance_m"),
            group=given.get("group"),
        ),
        lines=tuple(
            LineSpec(each["section"], texts_from(each["label"]), texts_from(each["value"]))
            for each in given.get("fields") or ()
        ),
        terms=texts_from(given.get("terms")),
        name=bool(given.get("name")),
    )


def texts_from(value: str | Texts | None) -> Texts:
    """Read a text by locale, or one that is the same in every language."""
    if value is None:
        return {}
    return {EVERY: value} if isinstance(value, str) else dict(value)


def dress_from(document: Mapping[str, Any] | None) -> Dress:
    """Read what `dress_document` wrote; what a pass of an earlier version does not have is as it was then."""
    return Dress(**(document or {}))


def dress_document(dress: Dress) -> dict[str, Any]:
    """Write a dress as JSON takes it, without what is as usual."""
    return {name: value for name in Dress.__slots__ if (value := getattr(dress, name)) != getattr(PLAIN, name)}


def rgb(colour: str) -> tuple[int, int, int]:
    """Give the parts of `#rrggbb`, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Tell how well one colour reads on another: 1 (not at all) to 21 (WCAG 2.2, contrast ratio)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    """Give the relative luminance of sRGB (WCAG 2.2)."""
    parts = (part / 255 for part in colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
