"""Credentials of machines: made, and for integrations whose requests are signed with a secret beside the token.

Token and secret are told when they are made and never again; at rest the secret is sealed to its key's row.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from server.channels.signed import write_secret
from server.store import keys
from server.store.pool import Connection
from server.wallet.keyring import Keyring

SECRET_BYTES: Final = 32
TABLE: Final = "api_keys"
"""What secrets are sealed to, with the key's id."""

SIGNED: Final = "crm"
"""The kind of key whose requests may be signed: another system's, which can keep a secret."""


@dataclass(frozen=True, slots=True)
class Made:
    """A key that was just made; `secret` is None where nothing is signed. Neither it nor the token is in any repr."""

    id: UUID
    token: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sealing:
    """What seals a secret, and when."""

    keyring: Keyring
    now: datetime


async def create(
    db: Connection,
    *,
    kind: str,
    store_id: UUID | None = None,
    name: str | None = None,
    not_after: datetime | None = None,
    sealing: Sealing | None = None,
) -> Made | None:
    """Make a key, with `sealing` one whose requests are signed; None when the store is not known. Needs a transaction."""
    identifier = keys.fresh_id()
    secret = None if sealing is None else secrets.token_bytes(SECRET_BYTES)
    made = await keys.create(
        db,
        id=identifier,
        kind=kind,
        store_id=store_id,
        name=name,
        not_after=not_after,
        secret_sealed=None if sealing is None or secret is None else _sealed(sealing, identifier, secret),
    )
    return None if made is None else Made(made.id, made.token, None if secret is None else write_secret(secret))


def _sealed(sealing: Sealing, key_id: UUID, secret: bytes) -> bytes:
    return sealing.keyring.seal(secret, table=TABLE, row=key_id.bytes, now=sealing.now)


def opened(sealed: bytes, *, key_id: UUID, keyring: Keyring, now: datetime) -> bytes | None:
    """Open a key's secret; None where nobody can any more."""
    return keyring.unseal(sealed, table=TABLE, row=key_id.bytes, now=now)
