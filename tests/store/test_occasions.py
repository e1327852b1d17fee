"""What waits to be decided: written once, listed when it is due, gone with the decision."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from server.model.ids import event_id
from server.store import occasions
from server.store.ids import new_id
from server.store.occasions import Due, Occasion
from server.store.pool import Connection
from tests.builders import NOON


def _purchase(customer: UUID, word: str = "one", **more: object) -> Occasion:
    return Occasion(event_id(customer, word), customer, "event", "purchase", NOON)._replace(**more)


async def test_what_is_told_twice_is_there_once_and_reads_back_as_it_was(undone: Connection) -> None:
    customer = new_id()
    full = Occasion(
        id=event_id(customer, "all"),
        customer_id=customer,
        kind="held",
        name="coffee",
        at=NOON,
        offer_id=new_id(),
        offer_version=3,
        geofence_id=new_id(),
        after=timedelta(days=14),
        due_at=NOON,
        ends_at=NOON + timedelta(hours=1),
    )
    await occasions.add(undone, occasions=[full, _purchase(customer)])
    await occasions.add(undone, occasions=[full._replace(name="tea")])
    asked = [Due(customer, full.id), Due(customer, _purchase(customer).id), Due(customer, new_id())]
    read = await occasions.pending(undone, asked=asked)
    assert set(read[customer]) == {full._replace(due_at=None), _purchase(customer)}


async def test_what_happened_is_due_at_once_and_what_is_held_at_its_time(undone: Connection) -> None:
    customer = new_id()
    now, held = _purchase(customer), _purchase(customer, "two", due_at=NOON + timedelta(hours=8))
    await occasions.add(undone, occasions=[now, held])
    assert await occasions.due(undone, now=NOON - timedelta(days=900), limit=9) == [Due(customer, now.id)]
    assert await occasions.due(undone, now=NOON + timedelta(hours=8), limit=9) == [
        Due(customer, now.id),
        Due(customer, held.id),
    ]
    assert await occasions.due(undone, now=NOON + timedelta(hours=8), limit=1) == [Due(customer, now.id)]


async def test_what_failed_waits_longer_each_time(undone: Connection) -> None:
    customer = new_id()
    mine = Due(customer, _purchase(customer).id)
    await occasions.add(undone, occasions=[_purchase(customer)])
    for tries in range(12):
        await occasions.postpone(undone, failed=[mine], now=NOON, broken=True)
        wait = timedelta(seconds=2 ** min(tries, 10))
        assert await occasions.due(undone, now=NOON + wait - timedelta(milliseconds=1), limit=9) == []
        assert await occasions.due(undone, now=NOON + wait, limit=9) == [mine]


async def test_what_came_to_a_busy_house_waits_a_second_each_time(undone: Connection) -> None:
    customer = new_id()
    mine = Due(customer, _purchase(customer).id)
    await occasions.add(undone, occasions=[_purchase(customer)])
    for _ in range(3):
        await occasions.postpone(undone, failed=[mine], now=NOON, broken=False)
        assert await occasions.due(undone, now=NOON + timedelta(milliseconds=999), limit=9) == []
        assert await occasions.due(undone, now=NOON + timedelta(seconds=1), limit=9) == [mine]
    assert await undone.fetchval("SELECT tries FROM occasions") == 0


async def test_what_waits_is_counted_up_to_a_limit(undone: Connection) -> None:
    customer = new_id()
    told = [_purchase(customer, str(number)) for number in range(5)]
    await occasions.add(undone, occasions=[*told, _purchase(customer, "later", due_at=NOON + timedelta(hours=1))])
    assert [await occasions.backlog(undone, now=NOON, most=most) for most in (3, 5, 9)] == [3, 5, 5]


async def test_what_was_decided_is_gone_and_the_rest_stays(undone: Connection) -> None:
    customer, other = new_id(), new_id()
    await occasions.add(undone, occasions=[_purchase(customer), _purchase(customer, "two"), _purchase(other)])
    await occasions.settle(undone, done=[Due(customer, _purchase(customer).id)])
    left = {each.id for each in await occasions.due(undone, now=NOON, limit=9)}
    assert left == {_purchase(customer, "two").id, _purchase(other).id}
    await occasions.forget(undone, customer_id=customer)
    assert [each.customer_id for each in await occasions.due(undone, now=NOON, limit=9)] == [other]
