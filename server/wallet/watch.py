"""What ends, and what is to be said of it in time: certificates and keys by name. Pure: dates in, notices out.

Rule 1: a certificate that another one follows without a gap is no trouble: what counts is the day after which nothing can
        sign.
Rule 2: a notice holds values, the sentences are made of them: in English here, in the reader's language on pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, Protocol

Code = Literal["ends", "gap", "ended", "until", "early", "refused"]


class Log(Protocol):
    """The one thing asked of a log: structlog's bound loggers have it."""

    def warning(self, event: str, **values: object) -> object:
        """Write an event and its values."""


class Life(NamedTuple):
    """From when until when something can be used; `name` is that of the part that ends first."""

    name: str
    begins: datetime
    ends: datetime


class Notice(NamedTuple):
    """Something that somebody must see to.

    ends:    `name` ends on `at`, and nothing follows
    gap:     `name` ends on `at`, and what follows begins only later, on `then`
    ended:   `name` ended on `at`, and nothing follows
    until:   `name` ended on `at`, and what follows begins only on `then`
    early:   `name` begins only on `then`, and there is nothing before
    refused: a new file of `name` cannot be used, for `reason`; what was in use stays so
    """

    code: Code
    name: str
    at: datetime | None = None
    then: datetime | None = None
    reason: str = ""


NAMES: Final[Mapping[str, str]] = {
    "certificate": "the pass type certificate",
    "wwdr": "Apple's intermediate (WWDR)",
    "next_certificate": "the following pass type certificate",
    "next_wwdr": "Apple's intermediate (WWDR) of the following certificate",
    "apns_certificate": "the certificate for pushes to iPhones",
}
"""What is called how in a sentence; other names are said as they are."""

_MEANS: Final[Mapping[str, str]] = {"apns_certificate": "no push goes to iPhones"}
_ELSE: Final = "no pass can be signed"
"""What it means that it is over."""

_SENTENCES: Final[Mapping[Code, str]] = {
    "ends": "{what} ends on {at:%Y-%m-%d}, in {days}: after that day {means}. Renew it now",
    "gap": "{what} ends on {at:%Y-%m-%d}, and the following one begins only on {then:%Y-%m-%d}: {means} between",
    "ended": "{what} ended on {at:%Y-%m-%d}: {means} until a new one is put in its place",
    "until": "{what} ended on {at:%Y-%m-%d}: {means} until the following one begins, on {then:%Y-%m-%d}",
    "early": "{what} begins only on {then:%Y-%m-%d}: {means} before",
    "refused": "a new file of {what} cannot be used, the one before goes on: {reason}",
}


def say(notice: Notice, *, now: datetime) -> str:
    """Say a notice in one English sentence."""
    what = NAMES.get(notice.name, notice.name)
    left = 0 if notice.at is None else max(0, (notice.at - now) // timedelta(days=1))
    text = _SENTENCES[notice.code].format(
        what=what,
        means=_MEANS.get(notice.name, _ELSE),
        at=notice.at or now,
        then=notice.then or now,
        days="one day" if left == 1 else f"{left} days",
        reason=notice.reason.rstrip("."),
    )
    return f"{text[0].upper()}{text[1:]}."


def lasting(lives: Sequence[Life], *, now: datetime) -> Life | None:
    """Tell which life is the last of those that follow one another from `now` on without a gap; None: none is under way."""
    reached, until = None, now
    for life in sorted(lives, key=lambda each: each.begins):
        if life.begins <= until < life.ends:
            reached, until = life, life.ends
    return reached


def look_at(lives: Sequence[Life], *, now: datetime, warn: timedelta) -> list[Notice]:
    """Tell what is to be said of things of which one at a time is needed: nothing while they last longer than `warn`."""
    if not lives:
        return []
    last = lasting(lives, now=now)
    later = min((life.begins for life in lives if life.begins > (last.ends if last else now)), default=None)
    if last is not None:
        code: Code = "ends" if later is None else "gap"
        return [Notice(code, last.name, last.ends, later)] if last.ends - now <= warn else []
    over = max((life for life in lives if life.ends <= now), key=lambda life: life.ends, default=None)
    if over is None:
        return [Notice("early", min(lives, key=lambda life: life.begins).name, None, later)]
    return [Notice("ended" if later is None else "until", over.name, over.ends, later)]


class Source(Protocol):
    """Whoever holds something that ends."""

    def notices(self, now: datetime) -> Iterable[Notice]:
        """Tell what is to be said at a time."""

    def ends(self) -> Mapping[str, datetime]:
        """Tell when each thing ends, by name."""


class Fixed:
    """Things that each must last, read once: nothing follows any of them."""

    __slots__ = ("_lives", "_warn")

    def __init__(self, *lives: Life, warn: timedelta) -> None:
        """Watch these."""
        self._lives, self._warn = lives, warn

    def notices(self, now: datetime) -> list[Notice]:
        """Tell of those that end within the time of warning."""
        return [notice for life in self._lives for notice in look_at([life], now=now, warn=self._warn)]

    def ends(self) -> dict[str, datetime]:
        """Tell all ends."""
        return {life.name: life.ends for life in self._lives}


class Watch:
    """All that ends in a house: whoever tells people of it asks here."""

    __slots__ = ("_sources",)

    def __init__(self, *sources: Source) -> None:
        """Ask these."""
        self._sources = list(sources)

    def add(self, source: Source) -> None:
        """Ask this one, too."""
        self._sources.append(source)

    def notices(self, now: datetime) -> list[Notice]:
        """Give everything that is to be said at `now`."""
        return [notice for source in self._sources for notice in source.notices(now)]

    def ends(self) -> dict[str, datetime]:
        """Give all ends, by name: for metrics."""
        return {name: end for source in self._sources for name, end in source.ends().items()}

    def sentences(self, now: datetime) -> list[str]:
        """Say everything in English."""
        return [say(notice, now=now) for notice in self.notices(now)]

    async def tell(self, now: datetime, *, log: Log) -> None:
        """Write everything into the log."""
        for sentence in self.sentences(now):
            log.warning("ends", warning=sentence)
