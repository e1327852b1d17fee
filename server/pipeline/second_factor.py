"""A second factor for people: six digits that a phone computes every half minute (RFC 6238), and codes for a lost phone.

Rule 1: the secret is sealed to its person's row, and leaves the house once: as the QR code that is scanned.
Rule 2: a step counts once, and one to either side of the present one counts as well: phones' clocks differ.
Rule 3: of recovery codes the hash alone is kept. They are 80 bits of chance, so a plain hash is enough.
Rule 4: phones live in everybody's time: whoever shifts the house's clock for tests hands the true time in here.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode
from uuid import UUID

from passes.google.rotating import step_of
from server.errors import Conflict, Unavailable
from server.store import second_factors
from server.store.pool import Connection
from server.wallet.keyring import Keyring

TABLE: Final = "second_factors"
DIGITS: Final = 6
RECOVERY_CODES: Final = 10
_SECRET_BYTES: Final = 20
"""As long as SHA-1's output (RFC 4226 R6 recommends 160 bits)."""
_CODE_BYTES: Final = 10
_CODE: Final = re.compile(r"[0-9]{6}")


class AlreadyOn(Conflict):
    """There is a second factor already: turn it off first."""

    code, title = "second_factor_on", "Second factor is on"


class NotOn(Conflict):
    """There is no second factor."""

    code, title = "second_factor_off", "No second factor"


@dataclass(frozen=True, slots=True)
class Locks:
    """What opens secrets, and when."""

    keyring: Keyring
    now: datetime


@dataclass(frozen=True, slots=True)
class Begun:
    """A secret that waits for its first code: in letters to type, and as the address that a QR code shows."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


async def begin(db: Connection, *, user_id: UUID, email: str, issuer: str, locks: Locks) -> Begun:
    """Make a secret; it counts once a code was given. Raises AlreadyOn."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    sealed = locks.keyring.seal(secret, table=TABLE, row=user_id.bytes, now=locks.now)
    if not await second_factors.begin(db, user_id=user_id, secret_sealed=sealed):
        raise AlreadyOn
    letters = base64.b32encode(secret).decode()
    return Begun(letters, uri_of(letters, email=email, issuer=issuer))


def uri_of(letters: str, *, email: str, issuer: str) -> str:
    """Write the address that phones' apps read: https://github.com/google/google-authenticator/wiki/Key-Uri-Format."""
    name = issuer.replace(":", " ")  # the colon parts the issuer from the account
    label = quote(f"{name}:{email}", safe=":@")
    values = {"secret": letters, "issuer": name, "algorithm": "SHA1", "digits": DIGITS, "period": 30}
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"


async def confirm(db: Connection, *, user_id: UUID, code: str, locks: Locks) -> list[str] | None:
    """Let a secret count once a code of it is right, and give fresh recovery codes; None for a wrong code.

    Raises NotOn where nothing was begun, AlreadyOn where it counts already. Needs a transaction.
    """
    factor = await second_factors.find(db, user_id=user_id)
    if factor is None:
        raise NotOn
    if factor.confirmed_at is not None:
        raise AlreadyOn
    step = _step(factor.secret_sealed, user_id=user_id, code=code, locks=locks)
    sealed = factor.secret_sealed  # another may have been begun meanwhile, of which nobody gave a code
    if step is None or not await second_factors.confirm(db, user_id=user_id, secret_sealed=sealed, step=step):
        return None
    return await fresh_codes(db, user_id=user_id)


async def is_on(db: Connection, *, user_id: UUID) -> bool:
    """Tell whether a person has a second factor that counts."""
    factor = await second_factors.find(db, user_id=user_id)
    return factor is not None and factor.confirmed_at is not None


async def check(db: Connection, *, user_id: UUID, code: str, locks: Locks) -> bool:
    """Take a phone's code, or a recovery code, and tell whether it was right; it counts once. Needs a transaction."""
    factor = await second_factors.find(db, user_id=user_id)
    if factor is None or factor.confirmed_at is None:
        return False
    if not _CODE.fullmatch(plain(code)):
        return await second_factors.take_code(db, user_id=user_id, code_hash=hash_of(code, user_id=user_id))
    step = _step(factor.secret_sealed, user_id=user_id, code=code, locks=locks)
    return step is not None and await second_factors.take_step(db, user_id=user_id, step=step)


def _step(sealed: bytes, *, user_id: UUID, code: str, locks: Locks) -> int | None:
    secret = locks.keyring.unseal(sealed, table=TABLE, row=user_id.bytes, now=locks.now)
    if secret is None:
        raise Unavailable("This second factor cannot be opened here: an admin has to reset it.")
    if not _CODE.fullmatch(plain(code)):
        return None
    return step_of(plain(code), key=secret, now=locks.now, digits=DIGITS)


async def fresh_codes(db: Connection, *, user_id: UUID) -> list[str]:
    """Make recovery codes in place of all older ones, and give them: they are told this once. Needs a transaction."""
    codes = [_written(secrets.token_bytes(_CODE_BYTES)) for _ in range(RECOVERY_CODES)]
    hashes = [hash_of(code, user_id=user_id) for code in codes]
    await second_factors.keep_codes(db, user_id=user_id, hashes=hashes)
    return codes


def _written(chance: bytes) -> str:
    """Write a recovery code as people copy it: four letters and digits, four times."""
    text = base64.b32encode(chance).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def plain(code: str) -> str:
    """Take out of a typed code what people put between its parts."""
    return re.sub(r"[\s-]", "", code)


def hash_of(code: str, *, user_id: UUID) -> bytes:
    """Hash a recovery code as it is kept: what looks alike to people (0 and o, 1 and l, 8 and b) is the same."""
    same = plain(code).lower().translate(str.maketrans("018", "olb"))
    return hashlib.sha256(user_id.bytes + same.encode("utf-8", "replace")).digest()
