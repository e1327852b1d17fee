"""What customers change about themselves."""

from __future__ import annotations

import pytest

from server.errors import Invalid, Unauthenticated
from server.pipeline.preferences import change
from server.pipeline.rules import Rules, programme_of
from server.store.customers import Change, Profile
from server.store.ids import new_id
from tests.builders import NOON
from tests.pipeline.town import Town, document, fix, settings, street

NOTHING = Rules(None, programme_of(settings()))  # type: ignore[arg-type]  # not loaded: segments are tried elsewhere
VERSION = "SELECT version FROM customer_state"


async def turn(town: Town, customer, topics: dict[str, bool | None], most: int = 100) -> Profile:
    async with town.pool.transaction() as db:
        to = Change(frozenset({"topics"}), topics=topics)
        return await change(db, customer_id=customer, to=to, topics_max=most, rules=NOTHING, now=NOON)


async def test_topics_are_merged_null_forgets_and_decisions_under_way_lose(town: Town) -> None:
    customer = await town.customer()
    assert (await turn(town, customer, {"coffee": True, "books": False})).topics == {"coffee": True, "books": False}
    assert (await turn(town, customer, {"coffee": False, "books": None})).topics == {"coffee": False}
    assert await town.count(VERSION) == 2


async def test_another_change_counts_up_nothing(town: Town) -> None:
    customer = await town.customer()
    async with town.pool.transaction() as db:
        to = Change(frozenset({"locale"}), locale="en-GB")
        after = await change(db, customer_id=customer, to=to, topics_max=1, rules=NOTHING, now=NOON)
    assert (after.locale, after.topics) == ("en-GB", {})
    assert await town.count(VERSION) == 0


async def test_a_topic_too_many_changes_nothing_however_they_come(town: Town) -> None:
    customer = await town.customer()
    await turn(town, customer, {"a": True, "b": False}, most=2)
    with pytest.raises(Invalid) as refused:
        await turn(town, customer, {"c": True}, most=2)
    assert [each.field for each in refused.value.errors] == ["topics"]
    assert (await turn(town, customer, {"a": None, "c": True}, most=2)).topics == {"b": False, "c": True}
    assert await town.count(VERSION) == 2


async def test_nobody_changes_a_customer_who_is_not_there(town: Town) -> None:
    with pytest.raises(Unauthenticated):
        await turn(town, new_id(), {"coffee": True})


async def test_an_offer_about_a_topic_that_was_turned_off_is_stopped_and_says_so(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(topic="coffee"))
    kim, robin = await town.customer(), await town.customer()
    await turn(town, kim, {"coffee": False, "books": True})
    async with street(db_dsn) as process:
        assert not (await process.ping(kim, fix())).moments
        assert len((await process.ping(robin, fix())).moments) == 1
    row = await town.rows("SELECT verdicts FROM receipts WHERE customer_id = $1", kim)
    assert '"gate": "consent"' in row[0]["verdicts"]
    assert "turned the topic coffee off" in row[0]["verdicts"]
