"""Passwords: argon2id by passlib, in two threads, with a queue that ends before patience does.

Rule 1: an unknown user costs as much time as a wrong password: there is always a hash to compare with.
Rule 2: hashing is dear on purpose (19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet), so it must
        never take the threads or the memory of anything else: two at a time, a bounded queue, then 503.
Rule 3: length and a list of what everybody guesses first; no rules of composition (NIST SP 800-63B §5.1.1.2).
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

from passlib.hash import argon2

from server.errors import Unavailable

T = TypeVar("T")

_THREADS: Final = 2
_LEAST_CHARACTERS: Final = 15
_MOST_BYTES: Final = 256
_LEAST_DIFFERENT: Final = 5
_LONGEST_PIECE: Final = 40
_RETRY_AFTER_S: Final = 2
_ONE_TIME_BYTES: Final = 15  # 120 bits: 20 characters to copy
_COMMON: Final = Path(__file__).with_name("common_passwords.txt")

_ARGON2: Final = argon2.using(type="ID", memory_cost=19 * 1024, time_cost=2, parallelism=1)


class Checked(NamedTuple):
    """Whether the password was right, and a new hash where the stored one was made with older costs."""

    right: bool
    better_hash: str | None = None


class Hasher:
    """Two threads that hash, and how many may wait for them."""

    def __init__(self, *, queue: int) -> None:
        """Take up to `queue` waiting calls."""
        self._most = _THREADS + queue
        self._under_way = 0
        _ARGON2.get_backend()  # passlib loads it at the first use, and two threads that are the first fail an assertion
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")

    async def hash(self, password: str) -> str:
        """Hash a password for storing; raises Unavailable where too many wait."""
        return await self._run(lambda: str(_ARGON2.hash(prepare(password))))

    async def check(self, password: str, stored: str | None) -> Checked:
        """Compare a password with its hash, or with nobody's for None; raises Unavailable where too many wait."""
        return await self._run(lambda: _check(password, stored))

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._most:
            raise Unavailable(retry_after_s=_RETRY_AFTER_S)
        self._under_way += 1
        future = self._threads.submit(work)
        # The thread goes on when the caller leaves: it is done when it is done, not when nobody waits any more.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wrap_future(future)

    def _done(self) -> None:
        self._under_way -= 1


def prepare(password: str) -> str:
    """Give the form that is hashed: NFKC, so that the same letters typed on another keyboard are the same."""
    return unicodedata.normalize("NFKC", password)


def _check(password: str, stored: str | None) -> Checked:
    secret = prepare(password)
    acceptable = len(secret.encode()) <= _MOST_BYTES
    right = bool(_ARGON2.verify(secret if acceptable else "", stored or _nobody()))
    if stored is None or not right or not acceptable:
        return Checked(right=False)
    return Checked(right=True, better_hash=str(_ARGON2.hash(secret)) if _ARGON2.needs_update(stored) else None)


@cache
def _nobody() -> str:
    """A hash that no password has."""
    return str(_ARGON2.hash(secrets.token_urlsafe(32)))


@cache
def _common() -> frozenset[str]:
    lines = _COMMON.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


Fault = Literal["short", "long", "guessed"]

FAULTS: Final[Mapping[Fault, str]] = {
    "short": f"must have at least {_LEAST_CHARACTERS} characters",
    "long": f"must have at most {_MOST_BYTES} bytes",
    "guessed": "is among the first that everybody guesses",
}
"""What programs are told of a password that is not taken."""


def fault_of(password: str, *, words: tuple[str, ...]) -> Fault | None:
    """Tell what keeps a password from being taken: too short, too long, or guessed first; None where nothing does.

    `words` are the brand's and the user's own names.
    """
    secret = prepare(password)
    if len(secret) < _LEAST_CHARACTERS:
        return "short"
    if len(secret.encode()) > _MOST_BYTES:
        return "long"
    return "guessed" if _guessable(secret.casefold(), words) else None


def _guessable(secret: str, words: tuple[str, ...]) -> bool:
    """Tell whether hardly anything is left without our own words and the two longest pieces that everybody uses."""
    if len(set(secret)) < _LEAST_DIFFERENT or _repeats(secret):
        return True
    rest = secret
    for word in sorted((word.casefold() for word in words if len(word) > 2), key=len, reverse=True):
        rest = rest.replace(word, " ")
    for _ in range(2):
        if piece := _longest_common(rest):
            rest = rest.replace(piece, " ")
    return sum(character.isalnum() for character in rest) < _LEAST_DIFFERENT


def _repeats(secret: str) -> bool:
    """Tell whether it is one short piece over and over."""
    return any(secret == (secret[:size] * len(secret))[: len(secret)] for size in range(1, 8))


def _longest_common(text: str) -> str:
    """Find the longest common piece in the text, "" for none."""
    pieces = _common()
    for size in range(min(_LONGEST_PIECE, len(text)), 0, -1):
        for start in range(len(text) - size + 1):
            if text[start : start + size] in pieces:
                return text[start : start + size]
    return ""


def one_time_password() -> str:
    """Make a password for a first log-in: 120 bits of chance."""
    return secrets.token_urlsafe(_ONE_TIME_BYTES)
