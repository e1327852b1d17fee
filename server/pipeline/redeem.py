"""At the counter: a code becomes a redemption, exactly once; a redemption may be taken back, once.

Rule 1: a code is checked before the database is asked; unknown and forged ones get the same answer.
Rule 2: the claim (`redemptions.claim`) decides. What is looked at afterwards only names the reason of a refusal.
Rule 3: `check` gives the same reasons and changes nothing but, if asked, who holds the pass.
Rule 4: digits of a changing barcode are good for the half minutes around now, by the database's clock, and each half
        minute for one redemption: a constraint says so. Digits that are not are a code that nobody has.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from passes.google import rotating
from server.errors import Conflict, FieldError, Forbidden, Gone, Invalid, NotFound, Refusal, TooEarly, TooMany
from server.model.ids import bucket_of
from server.model.pass_ import PassState
from server.store import audit, counter, google_objects, redemptions
from server.store.counter import Seen
from server.store.ids import new_id
from server.store.pool import Connection, Contended
from server.store.redemptions import Given, Purchase, Redeemed, Till
from server.wallet.codes import Scan, read_scan
from server.wallet.keyring import Keyring

TOUCHED: Final = frozenset({"event:redemption"})
"""What a redemption changes about its customer, in the words of `server.decision.wants`."""

_TRIES = 3
"""Between a lost claim and the look at its reason the reason may vanish (a hold ends, a use is given back)."""


class UnknownCode(NotFound):
    """There is no pass with this code."""

    code, title = "unknown_code", "Unknown code"


class AlreadyRedeemed(Conflict):
    """This pass was redeemed before."""

    code, title = "already_redeemed", "Already redeemed"


class Held(Conflict):
    """Another till is about to redeem this pass."""

    code, title = "held", "Held by another till"


class Expired(Gone):
    """This pass has expired."""

    code, title = "expired", "Expired"


class Voided(Gone):
    """This pass was voided."""

    code, title = "voided", "Voided"


class WrongStore(Forbidden):
    """This pass is not taken in this store."""

    code, title = "wrong_store", "Wrong store"


class MinimumNotMet(Invalid):
    """The purchase is below the least that this pass asks for."""

    code, title = "minimum_not_met", "Minimum not met"


class WrongCodes(TooMany):
    """This till gave too many wrong codes; wait and try again."""

    code, title = "too_many_wrong_codes", "Too many wrong codes"


class AlreadyReversed(Conflict):
    """This redemption was reversed before."""

    code, title = "already_reversed", "Already reversed"


class TooLate(Forbidden):
    """The time in which a till may reverse is over; an admin still can."""

    code, title = "reversal_window_over", "Too late to reverse"


class Checked(NamedTuple):
    """What a redemption would meet now: its refusal (None: it would succeed), the pass if there is one, and the hold."""

    refusal: Refusal | None
    seen: Seen | None
    held_until: datetime | None = None


def scan_of(code: str, *, keyring: Keyring, now: datetime) -> Scan:
    """Read what a genuine code names; raises UnknownCode, without a look into the database."""
    scan = read_scan(code, keyring=keyring, now=now)
    if scan is None:
        raise UnknownCode
    return scan


async def step_of(db: Connection, scan: Scan, *, keyring: Keyring, now: datetime | None = None) -> int | None:
    """Tell in which half minute these digits were shown (None: the code has none); raises UnknownCode for any others.

    `now` stands for the database's time, for what was scanned a while ago.
    """
    if scan.digits is None:
        return None
    found = await google_objects.secret(db, serial=scan.serial)
    if found.sealed is None or found.now is None:
        raise UnknownCode
    key = keyring.unseal(found.sealed, table=google_objects.TABLE, row=scan.serial.bytes, now=found.now)
    step = None if key is None else rotating.step_of(scan.digits, key=key, now=now or found.now)
    if step is None:
        raise UnknownCode
    return step


async def redeem(db: Connection, *, serial: UUID, till: Till, purchase: Purchase, step: int | None = None) -> Redeemed:
    """Use a pass once, in the caller's transaction; raises the refusal that `reason_of` names."""
    for _ in range(_TRIES):
        identifier = new_id(bucket=bucket_of(serial))
        done = await redemptions.claim(db, id=identifier, serial=serial, till=till, purchase=purchase, step=step)
        if done is not None:
            return done
        seen = await _look(db, serial=serial, till=till, step=step)
        refusal = reason_of(seen, purchase=purchase)
        if refusal is not None:
            raise refusal
    raise Contended(retry_after_s=1)


async def rehearse(
    db: Connection, *, serial: UUID, till: Till, purchase: Purchase, step: int | None = None
) -> Redeemed:
    """Answer as `redeem` would now, and store nothing."""
    seen = await _look(db, serial=serial, till=till, step=step)
    refusal = reason_of(seen, purchase=purchase)
    if refusal is not None:
        raise refusal
    identifier = new_id(bucket=bucket_of(serial))
    return Redeemed(identifier, serial, seen.reward, seen.uses_left - 1, seen.now, till.store_id)


async def check(
    db: Connection,
    *,
    serial: UUID,
    till: Till,
    purchase: Purchase,
    hold: timedelta | None = None,
    step: int | None = None,
) -> Checked:
    """Tell what a redemption would meet now; with `hold` the pass is kept for this till so long if it would succeed.

    Raises UnknownCode and WrongCodes, which are about the till and not about a pass.
    """
    seen = await _look(db, serial=serial, till=till, step=step)
    refusal = reason_of(seen, purchase=purchase)
    if isinstance(refusal, WrongCodes):
        raise refusal
    if refusal is not None or hold is None:
        return Checked(refusal, seen)
    until = await counter.hold(db, serial=serial, till=till, length=hold)
    if until is not None:
        return Checked(None, seen, until)
    seen = await _look(db, serial=serial, till=till, step=step)
    return Checked(reason_of(seen, purchase=purchase) or Held(), seen)


async def _look(db: Connection, *, serial: UUID, till: Till, step: int | None) -> Seen:
    seen = await counter.look(db, serial=serial, till=till, step=step)
    if seen is None:
        raise UnknownCode
    return seen


def reason_of(seen: Seen, *, purchase: Purchase) -> Refusal | None:
    """Name the first thing that speaks against a redemption; None where nothing does. Pure."""
    if seen.waits_until is not None:
        return WrongCodes(retry_after_s=_seconds(seen.waits_until - seen.now))
    if seen.state is PassState.VOIDED:
        return Voided()
    if seen.state is PassState.REDEEMED:
        return AlreadyRedeemed(extra={"redeemed_at": seen.last_at, "store_id": seen.last_store})
    if seen.state is PassState.EXPIRED or (seen.valid_until is not None and seen.now >= seen.valid_until):
        return Expired(extra={"valid_until": seen.valid_until})
    if seen.step_at is not None:
        return AlreadyRedeemed(extra={"redeemed_at": seen.step_at, "store_id": seen.step_store})
    if seen.now < seen.valid_from:
        return TooEarly(extra={"valid_from": seen.valid_from})
    if not seen.taken_here:
        return WrongStore()
    if seen.held:
        return Held()
    return below(seen, purchase)


def below(seen: Seen, purchase: Purchase) -> Refusal | None:
    """Tell whether the purchase is too small for the pass. Pure."""
    minimum, amount = seen.minimum, purchase.amount
    if minimum is None:
        return None
    if amount is not None and amount.currency == minimum.currency and amount.minor >= minimum.minor:
        return None
    wanted = {"minor": minimum.minor, "currency": minimum.currency}
    message = f"must be at least {minimum.minor} minor units of {minimum.currency}"
    return MinimumNotMet(errors=[FieldError("purchase.amount", message)], extra={"minimum_purchase": wanted})


def _seconds(length: timedelta) -> int:
    return max(1, math.ceil(length.total_seconds()))


async def mistyped(db: Connection, *, till: Till) -> TooMany | None:
    """Count a wrong code, in a transaction of its own; gives the refusal once there were more than the till may give."""
    found = await counter.count_wrong(db, till_id=till.id)
    if found.times <= till.wrong_codes:
        return None
    return _wait(found.rest_s)


async def refuse_guesser(db: Connection, *, till: Till) -> None:
    """Raise what a till is told that gave too many wrong codes, until its minute is over."""
    rest_s = await counter.waits(db, till=till)
    if rest_s is not None:
        raise _wait(rest_s)


def _wait(rest_s: float) -> TooMany:
    return WrongCodes(retry_after_s=max(1, math.ceil(rest_s)))


class Reversed(NamedTuple):
    """A reversal as it was stored."""

    id: UUID
    redemption_id: UUID
    serial: UUID
    uses_left: int
    reversed_at: datetime


async def reverse(
    db: Connection,
    *,
    redemption_id: UUID,
    store_id: UUID | None,
    window: timedelta,
    actor: str,
    reason: str,
    address: str | None = None,
    request_id: str | None = None,
) -> Reversed:
    """Give a use back, once; `store_id` None is an admin, whose deed is audited. Needs a transaction.

    Raises NotFound for an unknown redemption and another store's, AlreadyReversed, TooLate after the window.
    """
    for _ in range(_TRIES):
        given = await redemptions.reverse(
            db,
            id=new_id(bucket=bucket_of(redemption_id)),
            redemption_id=redemption_id,
            store_id=store_id,
            window=window,
            by=actor,
            reason=reason,
        )
        if given is not None and given.id is not None and given.uses_left is not None:
            done = Reversed(given.id, redemption_id, given.serial, given.uses_left, given.at)
            if store_id is None:
                what = {"action": "redemption.reverse", "object": f"redemption:{redemption_id}"}
                await audit.record(
                    db, actor=actor, **what, after={"reason": reason}, address=address, request_id=request_id
                )
            return done
        _refuse(given, store_id=store_id)
    raise Contended(retry_after_s=1)


def _refuse(given: Given | None, *, store_id: UUID | None) -> None:
    """Raise why nothing was given back; returns where another reversal was under way, to be looked at again."""
    if given is None or (store_id is not None and given.store_id != store_id):
        raise NotFound
    if given.reversed_at is not None:
        raise AlreadyReversed(extra={"reversed_at": given.reversed_at})
    if store_id is not None and not given.in_time:
        raise TooLate
