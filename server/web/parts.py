"""What the doors reach for: built once by `server.app` (or a test), handed to every door with its call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import web

from server.web.today_board import Board

if TYPE_CHECKING:
    import asyncio

    from server.channels.google_keys import RootKeys
    from server.channels.google_wallet import GoogleWallet
    from server.channels.vapid import Vapid
    from server.origins import Origins
    from server.pipeline.addresses import Locates
    from server.pipeline.arrive import Arrivals
    from server.pipeline.rules import Rules
    from server.pipeline.scene import Scene
    from server.pipeline.workshop import Workshop
    from server.settings import Settings
    from server.signals.weather.base import Source
    from server.store.clock import DatabaseClock
    from server.store.pool import Pool
    from server.wallet.google import Issuer
    from server.wallet.issue import Desk
    from server.wallet.keyring import Keyring
    from server.wallet.watch import Watch
    from server.web.metrics import Metrics
    from server.web.report_today import Seen


@dataclass(frozen=True, slots=True)
class GoogleParts:
    """What there is where an issuer of Google Wallet is set: who writes its passes, its root keys, and the way to it."""

    issuer: Issuer
    keys: RootKeys
    wallet: GoogleWallet


@dataclass(frozen=True, slots=True)
class Parts:
    """The house's resources. `till_pool` is the counter's own: it works while the rest is busy.

    `geocoder` and `google` are None where none is set; `stopping` is set at SIGTERM, before anything is closed; `watch`
    knows what ends; `vapid` is who we are to browsers' push services; `board` shows today's figures; `scene` is a
    demonstration's alone; `origins` tells by TOML path where settings come from that are no defaults.
    """

    settings: Settings
    pool: Pool
    till_pool: Pool
    clock: DatabaseClock
    rules: Rules
    arrivals: Arrivals
    workshop: Workshop
    desk: Desk
    secrets: Keyring
    weather: Source
    geocoder: Locates | None
    stopping: asyncio.Event
    metrics: Metrics
    watch: Watch
    google: GoogleParts | None = None
    vapid: Vapid | None = None
    board: Board[Seen] = field(default_factory=Board)
    scene: Scene | None = None
    origins: Origins = field(default_factory=dict)

    @property
    def ahead(self) -> timedelta:
        """How far the house's day is ahead of the world's: moved for tests, or in a demonstration."""
        shift = timedelta(seconds=self.settings.clock_shift_s)
        return shift if self.scene is None else shift + self.scene.ahead


PARTS: Final = web.AppKey("parts", Parts)
