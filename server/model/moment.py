"""A moment's life, from the decision to the reward."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Step(StrEnum):
    """Where a moment stands."""

    CREATED = "created"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    DISMISSED = "dismissed"
    ACCEPTED = "accepted"
    REDEEMED = "redeemed"
    EXPIRED = "expired"


ACTIVE: frozenset[Step] = frozenset({Step.CREATED, Step.DELIVERED, Step.OPENED, Step.CLICKED})
"""What `?state=active` lists: all but the ended ones."""

NEXT: Mapping[Step, frozenset[Step]] = {
    Step.CREATED: frozenset({Step.DELIVERED, Step.OPENED, Step.CLICKED, Step.DISMISSED, Step.ACCEPTED, Step.EXPIRED}),
    Step.DELIVERED: frozenset({Step.OPENED, Step.CLICKED, Step.DISMISSED, Step.ACCEPTED, Step.EXPIRED}),
    Step.OPENED: frozenset({Step.CLICKED, Step.DISMISSED, Step.ACCEPTED, Step.EXPIRED}),
    Step.CLICKED: frozenset({Step.DISMISSED, Step.ACCEPTED, Step.EXPIRED}),
    Step.DISMISSED: frozenset({Step.ACCEPTED}),
    Step.ACCEPTED: frozenset({Step.REDEEMED, Step.EXPIRED}),
    Step.REDEEMED: frozenset({Step.ACCEPTED}),  # a reversal gives the use back
    Step.EXPIRED: frozenset(),
}
"""Which step may follow which."""
