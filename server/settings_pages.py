"""Settings of our own pages and of the people who log in there; the others are in `server/settings.py`."""

from __future__ import annotations

from server.settings_out import Section


class Session(Section, frozen=True):
    """How long a log-in lives (seconds)."""

    idle_s: int
    absolute_s: int


class MapSettings(Section, frozen=True):
    """What lies under the maps of our pages."""

    tiles_url: str
    tiles_credit: str
