"""Segments as rows."""

from __future__ import annotations

from server.store import segments
from server.store.pool import Connection


async def test_a_segment_comes_back_with_its_condition(db: Connection) -> None:
    made = await segments.insert(db, name="regulars", document={"attribute": {"visits": {"gte": 3}}})
    assert made is not None
    assert await segments.page(db, after=None, limit=9) == [made]
    assert made.document == {"attribute": {"visits": {"gte": 3}}}


async def test_a_segment_may_have_no_condition(db: Connection) -> None:
    made = await segments.insert(db, name="vip", document=None)
    assert made is not None
    assert made.document is None


async def test_the_segments_told_from_outside_are_those_without_a_condition(undone: Connection) -> None:
    await segments.insert(undone, name="vip", document=None)
    await segments.insert(undone, name="regulars", document={"attribute": {"visits": {"gte": 3}}})
    assert await segments.told(undone, names=["vip", "regulars", "nobody"]) == {"vip"}
    assert await segments.told(undone, names=[]) == set()


async def test_a_name_is_given_once_and_the_transaction_goes_on(db: Connection) -> None:
    async with db.transaction():
        assert await segments.insert(db, name="vip", document=None) is not None
        assert await segments.insert(db, name="vip", document={}) is None
        assert await segments.insert(db, name="other", document=None) is not None
    assert [each.name for each in await segments.page(db, after=None, limit=9)] == ["other", "vip"]


async def test_the_list_goes_on_after_a_name(db: Connection) -> None:
    for name in ("c", "a", "b"):
        await segments.insert(db, name=name, document=None)
    assert [each.name for each in await segments.page(db, after="a", limit=1)] == ["b"]
