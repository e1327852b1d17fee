"""Money: a count of minor units and an ISO 4217 currency; never a float."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """An amount: `minor` units (cents) of `currency` (ISO 4217, three capitals)."""

    minor: int
    currency: str
