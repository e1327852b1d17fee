"""A till without a network: what it must know beforehand, and what it sends when it is back."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from server.errors import FieldError, Invalid, NotFound, Refusal
from server.pipeline import offline
from server.pipeline.membership import refresh_holder
from server.pipeline.offline import ALTERED, GUESSED, Booked, Sent
from server.pipeline.redeem import TOUCHED, refuse_guesser
from server.store import stores
from server.store.late import Outcome, Record
from server.store.pool import Connection
from server.store.redemptions import Purchase
from server.wallet import till_records
from server.wallet.keyring import Kind as KeyKind
from server.wallet.signed_codes import public_key, store_mark
from server.web.audit import note
from server.web.call import Call
from server.web.codec import Instant
from server.web.counter import Code, PurchaseBody, count_wrong, till_of
from server.web.door import door
from server.web.idempotency import answered
from server.web.rewards import MoneyBody, RewardAnswer, money_of, reward_of

_YEARS: Final = 1980, 2100
_ONLINE: Final = "POST /v1/redemptions"
_Hash = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{43}$")]
_Signature = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{86}$")]
_Number = Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class CodeKey(msgspec.Struct, frozen=True):
    """With what signed codes of this key id are verified: an Ed25519 public key (32 bytes, base64url)."""

    id: int
    key: str
    not_after: datetime | None


class Terms(msgspec.Struct, frozen=True):
    """What a till works by while it has no network: the settings `offline.*`, whose till it is, and the keys of codes.

    `mark` is how this store stands in signed codes (hex), `now` the server's time.
    """

    now: datetime
    till_id: str
    store_id: UUID
    store: str
    time_zone: str | None
    mark: str
    takes: bool
    unchecked: Literal["refuse", "take"]
    uses: int
    value_minor: int
    terms_s: int
    records: int
    reversal_s: int
    keys: list[CodeKey]


class NewTillKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The public half of a browser's key: P-256, the uncompressed point in base64url."""

    public_key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class TillKeyMade(msgspec.Struct, frozen=True):
    """The key as it is registered; its chain of records stands at number `n`."""

    id: UUID
    till_id: str
    store_id: UUID
    n: int


class OfflineRecord(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One use that was given without a network; docs/api.md tells what is signed and how it is chained."""

    id: UUID
    n: _Number
    prev: _Hash
    signature: _Signature
    code: Code
    scanned_at: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    purchase: PurchaseBody | None = None


class OfflineBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Records of one key, the oldest first."""

    key_id: UUID
    records: Annotated[list[OfflineRecord], msgspec.Meta(min_length=1)]


class OfflineResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a record. A conflict tells when and where the pass was used before; `cost` is what was given twice."""

    id: UUID
    status: str
    code: str | None = None
    redemption_id: UUID | None = None
    uses_left: int | None = None
    reward: RewardAnswer | None = None
    redeemed_at: datetime | None = None
    store_id: UUID | None = None
    cost: MoneyBody | None = None


class OfflineAnswer(msgspec.Struct, frozen=True):
    """One result for each record, in their order; `missing`: so many before them never came."""

    results: list[OfflineResult]
    missing: int


@door(
    "GET",
    "/v1/redemptions/offline",
    answer=Terms,
    summary="What a till works by while it has no network",
    tags=("Counter",),
)
async def terms(call: Call) -> Terms:
    """Tell the caller's till its terms."""
    till, settings, now = till_of(call), call.parts.settings, call.parts.clock.now()
    async with call.connection() as db:
        store = await stores.find(db, store_id=till.store_id)
    if store is None:
        raise NotFound
    signing = call.parts.secrets.keys(KeyKind.OFFLINE, now=now) if settings.offline.codes else []
    return Terms(
        now=now,
        till_id=till.id,
        store_id=till.store_id,
        store=store.name,
        time_zone=store.time_zone,
        mark=store_mark(till.store_id).hex(),
        takes=settings.offline.takes,
        unchecked=settings.offline.unchecked,
        uses=settings.offline.uses,
        value_minor=settings.offline.value_minor,
        terms_s=settings.offline.terms_s,
        records=settings.limits.offline_records,
        reversal_s=settings.reversal.window_s,
        keys=[CodeKey(key.id, till_records.to_base64(public_key(key)), key.not_after) for key in signing],
    )


@door(
    "POST",
    "/v1/redemptions/offline/keys",
    body=NewTillKey,
    answer=TillKeyMade,
    status=201,
    idempotency="optional",
    summary="Register the key with which this till's browser signs what it takes offline",
    example={
        "public_key": "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    },
    errors=(409,),
    tags=("Counter",),
)
async def register(call: Call) -> TillKeyMade:
    """Register a key; one that this till registered before is told again."""
    till, most = till_of(call), call.parts.settings.limits.till_keys
    async with call.transaction() as db:
        key, made = await offline.register(db, till=till, public_key=call.body.public_key, most=most)
        if made:
            await note(db, call, action="till_key.register", object=f"till_key:{key.id}")
    return TillKeyMade(key.id, key.till_id, key.store_id, key.last_n)


_EXAMPLE: Final = {
    "key_id": "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b",
    "records": [
        {
            "id": "0198a1c2-7d3e-4a10-b4c5-d6e7f8091a2c",
            "n": 1,
            "prev": "A" * 43,
            "signature": "A" * 86,
            "code": "0405 0305 0305 0305 0305 0305 0305 0305 0305 0305 0305 0305",
            "scanned_at": "2026-11-28T08:05:12.031Z",
        }
    ],
}


@door(
    "POST",
    "/v1/redemptions/offline",
    body=OfflineBody,
    answer=OfflineAnswer,
    summary="Send what a till took while it had no network; each record is booked once, however often it is sent",
    example=_EXAMPLE,
    errors=(404, 409),
    tags=("Counter",),
    piecemeal=True,
)
async def send(call: Call) -> OfflineAnswer:
    """Book records one after the other, each in a transaction of its own: what was booked stays so, whatever follows."""
    till, wanted, most = till_of(call), call.body, call.parts.settings.limits.offline_records
    if len(wanted.records) > most:
        raise Invalid(errors=[FieldError("records", f"must be {most} at most (limits.offline_records)")])
    read = [_sent(wanted.key_id, record, place) for place, record in enumerate(wanted.records)]
    async with call.connection() as db:
        await refuse_guesser(db, till=till)
    refusal: Refusal | None = None
    results, missing, altered = [], 0, 0
    for sent in read:
        booked = await _book(call, sent, store_id=till.store_id)
        results.append(_result(sent, booked.outcome))
        missing += booked.missing
        altered += booked.outcome.reason in ALTERED
        if booked.fresh and booked.outcome.reason in GUESSED:
            refusal = refusal or await count_wrong(call, till)
        if refusal is not None:
            break
    if missing or altered:
        told = {"missing": missing, "altered": altered}
        async with call.transaction() as db:
            await note(db, call, action="till_key.tampered", object=f"till_key:{wanted.key_id}", after=told)
    if refusal is not None:  # what was booked is booked: sent again, it is told, and the rest follows
        raise refusal
    return OfflineAnswer(results, missing)


async def _book(call: Call, sent: Sent, *, store_id: UUID) -> Booked:
    parts, now = call.parts, call.parts.clock.now()
    async with call.transaction() as db:
        booked = await offline.book(
            db,
            sent,
            store_id=store_id,
            keyring=parts.secrets,
            now=now,
            grace=timedelta(seconds=parts.settings.offline.grace_s),
            earlier=partial(_earlier, key=str(sent.signed.id)),
        )
        if booked.redeemed is not None:
            await refresh_holder(db, rules=parts.rules, serial=booked.redeemed, now=now, touched=TOUCHED)
    return booked


async def _earlier(db: Connection, record: Record, *, key: str) -> UUID | None:
    """Look whether this scan of this pass was redeemed before its answer was lost: its key was the record's id."""
    answer = await answered(db, principal=record.till_id, route=_ONLINE, key=key)
    if answer is None or answer.status != 201:
        return None
    made = msgspec.json.decode(answer.body)
    return UUID(made["id"]) if made["serial"] == str(record.serial) else None


def _sent(key_id: UUID, record: OfflineRecord, place: int) -> Sent:
    try:
        scanned_at = msgspec.convert(record.scanned_at, Instant)
    except msgspec.ValidationError:
        scanned_at = None
    if scanned_at is None or not _YEARS[0] <= scanned_at.year <= _YEARS[1]:
        message = "must be a time with an offset (RFC 3339) between the years {} and {}".format(*_YEARS)
        raise Invalid(errors=[FieldError(f"records[{place}].scanned_at", message)])
    bought = record.purchase
    amount, order = (None, None) if bought is None else (bought.amount, bought.order_id)
    signed = till_records.Signed(
        key_id=key_id,
        n=record.n,
        prev=record.prev,
        id=record.id,
        scanned_at=record.scanned_at,
        code=record.code,
        minor=None if amount is None else amount.minor,
        currency=None if amount is None else amount.currency,
        order_id=order,
    )
    purchase = Purchase(None if amount is None else money_of(amount), order)
    return Sent(signed, record.signature, scanned_at, purchase)


def _result(sent: Sent, outcome: Outcome) -> OfflineResult:
    return OfflineResult(
        id=sent.signed.id,
        status=outcome.outcome,
        code=outcome.reason,
        redemption_id=outcome.redemption_id,
        uses_left=outcome.uses_left,
        reward=None if outcome.reward is None else reward_of(outcome.reward),
        redeemed_at=outcome.against_at,
        store_id=outcome.against_store,
        cost=None if outcome.cost is None else MoneyBody(outcome.cost.minor, outcome.cost.currency),
    )
