"""A sharded mapping is a mapping: whatever is done to it, a plain dict says what must come out, and the old one stays."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.sharded import SHARDS, Sharded

# Few keys, so that they meet again; some of them lie in one shard.
keys = st.integers(0, 5).flatmap(lambda number: st.sampled_from([number, number + SHARDS, -number]))
steps = st.lists(st.tuples(st.dictionaries(keys, st.integers()), st.lists(keys)), max_size=6)


@given(begun=st.dictionaries(keys, st.integers()), steps=steps)
def test_it_says_what_a_dict_says_after_every_change_and_the_old_one_still_says_the_same(
    begun: dict[int, int], steps: list[tuple[dict[int, int], list[int]]]
) -> None:
    states = [(Sharded.of(begun.items()), dict(begun))]
    for put, drop in steps:
        made, due = states[-1]
        after = {key: value for key, value in due.items() if key not in drop} | put
        states.append((made.changed(put, drop), after))
    for made, due in states:
        assert made == due
        assert len(made) == len(due)
        assert dict(made.items()) == due
        assert sorted(made.values()) == sorted(due.values())
        assert list(made) == [key for key in made if key in due]
        for key in range(-6, 2 * SHARDS, 1021):
            assert made.get(key) == due.get(key)
            assert (key in made) == (key in due)


def test_a_key_that_is_not_there_is_an_error_or_the_default() -> None:
    made = Sharded[UUID, str]().changed({UUID(int=1): "one"})
    assert made[UUID(int=1)] == "one"
    assert made.get(UUID(int=2), "none") == "none"
    with pytest.raises(KeyError):
        made[UUID(int=2)]


def test_a_change_shares_all_but_the_shards_that_it_touches() -> None:
    before = Sharded.of((number, number) for number in range(10 * SHARDS))
    after = before.changed({7: -7}, [9])
    shards = [
        (a, b) for mine, theirs in zip(before.rows, after.rows, strict=True) for a, b in zip(mine, theirs, strict=True)
    ]
    assert sum(a is not b for a, b in shards) == 2
    assert (before[7], after[7], 9 in after) == (7, -7, False)
    assert (len(before), len(after)) == (10 * SHARDS, 10 * SHARDS - 1)


def test_what_is_put_at_once_into_an_empty_one_is_all_there() -> None:
    many = {number: str(number) for number in range(2 * SHARDS)}
    assert Sharded[int, str]().changed(many) == many
