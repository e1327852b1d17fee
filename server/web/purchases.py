"""POST /v1/purchases: another system tells that a customer bought something; it counts once, and may set offers off."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from server.errors import Conflict, FieldError, Invalid
from server.model.ids import bucket_of, event_id
from server.pipeline.membership import refresh
from server.store import customers, happenings, stores
from server.store.happenings import Happening
from server.store.ids import new_id
from server.store.pool import Connection
from server.web.call import Call
from server.web.codec import Instant
from server.web.door import door
from server.web.rewards import MoneyBody, money_of

AHEAD = timedelta(minutes=2)
"""Another system's clock may be off by so much."""

ITEMS = 200
"""More lines than any receipt of a customer's has."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class KnownPurchase(Conflict):
    """A purchase with this id or order number was told before for this customer; it counts once."""

    code, title = "purchase_known", "Purchase known"


class ItemBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """One line of the receipt; `amount_minor` in the purchase's currency."""

    sku: Text
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    amount_minor: Annotated[int, msgspec.Meta(ge=0, le=10**15)] | None = None


class PurchaseBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A purchase of the customer with this number, or this id. `at` is now unless said; `id` the other system's own."""

    amount: MoneyBody
    external_id: Text | None = None
    customer_id: UUID | None = None
    id: Text | None = None
    order_id: Text | None = None
    at: Instant | None = None
    store_id: UUID | None = None
    items: Annotated[tuple[ItemBody, ...], msgspec.Meta(max_length=ITEMS)] | None = None


class PurchaseAnswer(msgspec.Struct, frozen=True):
    """The purchase as it was stored: our id, and when it counts as made."""

    id: UUID
    at: datetime
    amount: MoneyBody
    order_id: str | None
    store_id: UUID | None


@door(
    "POST",
    "/v1/purchases",
    body=PurchaseBody,
    answer=PurchaseAnswer,
    status=201,
    idempotency="required",
    summary="Tell of a purchase; an order counts once for its customer",
    example={"external_id": "C-4711", "amount": {"minor": 1290, "currency": "EUR"}, "order_id": "W-20931"},
    errors=(409,),
    tags=("Other systems",),
)
async def tell(call: Call) -> PurchaseAnswer:
    """Store a purchase."""
    body: PurchaseBody = call.body
    if (body.external_id is None) == (body.customer_id is None):
        raise Invalid(errors=[FieldError("external_id", "exactly one of external_id and customer_id says whose it is")])
    now = call.parts.clock.now()
    if body.at is not None and body.at > now + AHEAD:
        raise Invalid(errors=[FieldError("at", "must not lie ahead of the server's clock")])
    async with call.transaction() as db:
        made = await _purchase(db, body, now)
        if not await happenings.tell(db, happenings=[made]):
            raise KnownPurchase
        touched = frozenset({"event:purchase"})
        await refresh(db, rules=call.parts.rules, customer_id=made.customer_id, now=now, touched=touched)
    return PurchaseAnswer(made.id, made.at, body.amount, body.order_id, body.store_id)


async def _purchase(db: Connection, body: PurchaseBody, now: datetime) -> Happening:
    """Make the event of a purchase; raises Invalid for an unknown customer or store."""
    customer_id = await _customer(db, body)
    if body.store_id is not None and await stores.find(db, store_id=body.store_id) is None:
        raise Invalid(errors=[FieldError("store_id", "is no store")])
    identifier = event_id(customer_id, "purchase", body.id) if body.id else new_id(bucket=bucket_of(customer_id))
    items: list[dict[str, Any]] | None = None
    if body.items is not None:
        items = [msgspec.to_builtins(item) for item in body.items]
    return Happening(
        id=identifier,
        customer_id=customer_id,
        name="purchase",
        at=min(body.at or now, now),
        store_id=body.store_id,
        amount=money_of(body.amount),
        order_id=body.order_id,
        items=items,
    )


async def _customer(db: Connection, body: PurchaseBody) -> UUID:
    """Find the customer, and hold their row: nothing is told of somebody who is being erased."""
    known = body.customer_id
    if body.external_id is not None:
        known = await customers.by_external_id(db, external_id=body.external_id)
    if known is not None and await customers.lock(db, customer_id=known) is not None:
        return known
    if body.external_id is not None:
        raise Invalid(errors=[FieldError("external_id", "is no customer's: PUT /v1/customers/{external_id} makes one")])
    raise Invalid(errors=[FieldError("customer_id", "is no customer's")])
