"""What a till took while it had no network becomes redemptions, each once; what cannot is told, with what it cost.

Rule 1: a record is believed if its key signed it and it follows the one before. One that was altered, put in or moved
        is refused and changes nothing; some that were left out are counted against the key, and the rest is booked.
Rule 2: every record is one transaction with its key's row locked: it moves the chain on, and is a redemption or a row
        that tells why not. Sent again, it gets the answer it had.
Rule 3: the till's word on when it scanned counts for as long back as it is allowed to (`grace`); before and after that
        it is now. The place, the uses and a void are judged as they are now.
Rule 4: whatever is in a record was given at a counter. What cannot be booked is a loss, and it is never dropped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from server.errors import Conflict, FieldError, Invalid, NotFound, Refusal, TooEarly
from server.model.context import Used
from server.model.ids import bucket_of
from server.model.money import Money
from server.model.pass_ import PassState
from server.pipeline.redeem import AlreadyRedeemed, Expired, UnknownCode, Voided, WrongStore, below, step_of
from server.store import budgets, counter, late, till_keys
from server.store.counter import Seen
from server.store.ids import new_id
from server.store.late import Held, Outcome, Record
from server.store.pool import Connection
from server.store.redemptions import Purchase, Till
from server.store.till_keys import TillKey
from server.wallet import till_records
from server.wallet.codes import Scan, read_scan
from server.wallet.keyring import Keyring

REDEEMED: Final = "redeemed"
CONFLICT: Final = "conflict"
REFUSED: Final = "refused"
ALTERED: Final = frozenset({"bad_signature", "chain_broken"})
"""Why a record is not even kept: somebody changed it, or it is not where it was."""

GUESSED: Final = ALTERED | {UnknownCode.code}
"""What counts as a wrong code of the till: who tries codes finds no other door here."""

Earlier = Callable[[Connection, Record], Awaitable[UUID | None]]
"""Tells the redemption that this very scan already made: the answer to it was lost on its way to the till."""


class KeyRevoked(Conflict):
    """This browser's key was revoked: what it recorded is not believed any more. Ask the office."""

    code, title = "key_revoked", "Key revoked"


class KeyTaken(Conflict):
    """This key was registered by another till."""

    code, title = "key_taken", "Key taken"


class TooManyKeys(Conflict):
    """This till registered too many browsers lately; an admin can revoke some of them."""

    code, title = "too_many_keys", "Too many keys"


class Sent(NamedTuple):
    """A record as it arrived: what was signed, with its time and purchase read."""

    signed: till_records.Signed
    signature: str
    scanned_at: datetime
    purchase: Purchase


class Booked(NamedTuple):
    """What came of a record, how many before it were left out, and the pass that was redeemed just now.

    `fresh` is False where it only tells what was known before.
    """

    outcome: Outcome
    missing: int = 0
    redeemed: UUID | None = None
    fresh: bool = True


async def register(db: Connection, *, till: Till, public_key: str, most: int) -> tuple[TillKey, bool]:
    """Register a browser's key for a till, or give it as it was registered, and tell whether it is new; raises what
    speaks against it."""
    raw = till_records.read_public_key(public_key)
    if raw is None:
        raise Invalid(errors=[FieldError("public_key", "is no point of P-256 in base64url")])
    await till_keys.take_turn(db, till_id=till.id)
    made, found = None, await till_keys.find(db, public_key=raw)
    if found is None:
        if await till_keys.count_recent(db, till_id=till.id) >= most:
            raise TooManyKeys
        identifier = till_keys.fresh_id()
        head = till_records.first_head(identifier)
        made = await till_keys.register(
            db, id=identifier, till_id=till.id, store_id=till.store_id, public_key=raw, head=head
        )
        found = made or await till_keys.find(db, public_key=raw)
    if found is None or (found.till_id, found.store_id) != (till.id, till.store_id):
        raise KeyTaken
    if found.revoked_at is not None:
        raise KeyRevoked
    return found, made is not None


async def book(
    db: Connection,
    sent: Sent,
    *,
    store_id: UUID,
    keyring: Keyring,
    now: datetime,
    grace: timedelta,
    earlier: Earlier,
) -> Booked:
    """Book one record of a till of this store, in the caller's transaction.

    Raises NotFound for a key that this store does not have, KeyRevoked for one that counts no more.
    """
    key = await till_keys.hold(db, id=sent.signed.key_id, store_id=store_id)
    if key is None:
        raise NotFound("This store has no such key.", code="unknown_key")
    if key.revoked_at is not None:
        raise KeyRevoked
    if not till_records.is_signed(sent.signed, signature=sent.signature, public_key=key.public_key):
        return Booked(Outcome(REFUSED, "bad_signature"))
    scan = read_scan(sent.signed.code, keyring=keyring, now=now)
    record = _record(sent, key, scan, judged_at=instant_of(sent.scanned_at, now=now, grace=grace))
    before = await late.known(db, record)
    if before is not None or sent.signed.n <= key.last_n:
        same = before is not None and before[0] == record.digest
        if before is not None and same:
            return Booked(before[1], fresh=False)
        return Booked(Outcome(REFUSED, "chain_broken"))
    missing = sent.signed.n - key.last_n - 1
    if missing == 0 and till_records.from_base64(sent.signed.prev) != key.head:
        return Booked(Outcome(REFUSED, "chain_broken"))
    await till_keys.advance(db, id=key.id, n=sent.signed.n, head=record.digest, missing=missing)
    outcome = await _settle(db, record, sent, scan, keyring=keyring, earlier=earlier)
    await late.keep(db, record, outcome)
    return Booked(outcome, missing, record.serial if outcome.outcome == REDEEMED else None)


def instant_of(scanned_at: datetime, *, now: datetime, grace: timedelta) -> datetime:
    """Tell which instant counts for a record: when it says it was made, within the grace; else now. Pure."""
    return scanned_at if now - grace <= scanned_at <= now else now


def _record(sent: Sent, key: TillKey, scan: Scan | None, *, judged_at: datetime) -> Record:
    return Record(
        id=sent.signed.id,
        key_id=key.id,
        n=sent.signed.n,
        digest=till_records.digest_of(sent.signed),
        till_id=key.till_id,
        store_id=key.store_id,
        serial=None if scan is None else scan.serial,
        scanned_at=sent.scanned_at,
        judged_at=judged_at,
    )


async def _settle(
    db: Connection, record: Record, sent: Sent, scan: Scan | None, *, keyring: Keyring, earlier: Earlier
) -> Outcome:
    """Redeem what the record says was given, or tell why that cannot be."""
    held = None if scan is None else await late.hold(db, serial=scan.serial)
    if scan is None or held is None:
        return Outcome(REFUSED, UnknownCode.code)
    done = await earlier(db, record)
    if done is not None:
        return Outcome(REDEEMED, redemption_id=done, reward=held.reward)
    cost = cost_of(held, sent.purchase)
    try:
        step = await step_of(db, scan, keyring=keyring, now=record.judged_at)
    except UnknownCode:
        return Outcome(REFUSED, UnknownCode.code, reward=held.reward, cost=cost)
    made = await late.claim(
        db,
        id=new_id(bucket=bucket_of(scan.serial)),
        serial=scan.serial,
        store_id=record.store_id,
        till_id=record.till_id,
        purchase=sent.purchase,
        at=record.judged_at,
        step=step,
    )
    if made is None:
        return await _why(db, record, sent, held, step=step, cost=cost)
    if held.state == PassState.EXPIRED:
        await _spend_again(db, held, cost)
    return Outcome(REDEEMED, redemption_id=made.id, uses_left=made.uses_left, reward=held.reward)


async def _why(
    db: Connection, record: Record, sent: Sent, held: Held, *, step: int | None, cost: Money | None
) -> Outcome:
    assert record.serial is not None  # noqa: S101  its pass is held
    till = Till(record.store_id, record.till_id, wrong_codes=1_000_000)
    seen = await counter.look(db, serial=record.serial, till=till, step=step)
    assert seen is not None  # noqa: S101  its pass is held
    refusal = reason_of(seen, purchase=sent.purchase, at=record.judged_at)
    if not isinstance(refusal, AlreadyRedeemed):
        return Outcome(REFUSED, refusal.reason, reward=held.reward, cost=cost)
    against: dict[str, Any] = refusal.extra
    return Outcome(
        CONFLICT,
        refusal.reason,
        reward=held.reward,
        against_at=against["redeemed_at"],
        against_store=against["store_id"],
        cost=cost,
    )


def reason_of(seen: Seen, *, purchase: Purchase, at: datetime) -> Refusal:
    """Name the first thing that speaks against a redemption as if it were `at`. Pure."""
    if seen.state is PassState.VOIDED:
        return Voided()
    if seen.state is PassState.REDEEMED:
        return AlreadyRedeemed(extra={"redeemed_at": seen.last_at, "store_id": seen.last_store})
    if seen.step_at is not None:
        return AlreadyRedeemed(extra={"redeemed_at": seen.step_at, "store_id": seen.step_store})
    if seen.valid_until is not None and at >= seen.valid_until:
        return Expired()
    if at < seen.valid_from:
        return TooEarly()
    if not seen.taken_here:
        return WrongStore()
    return below(seen, purchase) or Expired()


def cost_of(held: Held, purchase: Purchase) -> Money | None:
    """Tell what one use costs: its value, or its share of the purchase; None where neither is known. Pure."""
    percent, amount = held.reward.get("percent"), purchase.amount
    if held.value_minor == 0 and percent is not None:
        if amount is None:
            return None
        share = Decimal(amount.minor) * Decimal(str(percent)) / 100
        return Money(int(share.to_integral_value(ROUND_HALF_UP)), amount.currency)
    return None if held.currency is None else Money(held.value_minor, held.currency)


async def _spend_again(db: Connection, held: Held, cost: Money | None) -> None:
    """Count a use of a pass that had expired meanwhile: what it held of its offer's budget was given back then."""
    used = Used(0 if held.uses_made else 1, cost.minor if cost else 0)
    await budgets.lock(db, offers=[held.offer_id], places=[])
    await budgets.add(db, offers={held.offer_id: used}, places={})
