"""The counter: a till scans a code, looks first if it likes, and may take a redemption back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from server.decision.durations import read_duration
from server.errors import FieldError, Forbidden, Invalid, Refusal
from server.pipeline import redeem
from server.pipeline.membership import refresh_holder
from server.pipeline.redeem import Checked, UnknownCode
from server.store.pool import Connection
from server.store.redemptions import Purchase, Redeemed, Till
from server.wallet.codes import Scan
from server.web.access import Kind
from server.web.call import Call, Reply
from server.web.door import door
from server.web.rewards import MoneyBody, RewardAnswer, money_of, reward_of

_LONGEST_HOLD = timedelta(minutes=5)

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
"""What was scanned or typed; anything that is no code of ours is unknown, not malformed."""


class PurchaseBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The purchase that the reward is used with."""

    amount: MoneyBody
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class RedemptionBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A code to redeem; `test` answers the same and stores nothing."""

    code: Code
    purchase: PurchaseBody | None = None
    test: bool = False


class RedemptionAnswer(msgspec.Struct, frozen=True):
    """One use of a pass."""

    id: UUID
    serial: UUID
    reward: RewardAnswer
    uses_left: int
    redeemed_at: datetime
    store_id: UUID


class CheckBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A code to look at; `hold` (ISO 8601, up to PT5M) keeps the pass for this till."""

    code: Code
    purchase: PurchaseBody | None = None
    hold: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class CheckAnswer(msgspec.Struct, frozen=True):
    """What a redemption would meet now: its status, the problem's code and sentence, and what would be in its answer."""

    would: int
    code: str | None = None
    detail: str | None = None
    serial: UUID | None = None
    reward: RewardAnswer | None = None
    uses_left: int | None = None
    redeemed_at: datetime | None = None
    store_id: UUID | None = None
    held_until: datetime | None = None


class ReversalBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Why the use is given back."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class ReversalAnswer(msgspec.Struct, frozen=True):
    """A reversal; `uses_left` is the pass's after it."""

    id: UUID
    redemption_id: UUID
    serial: UUID
    uses_left: int
    reversed_at: datetime


_EXAMPLE_CODE = "0405 0305 0305 0305 0305 0305 0305 0305 0305 0305 0305 0305"


@door(
    "POST",
    "/v1/redemptions",
    body=RedemptionBody,
    answer=RedemptionAnswer,
    status=201,
    idempotency="required",
    summary="Redeem a code, exactly once",
    example={"code": _EXAMPLE_CODE, "purchase": {"amount": {"minor": 480, "currency": "EUR"}, "order_id": "R-1042"}},
    errors=(403, 404, 409, 410, 425),
    tags=("Counter",),
)
async def redeem_code(call: Call) -> Reply:
    """Redeem a code for the caller's store: 201, or 200 for a test."""
    till, purchase = till_of(call), _purchase(call.body.purchase)
    try:
        scan = _scan(call)
        async with call.transaction() as db:
            step = await redeem.step_of(db, scan, keyring=call.parts.secrets)
            work = redeem.rehearse if call.body.test else redeem.redeem
            done = await work(db, serial=scan.serial, till=till, purchase=purchase, step=step)
            if call.body.test:
                return Reply(200, _redeemed(done))
            await _refresh(call, db, scan.serial)
            return Reply(201, _redeemed(done))
    except UnknownCode as unknown:
        raise await _wrong(call, till, unknown) from None


@door(
    "POST",
    "/v1/redemptions/check",
    body=CheckBody,
    answer=CheckAnswer,
    summary="Tell what a redemption would answer now, and keep the pass for this till if asked",
    example={"code": _EXAMPLE_CODE, "hold": "PT2M"},
    tags=("Counter",),
)
async def check_code(call: Call) -> CheckAnswer:
    """Look at a code without using it."""
    till, purchase, hold = till_of(call), _purchase(call.body.purchase), _hold(call.body.hold)
    try:
        scan = _scan(call)
        async with call.transaction() as db:
            step = await redeem.step_of(db, scan, keyring=call.parts.secrets)
            checked = await redeem.check(db, serial=scan.serial, till=till, purchase=purchase, hold=hold, step=step)
    except UnknownCode as unknown:
        refusal = await _wrong(call, till, unknown)
        if refusal is not unknown:
            raise refusal from None
        return CheckAnswer(unknown.status, unknown.reason, unknown.detail)
    return _checked(checked, till)


@door(
    "POST",
    "/v1/redemptions/{id}/reversal",
    body=ReversalBody,
    answer=ReversalAnswer,
    status=201,
    idempotency="required",
    summary="Take a redemption back, once: its store within the window, an admin always",
    example={"reason": "the customer changed their mind"},
    errors=(403, 404, 409),
    tags=("Counter",),
)
async def reverse(call: Call) -> ReversalAnswer:
    """Give a use back."""
    admin = Kind.ADMIN in call.principal.roles
    async with call.transaction() as db:
        done = await redeem.reverse(
            db,
            redemption_id=call.uuid("id"),
            store_id=None if admin else till_of(call).store_id,
            window=timedelta(seconds=call.parts.settings.reversal.window_s),
            actor=call.principal.id,
            reason=call.body.reason,
            address=call.address,
            request_id=call.request_id,
        )
        await _refresh(call, db, done.serial)
    return ReversalAnswer(*done)


async def _refresh(call: Call, db: Connection, serial: UUID) -> None:
    """Judge the holder's segments again, before the redemption or its reversal is committed."""
    await refresh_holder(db, rules=call.parts.rules, serial=serial, now=call.parts.clock.now(), touched=redeem.TOUCHED)


def till_of(call: Call) -> Till:
    """Tell for which store the caller redeems; raises Forbidden for a log-in without one."""
    store_id = call.principal.store_id
    if store_id is None:
        raise Forbidden("This log-in belongs to no store.")
    return Till(store_id, call.principal.id, call.parts.settings.limits.wrong_codes_per_minute)


def _purchase(body: PurchaseBody | None) -> Purchase:
    return Purchase() if body is None else Purchase(money_of(body.amount), body.order_id)


def _hold(text: str | None) -> timedelta | None:
    if text is None:
        return None
    length = read_duration(text)
    if length is None or not timedelta(0) < length <= _LONGEST_HOLD:
        raise Invalid(errors=[FieldError("hold", "must be a duration up to PT5M")])
    return length


def _scan(call: Call) -> Scan:
    return redeem.scan_of(call.body.code, keyring=call.parts.secrets, now=call.parts.clock.now())


async def _wrong(call: Call, till: Till, unknown: UnknownCode) -> Refusal:
    """Count a wrong code, and give the refusal to answer with."""
    return await count_wrong(call, till) or unknown


async def count_wrong(call: Call, till: Till) -> Refusal | None:
    """Count a wrong code; gives the refusal once there were more than a till may give.

    The count must stay while the request's own transaction is undone, so it has a connection of another pool: waiting
    for a second one of the same would be a deadlock among tills.
    """
    other = call.parts.pool if call.pool is call.parts.till_pool else call.parts.till_pool
    async with other.transaction() as db:
        return await redeem.mistyped(db, till=till)


def _redeemed(done: Redeemed) -> RedemptionAnswer:
    return RedemptionAnswer(
        done.id, done.serial, reward_of(done.reward), done.uses_left, done.redeemed_at, done.store_id
    )


def _checked(checked: Checked, till: Till) -> CheckAnswer:
    refusal, seen = checked.refusal, checked.seen
    if seen is None or refusal is not None:
        return _refused(checked)
    return CheckAnswer(
        would=201,
        serial=seen.serial,
        reward=reward_of(seen.reward),
        uses_left=seen.uses_left - 1,
        redeemed_at=seen.now,
        store_id=till.store_id,
        held_until=checked.held_until,
    )


def _refused(checked: Checked) -> CheckAnswer:
    refusal, seen = checked.refusal or UnknownCode(), checked.seen
    used = refusal.extra if refusal.reason == "already_redeemed" else {}
    return CheckAnswer(
        would=refusal.status,
        code=refusal.reason,
        detail=refusal.detail,
        serial=seen.serial if seen else None,
        reward=reward_of(seen.reward) if seen else None,
        uses_left=seen.uses_left if seen else None,
        redeemed_at=used.get("redeemed_at"),
        store_id=used.get("store_id"),
    )
