"""Endpoints: kept, changed, turned off by what happens to them, and never more than there is room for."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from server.store import webhook_calls, webhook_events, webhooks
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.webhooks import Endpoint
from tests import hooks, lives
from tests.builders import NOON

DAYS = timedelta(days=5)


async def found(db: Connection, webhook_id: UUID) -> Endpoint:
    row = await webhooks.find(db, webhook_id=webhook_id)
    assert row is not None
    return row


async def failing(db: Connection, webhook_id: UUID, *, days: float) -> None:
    """Let it have failed since so many days."""
    await webhooks.went_badly(db, webhook_id=webhook_id, gone=False, patience=DAYS)
    since = timedelta(days=days)
    await db.execute(
        "UPDATE webhooks SET failing_since = clock_timestamp() - $2::interval WHERE id = $1", webhook_id, since
    )


async def test_an_endpoint_is_kept_as_it_was_given(undone: Connection) -> None:
    made = await hooks.endpoint(undone, "kairos.pass.issued")
    assert await found(undone, made.id) == made
    assert (made.enabled, made.disabled_for, made.failing_since, made.old_sealed) == (True, None, None, None)
    assert (made.url, made.events, made.secret_sealed) == (hooks.URL, ["kairos.pass.issued"], b"sealed")
    assert await webhooks.find(undone, webhook_id=new_id()) is None


async def test_there_are_no_more_endpoints_than_there_is_room_for(undone: Connection) -> None:
    for _ in range(3):
        await hooks.endpoint(undone, most=3)
    arguments = {"url": hooks.URL, "description": None, "events": ["*"], "secret_sealed": b"x", "most": 3}
    assert await webhooks.insert(undone, id=new_id(), **arguments) is None


async def test_pages_go_from_the_newest_to_the_oldest(undone: Connection) -> None:
    made = [(await hooks.endpoint(undone)).id for _ in range(5)]
    first = await webhooks.page(undone, before=None, limit=3)
    rest = await webhooks.page(undone, before=first[-1].id, limit=3)
    assert [each.id for each in (*first, *rest)] == made[::-1]


async def test_an_address_is_in_no_repr(undone: Connection) -> None:
    made = await hooks.endpoint(undone, url="https://hooks.example.com/canary", sealed=b"canary")
    assert "canary" not in repr(made)


async def test_the_secret_of_before_is_kept_until_its_time_is_over(undone: Connection) -> None:
    made = await hooks.endpoint(undone, sealed=b"first")
    after = await webhooks.rotate(undone, webhook_id=made.id, secret_sealed=b"second", overlap=timedelta(hours=24))
    assert after is not None
    assert (after.secret_sealed, after.old_sealed) == (b"second", b"first")
    assert after.old_until is not None
    again = await webhooks.rotate(undone, webhook_id=made.id, secret_sealed=b"third", overlap=timedelta())
    assert again is not None
    assert (again.secret_sealed, again.old_sealed, again.old_until) == (b"third", None, None)
    assert await webhooks.rotate(undone, webhook_id=new_id(), secret_sealed=b"x", overlap=timedelta()) is None


async def test_an_endpoint_that_answers_again_begins_anew(undone: Connection) -> None:
    made = await hooks.endpoint(undone)
    await failing(undone, made.id, days=4.9)
    assert await webhooks.went_badly(undone, webhook_id=made.id, gone=False, patience=DAYS) is None
    await webhooks.went_well(undone, webhook_id=made.id)
    assert (await found(undone, made.id)).failing_since is None
    assert await webhooks.went_badly(undone, webhook_id=made.id, gone=False, patience=DAYS) is None
    assert (await found(undone, made.id)).enabled


async def test_an_endpoint_that_failed_for_days_is_turned_off_once(undone: Connection) -> None:
    made, other = await hooks.endpoint(undone), await hooks.endpoint(undone)
    await failing(undone, made.id, days=5.1)
    told = [await webhooks.went_badly(undone, webhook_id=made.id, gone=False, patience=DAYS) for _ in range(3)]
    assert told == ["failing", None, None]
    assert ((await found(undone, made.id)).enabled, (await found(undone, made.id)).disabled_for) == (False, "failing")
    assert (await found(undone, other.id)).enabled
    assert await webhooks.count_broken(undone) == 1


async def test_an_endpoint_that_is_gone_is_turned_off_at_once(undone: Connection) -> None:
    made = await hooks.endpoint(undone)
    told = [await webhooks.went_badly(undone, webhook_id=made.id, gone=True, patience=DAYS) for _ in range(2)]
    assert told == ["gone", None]
    assert (await found(undone, made.id)).disabled_for == "gone"


@pytest.mark.parametrize("gone", [True, False])
async def test_whoever_turns_it_on_again_gives_it_another_chance(undone: Connection, gone: bool) -> None:
    made = await hooks.endpoint(undone)
    await failing(undone, made.id, days=6)
    await webhooks.went_badly(undone, webhook_id=made.id, gone=gone, patience=DAYS)
    after = await webhooks.change(
        undone, webhook_id=made.id, url=made.url, description="again", events=["*"], enabled=True
    )
    assert after is not None
    assert (after.enabled, after.disabled_for, after.failing_since, after.description) == (True, None, None, "again")
    assert await webhooks.count_broken(undone) == 0
    assert await webhooks.went_badly(undone, webhook_id=made.id, gone=False, patience=DAYS) is None


async def test_one_that_a_person_turned_off_is_not_broken(undone: Connection) -> None:
    made = await hooks.endpoint(undone)
    await webhooks.change(undone, webhook_id=made.id, url=made.url, description=None, events=["*"], enabled=False)
    assert await webhooks.count_broken(undone) == 0
    assert await webhooks.went_badly(undone, webhook_id=made.id, gone=True, patience=DAYS) is None
    assert (await found(undone, made.id)).disabled_for is None


async def test_an_endpoint_goes_with_its_log_and_leaves_the_others(undone: Connection) -> None:
    made, other = await hooks.endpoint(undone), await hooks.endpoint(undone)
    await lives.decide(undone, lives.row())
    for each in (made, other):
        await webhook_events.test(undone, webhook_id=each.id, now=NOON)
    assert await webhooks.remove(undone, webhook_id=made.id)
    assert not await webhooks.remove(undone, webhook_id=made.id)
    assert await hooks.calls(undone, made.id) == set()
    assert len(await hooks.calls(undone, other.id)) == 1
    assert await webhook_calls.log(undone, webhook_id=other.id, after=None, state=None, limit=9)
