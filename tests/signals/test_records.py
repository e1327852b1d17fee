"""Records come out of a portion as they went in, each once, whatever beside them was taken out."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from server.signals.records import RECORD, Entry, named, once, without

floats = st.floats(allow_nan=False, allow_infinity=False)
records = st.builds(
    lambda lat, lon, reach, number: RECORD.pack(lat, lon, reach, UUID(int=number).bytes),
    floats,
    floats,
    floats,
    st.integers(0, 8),
)


@given(st.lists(records, max_size=8, unique=True), st.integers(0, 9))
def test_what_is_taken_out_is_gone_and_the_rest_is_as_it_was(portion: list[bytes], number: int) -> None:
    gone = portion[number] if number < len(portion) else RECORD.pack(0, 0, 0, UUID(int=99).bytes)
    assert without(b"".join(portion), gone) == b"".join(record for record in portion if record != gone)


def test_what_looks_like_a_record_across_two_others_is_none() -> None:
    one, two = bytes(range(40)), bytes(range(40, 80))
    across = one[8:] + two[:8]
    assert without(one + two, across) == one + two
    assert without(one + two + across, across) == one + two


@given(st.lists(records, max_size=8, unique_by=lambda record: record[24:]))
def test_who_lies_in_several_cells_is_read_once(portion: list[bytes]) -> None:
    read = once([b"".join(portion[:5]), b"".join(portion[3:])])
    assert [RECORD.pack(*entry) for entry in read] == portion


def test_a_record_tells_where_how_far_and_who() -> None:
    [entry] = once([RECORD.pack(52.5, 13.4, -250.0, UUID(int=7).bytes)])
    assert entry == Entry(52.5, 13.4, -250.0, UUID(int=7).bytes)
    assert (entry.outer_m, named(entry.name)) == (250.0, UUID(int=7))
