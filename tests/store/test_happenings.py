"""What happens is an event and an occasion, both or neither, and once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from server.model.ids import bucket_of, event_id
from server.model.money import Money
from server.store import happenings
from server.store.happenings import Happening
from server.store.ids import new_id
from server.store.pool import Connection
from tests.builders import NOON

ONE = "SELECT e.*, o.kind, o.after_s, o.geofence_id, o.at AS occurred FROM customer_events e JOIN occasions o USING (bucket, id)"


async def test_an_event_is_written_with_its_occasion(undone: Connection) -> None:
    customer, store, fence = new_id(), new_id(), new_id()
    await undone.execute(
        "INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, geofence_id) VALUES ($1, 'M', 1, 1, 60, 'UTC', $2)",
        store,
        fence,
    )
    bought = Happening(
        id=event_id(customer, "purchase", "1"),
        customer_id=customer,
        name="purchase",
        at=NOON,
        store_id=store,
        amount=Money(1290, "EUR"),
        order_id="W-1",
        items=[{"sku": "beans"}],
    )
    assert await happenings.tell(undone, happenings=[bought]) == {bought.id}
    [row] = await undone.fetch(ONE)
    assert (row["bucket"], row["name"], row["at"], row["occurred"]) == (bucket_of(customer), "purchase", NOON, NOON)
    assert (row["amount_minor"], row["currency"], row["order_id"], row["store_id"]) == (1290, "EUR", "W-1", store)
    assert (json.loads(row["items"]), row["kind"], row["geofence_id"]) == ([{"sku": "beans"}], "event", fence)


async def test_the_same_id_and_the_same_order_count_once(undone: Connection) -> None:
    customer, other = new_id(), new_id()
    first = Happening(event_id(customer, "a"), customer, "purchase", NOON, amount=Money(1, "EUR"), order_id="W-1")
    assert await happenings.tell(undone, happenings=[first, first._replace(at=NOON)]) == {first.id}
    assert await happenings.tell(undone, happenings=[first._replace(amount=Money(2, "EUR"))]) == set()
    assert await happenings.tell(undone, happenings=[first._replace(id=event_id(customer, "b"))]) == set()
    theirs = first._replace(id=event_id(other, "a"), customer_id=other)
    assert await happenings.tell(undone, happenings=[theirs]) == {theirs.id}
    assert await undone.fetchval("SELECT count(*) FROM occasions") == 2


async def test_a_spell_of_absence_says_how_long_it_lasted(undone: Connection) -> None:
    customer = new_id()
    spell = Happening(event_id(customer, "x"), customer, "inactivity", NOON, after=timedelta(days=14))
    await happenings.tell(undone, happenings=[spell])
    assert [row["after_s"] for row in await undone.fetch(ONE)] == [14 * 86_400]


@pytest.mark.parametrize("name", ["purchase", "visit"])
async def test_orders_are_a_purchases_alone(undone: Connection, name: str) -> None:
    customer = new_id()
    told = [Happening(event_id(customer, str(n)), customer, name, NOON, order_id="W-1") for n in range(2)]
    new = [await happenings.tell(undone, happenings=[each]) for each in told]
    assert sum(map(len, new)) == (1 if name == "purchase" else 2)
