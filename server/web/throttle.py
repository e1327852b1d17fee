"""How often somebody may knock: the generic cell rate algorithm (ITU-T I.371), per process and credential.

Each key holds one number, the time at which its bucket would be empty again. A whole minute's worth may come at once;
after that they come at the rate. Several processes each count for themselves: the limit is there against floods.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable

from server.errors import TooMany

_KEYS = 100_000
"""More keys than that are swept: those whose bucket is empty again say nothing."""


class Rate:
    """A limit of so many per minute for each key; `monotonic` gives seconds (the event loop's time)."""

    def __init__(self, per_minute: int, *, monotonic: Callable[[], float]) -> None:
        """Begin with every bucket empty."""
        self.per_minute = per_minute
        self._interval_s = 60.0 / per_minute
        self._monotonic = monotonic
        self._empty_at: dict[Hashable, float] = {}

    def wait_s(self, key: Hashable, *, cost: int = 1) -> float:
        """Take `cost` from the key's minute and give 0, or take nothing and give the seconds to wait."""
        now = self._monotonic()
        empty_at = max(now, self._empty_at.get(key, now)) + cost * self._interval_s
        over = empty_at - now - 60.0
        if over > 1e-9:  # sums of fractions are not exact
            return over
        if len(self._empty_at) >= _KEYS:
            self._sweep(now)
        self._empty_at[key] = empty_at
        return 0.0

    def take(self, key: Hashable, *, cost: int = 1, setting: str) -> None:
        """Take `cost` from the key's minute; raises TooMany, naming the setting, where there is not enough left."""
        wait = self.wait_s(key, cost=cost)
        if wait > 0:
            raise TooMany(f"Too many requests: {setting} is {self.per_minute}.", retry_after_s=max(1, math.ceil(wait)))

    def _sweep(self, now: float) -> None:
        self._empty_at = {key: at for key, at in self._empty_at.items() if at > now}
        if len(self._empty_at) >= _KEYS:  # a flood from everywhere: forgetting is fairer than growing
            self._empty_at.clear()
