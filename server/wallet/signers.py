"""Who signs at this moment: the newest identity whose time has come. They are replaced while the house is open.

Rule 1: of the identities that are good at a time, the one that began last signs, so a following certificate takes over from
        its first day on; when it is alone it signs alone. What the one before has signed stays good.
Rule 2: files are looked at again and again. What cannot be used is told, and what was in use goes on.
Rule 3: with nothing that can sign a house does not start; one that is open goes on without passes, and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from server.errors import KairosError, Misconfigured, Unavailable
from server.settings import Settings
from server.wallet.certificates import Files, Signing, files_of, load_signing
from server.wallet.watch import Life, Log, Notice, lasting, look_at, say

_AGAIN_S: Final = 300
"""What a phone is told to wait where nothing can sign: somebody has to bring a certificate first."""

Stamps = tuple[tuple[int, int, int] | None, ...]


class Signers:
    """The identities of one house. `at` gives the one that signs; `look` reads what was replaced, and may be slow."""

    __slots__ = ("_log", "_settings", "_signings", "_stamps", "_troubles")

    def __init__(self, settings: Settings, *, log: Log, signings: Sequence[Signing] = ()) -> None:
        """Begin with these identities, read by whoever calls; `open_signers` reads those of the settings."""
        self._settings = settings
        self._log = log
        self._signings: Mapping[str, Signing] = {each.files.prefix: each for each in signings}
        self._troubles: Mapping[str, Notice] = {}
        self._stamps: Mapping[str, Stamps] = {}

    @property
    def pass_type_id(self) -> str:
        """The pass type, which all of them name."""
        return next(iter(self._signings.values())).template.issuer.pass_type_id

    def at(self, now: datetime) -> Signing:
        """Give the identity that signs at `now`; raises Unavailable where none can."""
        good = [each for each in self._signings.values() if each.life.begins <= now < each.life.ends]
        if not good:
            sentence = "No pass can be signed: this server's certificate has ended. It is known to whoever runs it."
            raise Unavailable(sentence, code="cannot_sign", retry_after_s=_AGAIN_S)
        return max(good, key=lambda each: each.life.begins)

    def can_sign(self, now: datetime) -> bool:
        """Tell whether one of them is good at `now`."""
        return lasting(self._lives(), now=now) is not None

    def ends(self) -> dict[str, datetime]:
        """Tell when each certificate ends, by name: for metrics and the doctor."""
        return {name: end for each in self._signings.values() for name, end in each.ends().items()}

    def notices(self, now: datetime) -> list[Notice]:
        """Tell what is to be said of them at `now`. A throw-away authority is made anew by itself."""
        apple = self._settings.apple
        ending = look_at(self._lives(), now=now, warn=timedelta(days=apple.warn_days)) if apple.pass_type_id else []
        return [*ending, *self._troubles.values()]

    def _lives(self) -> list[Life]:
        return [each.life for each in self._signings.values()]

    def look(self, *, now: datetime) -> bool:
        """Read the files that were replaced since the last look, or that now have to be made; tell whether anything is new."""
        before = self._signings
        made_anew = not self._settings.apple.pass_type_id and not self.can_sign(now)
        for files in files_of(self._settings):
            stamps = _stamps(files)
            if made_anew or self._stamps.get(files.prefix) != stamps:
                self._take(files, now=now)
                self._remember(files, stamps)
        if self._signings is before:
            return False
        until = lasting(self._lives(), now=now)
        self._log.warning("apple_certificates_read", signing_until=until and until.ends.isoformat())
        return True

    def _take(self, files: Files, *, now: datetime) -> None:
        """Read one identity. A following one that is not there (any more) is none, and no trouble."""
        signings = {prefix: each for prefix, each in self._signings.items() if prefix != files.prefix}
        troubles = {prefix: each for prefix, each in self._troubles.items() if prefix != files.prefix}
        if files.prefix and not files.certificate.exists() and not files.key.exists():
            if files.prefix in self._signings:
                self._signings = signings
            self._troubles = troubles
            return
        try:
            taken = load_signing(self._settings, files, now=now, log=self._log)
        except Misconfigured as error:
            refused = Notice("refused", f"{files.prefix}certificate", reason=str(error))
            self._troubles = {**troubles, files.prefix: refused}
            self._log.warning("apple_certificate_refused", reason=str(error))
            return
        self._signings, self._troubles = {**signings, files.prefix: taken}, troubles

    def _remember(self, files: Files, stamps: Stamps) -> None:
        """Keep what the files were like before they were read: what is written meanwhile is read at the next look.

        Those of a throw-away authority are written by whoever reads them first, and by nobody later.
        """
        self._stamps = {**self._stamps, files.prefix: stamps if self._settings.apple.pass_type_id else _stamps(files)}

    def begin(self, *, now: datetime, may_be_over: bool) -> None:
        """Read everything the first time; raises Misconfigured where the present identity cannot be used, or none is good."""
        for files in files_of(self._settings):
            stamps = _stamps(files)
            if files.prefix:
                self._take(files, now=now)
            else:
                self._signings = {"": load_signing(self._settings, files, now=now, log=self._log)}
            self._remember(files, stamps)
        if not self.can_sign(now) and not may_be_over:
            (notice,) = look_at(self._lives(), now=now, warn=timedelta(0))
            raise Misconfigured(f"apple: {say(notice, now=now)}")
        for notice in self.notices(now):
            self._log.warning("apple_certificate", warning=say(notice, now=now))

    async def follow(self, now: Callable[[], datetime], *, every_s: float, asked: asyncio.Event) -> None:
        """Look again and again, and at once when `asked` is set; ends by being cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await asked.wait()
            asked.clear()
            with contextlib.suppress(KairosError):  # the clock is not known while the database is away
                await asyncio.to_thread(self.look, now=now())


def open_signers(settings: Settings, *, now: datetime, log: Log, may_be_over: bool = False) -> Signers:
    """Read who may sign; raises Misconfigured where nobody can at `now`, unless that `may_be_over`."""
    signers = Signers(settings, log=log)
    signers.begin(now=now, may_be_over=may_be_over)
    return signers


def _stamps(files: Files) -> Stamps:
    return tuple(_stamp(path) for path in (files.certificate, files.key, files.wwdr))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Tell one state of a file from another: it was replaced, or written to."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
