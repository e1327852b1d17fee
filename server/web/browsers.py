"""Which browser a log-in comes from, in two words: enough for people to know their own, too little to follow anybody. Pure."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 1000

# The first that is found counts: most browsers name those they descend from as well.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def family_of(user_agent: str | None) -> str | None:
    """Give "Firefox, Linux" for a User-Agent; None where neither the browser nor the system is known."""
    text = (user_agent or "")[:_LONGEST]
    names = [next((name for mark, name in known if mark in text), None) for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(name for name in names if name) or None
