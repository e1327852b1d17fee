"""Lives of moments for tests of reports and exports: decided, told, accepted, redeemed, through the store's own functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.model.money import Money
from server.model.pass_ import Benefit, Card, Pass, PassState
from server.store import acceptances, funnel, moments, redemptions
from server.store.ids import new_id
from server.store.moments import MomentRow
from server.store.pool import Connection
from server.store.redemptions import Purchase, Till

MORNING = datetime(2026, 11, 3, 8, 7, 30, tzinfo=UTC)
"""A Tuesday, 09:07:30 in Berlin."""

REWARD = {"type": "free_item", "value": {"minor": 250, "currency": "EUR"}, "uses": 1}
STORE = UUID(int=0x5701)
COFFEE = Money(250, "EUR")
AREA = '{"type": "Polygon", "coordinates": [[[13, 52], [13.1, 52], [13, 52.1], [13, 52]]]}'
"""A fence somewhere, as the database keeps it."""


def customer(number: int) -> UUID:
    """Give the id of the customer of that number; neighbours lie in different buckets."""
    return UUID(int=(0xC << 60) + number * 1025)


def offer_of(number: int) -> UUID:
    """Give the id of the offer of that number."""
    return UUID(int=0x0FFE0000 + number)


def row(of: int = 1, *, at: datetime = MORNING, offer: int = 1, **changes: Any) -> MomentRow:
    """Build a moment of a customer, decided at a time."""
    person = customer(of)
    values: dict[str, Any] = {
        "bucket": bucket_of(person),
        "id": new_id(bucket=bucket_of(person), now=at),
        "customer_id": person,
        "offer_id": offer_of(offer),
        "offer_version": 1,
        "offer_name": f"offer-{offer}",
        "held_out": False,
        "variant": "card",
        "placement": "card",
        "channel": "in_app",
        "pressure": "marketing",
        "title": "Coffee on us",
        "body": "Come in.",
        "image_url": None,
        "action": {"type": "pass"},
        "reward": REWARD,
        "place_id": None,
        "place_kind": None,
        "place_name": None,
        "valid_from": at,
        "valid_until": at + timedelta(days=36_500),
        "redeem_at": {"any": True},
        "created_at": at,
        "deliver_by": at + timedelta(days=36_500),
        "local_day": at.date(),
        "local_hour": at.hour + 1,
        "weekday": at.weekday(),
        "weather": None,
        "value_minor": 250,
        "currency": "EUR",
        "reserved": None,
    }
    return MomentRow(**(values | changes))


async def decide(db: Connection, *rows: MomentRow) -> None:
    """Write moments as the street does."""
    await moments.insert(db, moments=list(rows))


TAKE = {
    "delivered": "UPDATE moments SET state = 'delivered', delivered_at = $3 WHERE bucket = $1 AND id = $2",
    "opened": "UPDATE moments SET state = 'opened', opened_at = $3 WHERE bucket = $1 AND id = $2",
    "clicked": "UPDATE moments SET state = 'clicked', clicked_at = $3 WHERE bucket = $1 AND id = $2",
}


async def told(db: Connection, moment: MomentRow, *steps: Any) -> None:
    """Let a moment take steps, each with the app's event and its fact in one transaction."""
    for number, step in enumerate(steps):
        at = moment.created_at + timedelta(seconds=5 + number)
        async with db.transaction():
            await db.execute(TAKE[step], moment.bucket, moment.id, at)
            await db.execute(
                "INSERT INTO app_events (bucket, customer_id, id, moment_id, type, at) VALUES ($1, $2, $3, $4, $5, $6)",
                moment.bucket,
                moment.customer_id,
                new_id(bucket=moment.bucket),
                moment.id,
                step,
                at,
            )
            await funnel.note(db, moments=[moment.id], step=step)


class Taken(NamedTuple):
    """A pass that was given out."""

    serial: UUID
    moment: MomentRow


async def accept(db: Connection, moment: MomentRow, *, value: Money | None = COFFEE, uses: int = 1) -> Taken:
    """Give out the pass of a moment."""
    serial = new_id(bucket=moment.bucket)
    made = Pass(
        serial=serial,
        customer_id=moment.customer_id,
        moment_id=moment.id,
        offer_id=moment.offer_id,
        offer_version=1,
        state=PassState.ACTIVE,
        card=Card("Coffee", moment.offer_name),
        benefit=Benefit("free_item", value, uses=uses),
        uses_total=uses,
        uses_left=uses,
        valid_from=datetime(2000, 1, 1, tzinfo=UTC),
        valid_until=None,
        places=None,
        place_tag=None,
        key_id=1,
        token_sealed=b"sealed",
        modified_at=moment.created_at,
        created_at=moment.created_at,
    )
    async with db.transaction():
        await acceptances.insert(db, pass_=made, reward=REWARD)
    return Taken(serial, moment)


async def redeem(db: Connection, taken: Taken, *, till: str = "key:till") -> UUID:
    """Redeem a pass at the counter."""
    identifier = new_id(bucket=bucket_of(taken.serial))
    async with db.transaction():
        done = await redemptions.claim(
            db, id=identifier, serial=taken.serial, till=Till(STORE, till, 30), purchase=Purchase()
        )
    assert done is not None
    return identifier


async def reverse(db: Connection, redemption: UUID) -> None:
    """Take a redemption back."""
    async with db.transaction():
        given = await redemptions.reverse(
            db,
            id=new_id(bucket=bucket_of(redemption)),
            redemption_id=redemption,
            store_id=None,
            window=timedelta(minutes=15),
            by="user:admin",
            reason="mistake",
        )
    assert given is not None
    assert given.id is not None


async def offer_row(db: Connection, number: int = 1, *, name: str | None = None, document: str = "{}") -> UUID:
    """Put an offer's row there, for names in reports."""
    await db.execute(
        "INSERT INTO offers (id, name, version, document, author) VALUES ($1, $2, 1, $3, 'user:x')",
        offer_of(number),
        name or f"offer-{number}",
        document,
    )
    return offer_of(number)
