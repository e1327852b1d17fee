"""Settings of our own pages and reports, and of the people who log in there; the others are in `server/settings.py`."""

from __future__ import annotations

from typing import Literal

from server.settings_out import Section


class Session(Section, frozen=True):
    """How long a log-in lives (seconds), and what it asks for."""

    idle_s: int
    absolute_s: int
    reauth_s: int
    second_factor: Literal["optional", "required"]


class Offline(Section, frozen=True):
    """What a till does without a network, and what is believed of it later (seconds)."""

    codes: bool
    takes: bool
    unchecked: Literal["refuse", "take"]
    uses: int
    value_minor: int
    terms_s: int
    grace_s: int


class AppSettings(Section, frozen=True):
    """The phone in the browser."""

    key: str
    lat: float
    lon: float


class MapSettings(Section, frozen=True):
    """What lies under the maps of our pages."""

    tiles_url: str
    tiles_credit: str


class Reports(Section, frozen=True):
    """What reports look at, and how much of it they tell at once."""

    active_days: int
    map_stores: int
    today_s: float
    streams: int
