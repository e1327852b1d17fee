"""Rows that the counter's tests begin with: a town of stores, an offer, customers, and moments ready to be taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from server.configuration import load
from server.model.ids import bucket_of
from server.pipeline.accept import accept
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.redemptions import Purchase, Till
from server.wallet.certificates import Files, signing_of
from server.wallet.codes import issue_code
from server.wallet.issue import Desk
from server.wallet.keyring import Keyring, open_keyring
from server.wallet.signers import Signers
from tests.passes import samples

COFFEE: Mapping[str, Any] = {
    "type": "free_item",
    "sku": "coffee-small",
    "value": {"minor": 250, "currency": "EUR"},
    "uses": 1,
}
TITLES = {"de-DE": {"title": "Kaffee aufs Haus", "body": "…"}, "en-US": {"title": "Coffee on us", "body": "…"}}
NO_PURCHASE = Purchase()
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def the_desk(
    folder: Path, *, public_url: str = "https://kairos.example", signs_codes: bool = False
) -> tuple[Desk, Keyring]:
    """A desk with the samples' certificate, and its keyring."""
    keyring = open_keyring(folder, now=SINCE)
    return Desk(sample_signers(), keyring=keyring, public_url=public_url, signs_codes=signs_codes), keyring


def sample_signers() -> Signers:
    """The samples' certificate alone."""
    signing = signing_of(Files("", Path(), Path(), Path()), samples.template())
    return Signers(load(environment={}), log=structlog.get_logger(), signings=[signing])


def till(store_id: UUID, *, name: str = "key:till-1", wrong_codes: int = 30) -> Till:
    return Till(store_id, name, wrong_codes)


async def add_store(db: Connection, **changes: Any) -> UUID:
    """A store; `lat`, `lon`, `name`, `tags`, `time_zone`, `deleted_at` may be given."""
    given: dict[str, Any] = {"lat": 48.3984, "lon": 9.9916, "name": "Marktplatz", "tags": ["store"]}
    given |= {"time_zone": "Europe/Berlin", "deleted_at": None} | changes
    identifier, fence = new_id(), new_id()
    await db.execute(
        "INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, tags, geofence_id, deleted_at) "
        "VALUES ($1, $2, $3, $4, 100, $5, $6, $7, $8)",
        identifier,
        given["name"],
        given["lat"],
        given["lon"],
        given["time_zone"],
        given["tags"],
        fence,
        given["deleted_at"],
    )
    await db.execute(
        "INSERT INTO geofences (id, name, lat, lon, radius_m, store_id, changed) VALUES ($1, $2, $3, $4, 100, $5, 1)",
        fence,
        given["name"],
        given["lat"],
        given["lon"],
        identifier,
    )
    return identifier


async def add_offer(db: Connection, *, contents: Mapping[str, Any] = TITLES, name: str | None = None) -> UUID:
    """A live offer with one version, and its budget's row."""
    identifier = new_id()
    moment = {"surfaces": ["in_app"], "content": contents, "fallback_locale": next(iter(contents))}
    when = {"trigger": "enter", "places": {"any": True}}
    document = json.dumps({"name": name or f"offer-{identifier}", "when": when, "moment": moment})
    await db.execute(
        "INSERT INTO offers (id, name, status, version, live_version, document, author) "
        "VALUES ($1, $2, 'live', 1, 1, $3, 'tests')",
        identifier,
        name or f"offer-{identifier}",
        document,
    )
    await db.execute(
        "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 1, $2, 'tests')",
        identifier,
        document,
    )
    await db.execute("INSERT INTO budgets (offer_id) VALUES ($1)", identifier)
    return identifier


async def add_customer(db: Connection, *, locale: str = "en-US") -> UUID:
    identifier = new_id()
    await db.execute(
        "INSERT INTO customers (bucket, id, locale) VALUES ($1, $2, $3)", bucket_of(identifier), identifier, locale
    )
    return identifier


async def add_moment(db: Connection, *, customer_id: UUID, offer_id: UUID, **changes: Any) -> UUID:
    """A moment that was delivered and carries a coffee; any column may be given (JSON ones as Python values)."""
    now: datetime = await db.fetchval("SELECT clock_timestamp()")
    identifier = new_id(bucket=bucket_of(customer_id))
    row: dict[str, Any] = {
        "bucket": bucket_of(customer_id),
        "id": identifier,
        "customer_id": customer_id,
        "offer_id": offer_id,
        "offer_version": 1,
        "offer_name": "coffee-morning",
        "held_out": False,
        "variant": "card",
        "placement": "card",
        "channel": "in_app",
        "pressure": "marketing",
        "title": "Coffee on us",
        "body": "Until 11",
        "action": {"type": "pass"},
        "reward": COFFEE,
        "valid_from": now,
        "valid_until": now + timedelta(hours=2),
        "redeem_at": {"any": True},
        "state": "delivered",
        "created_at": now,
        "deliver_by": now + timedelta(minutes=5),
        "local_day": date(2026, 11, 23),
        "local_hour": 9,
        "weekday": 0,
        "weather": "drizzle",
        "value_minor": 250,
        "currency": "EUR",
        "reserved": None,
    } | changes
    for name in ("action", "reward", "redeem_at", "reserved"):
        row[name] = None if row[name] is None else json.dumps(row[name])
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await db.execute(f"INSERT INTO moments ({', '.join(row)}) VALUES ({marks})", *row.values())
    return row["id"] if isinstance(row["id"], UUID) else identifier


@dataclass(frozen=True, slots=True)
class Scene:
    """One customer with a pass, and where it may be used."""

    store_id: UUID
    offer_id: UUID
    customer_id: UUID
    moment_id: UUID
    serial: UUID
    code: str
    desk: Desk = field(repr=False)
    keyring: Keyring = field(repr=False)

    @property
    def till(self) -> Till:
        return till(self.store_id)


async def set_scene(db: Connection, folder: Path, *, uses: int = 1, **moment: Any) -> Scene:
    """A store, an offer, a customer, a moment (its columns may be given), and its pass."""
    desk, keyring = the_desk(folder)
    store_id, offer_id, customer_id = await add_store(db), await add_offer(db), await add_customer(db)
    columns = {"reward": dict(COFFEE) | {"uses": uses}} | moment
    moment_id = await add_moment(db, customer_id=customer_id, offer_id=offer_id, **columns)
    async with db.transaction():
        accepted = await accept(db, moment_id=moment_id, customer_id=customer_id, desk=desk)
    serial = accepted.pass_.serial
    desk.close()
    now = accepted.pass_.created_at
    code = issue_code(serial, keyring=keyring, key_id=accepted.pass_.key_id, now=now)
    return Scene(store_id, offer_id, customer_id, moment_id, serial, code, desk, keyring)


async def row_of(db: Connection, serial: UUID) -> dict[str, Any]:
    """The pass's row as it is."""
    found = await db.fetchrow("SELECT * FROM passes WHERE serial = $1", serial)
    assert found is not None
    return dict(found)


async def steps_of(db: Connection, moment_id: UUID) -> list[tuple[str, int, int, str]]:
    """The facts of a moment: step, delta, value, currency, in the order of writing."""
    rows = await db.fetch(
        "SELECT step, delta, value_minor, currency FROM funnel_facts WHERE moment_id = $1 ORDER BY ctid", moment_id
    )
    return [tuple(row) for row in rows]


async def gathered(*work: Any) -> list[Any]:
    """All results, errors among them."""
    return list(await asyncio.gather(*work, return_exceptions=True))
