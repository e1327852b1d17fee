"""Ids that are derived: the same from the same, another from anything else, and each in its customer's shard."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.ids import bucket_of, event_id, firing_id, moment_id

words = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=3)


@settings(max_examples=25)
@given(st.uuids(), words, words)
def test_an_event_of_a_customer_has_one_id_in_their_shard(customer: UUID, first: list[str], second: list[str]) -> None:
    made = event_id(customer, *first)
    assert (made.version, made.variant, bucket_of(made)) == (8, RFC_4122, bucket_of(customer))
    assert (made == event_id(customer, *second)) == (first == second)


@settings(max_examples=25)
@given(words, words)
def test_a_firing_has_one_id_whoever_makes_it(first: list[str], second: list[str]) -> None:
    assert (firing_id(*first).version, firing_id(*first).variant) == (8, RFC_4122)
    assert (firing_id(*first) == firing_id(*second)) == (first == second)


def test_customers_do_not_share_ids_and_a_moment_is_no_event() -> None:
    one, other = UUID(int=1 << 10), UUID(int=2 << 10)
    assert event_id(one, "a") != event_id(other, "a")
    assert moment_id(one, one, one) != moment_id(other, one, one)
    # What phones and passes carry must not change: this is SHA-256 of the three ids, computed apart.
    assert moment_id(one, other, one) == UUID("19aa1b4d-ab13-8af0-bdfc-b4429c7fc400")
