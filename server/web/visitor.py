"""Who somebody turned out to be: the principal, and what else is known of a log-in or a key. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

from server.store import sessions
from server.web.access import Kind, Principal

ROLES: Final = {
    "marketer": Kind.MARKETER,
    "analyst": Kind.ANALYST,
    "admin": Kind.ADMIN,
    "counter": Kind.TILL,
}
"""What each role of a user may act as."""

_RANK: Final = (Kind.ADMIN, Kind.MARKETER, Kind.ANALYST, Kind.TILL)


class Signer(NamedTuple):
    """A machine whose requests are signed: its key, and the secret as it is sealed at the key's row."""

    key_id: UUID
    sealed: bytes

    def __repr__(self) -> str:
        """Name the key alone."""
        return f"Signer({self.key_id})"


class LogIn(NamedTuple):
    """What a log-in is beside its person: its id; whether its password was given a short while ago (`fresh`).

    `second`: its person has a second factor; `wants_second`: one is required of them, and they have none.
    """

    id: UUID
    fresh: bool
    second: bool
    wants_second: bool


class Visitor(NamedTuple):
    """Somebody known: the principal, for a cookie the token its pages carry, and whether the password must be changed.

    `signer` is set where a token alone is not enough to change anything, `log_in` where somebody came with a cookie.
    """

    principal: Principal
    csrf: str | None = None
    one_time: bool = False
    signer: Signer | None = None
    log_in: LogIn | None = None


class Guess(NamedTuple):
    """Whose token it is, or was. `proof` is its hash where that has to be proven again, None where it just was."""

    visitor: Visitor
    proof: bytes | None


def customer(customer_id: UUID) -> Visitor:
    """Tell whom a customer's token stands for."""
    roles = frozenset({Kind.CUSTOMER})
    return Visitor(
        Principal(Kind.CUSTOMER, f"customer:{customer_id}", roles, customer_id=customer_id, via="token"),
    )


_CAREFUL: Final = frozenset({Kind.MARKETER, Kind.ADMIN})
"""Whose log-ins need a second factor, where the setting asks for one (requirement 17)."""


def staff(found: sessions.Session, *, second_factor: bool = False) -> Visitor:
    """Tell who a person's log-in acts as: every role they have; a `counter` role is the till of its store."""
    roles = frozenset(ROLES[role] for role in found.roles if role in ROLES)
    kind = next((each for each in _RANK if each in roles), Kind.ANON)
    principal = Principal(
        kind, f"user:{found.user_id}", roles, store_id=found.store_id, user_id=found.user_id, via="cookie"
    )
    wants = second_factor and not found.second and bool(roles & _CAREFUL)
    log_in = LogIn(found.id, fresh=found.fresh, second=found.second, wants_second=wants)
    return Visitor(principal, found.csrf, found.one_time, log_in=log_in)
