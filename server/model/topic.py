"""Topics: what offers are about, and what a customer wants to hear of. Names are like tags: short texts that can be printed."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 64
"""Characters of a topic's name."""


def is_topic(name: str) -> bool:
    """Tell whether a text may name a topic."""
    return 0 < len(name) <= LONGEST and name.isprintable() and name == name.strip()
