"""What the parts of the doctor's walk share: a step, and the ground they stand on.

A part is `async def examine_…(ground: Ground) -> list[Step]` in a file of its own beside this one, listed in
`server.commands.doctor`. It raises nothing: what fails is a step that says what is wrong and what to do about it, in words
for somebody who has never seen the code.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from server.errors import KairosError
from server.settings import Settings
from server.store.clock import DatabaseClock
from server.store.pool import Pool
from server.wallet.issue import Desk
from server.wallet.keyring import Keyring


class Step(NamedTuple):
    """One step of the walk: its name, whether it holds (None: not asked for), and what was found."""

    name: str
    holds: bool | None
    found: str


class Failed(KairosError):
    """A step failed; the words say why, and what to do."""


class Unasked(KairosError):
    """A step was not taken, and need not be; the words say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a part may use. `server` is the address of a running one ("" where none was named), `trust` what TLS believes."""

    settings: Settings
    pool: Pool
    clock: DatabaseClock
    secrets: Keyring
    desk: Desk
    server: str
    trust: ssl.SSLContext


async def attempt(name: str, look: Callable[[], Awaitable[str]]) -> Step:
    """Take a step: what is found, or the sentence with which it failed."""
    try:
        return Step(name, True, await look())
    except Unasked as reason:
        return Step(name, None, str(reason))
    except (KairosError, OSError) as error:
        return Step(name, False, str(error) or type(error).__name__)
