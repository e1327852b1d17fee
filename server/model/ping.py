"""What a phone reports: fixes, and how far each can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from server.model.place import Point


class Fix(msgspec.Struct, frozen=True):
    """One position with its time; accuracy is the 68 % radius in metres."""

    point: Point
    accuracy_m: float
    at: datetime
    speed_mps: float | None = None
    mock: bool = False


@dataclass(frozen=True, slots=True)
class OsEvent:
    """A geofence transition that the phone's system claims: a hint that needs a fix."""

    type: str
    geofence_id: UUID | None


class Ping(NamedTuple):
    """A fix under the client's id. `fix.at` is event time: received minus the fix's age.

    `flags` holds what was odd about its clock: "skew", "ahead", "sent_before_captured".
    """

    id: UUID
    fix: Fix
    source: str | None = None
    os_event: OsEvent | None = None
    flags: frozenset[str] = frozenset()
