"""What is looked for among places, as the parameters of one statement."""

from __future__ import annotations

import pytest

from server.store.sought import WORLD, Bounds, Sought


def holds(sought: Sought, lon: float, lat: float) -> bool:
    """Whether a position lies in one of the boxes."""
    return any(box.low.x <= lon <= box.high.x and box.low.y <= lat <= box.high.y for box in sought.boxes)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        (Bounds(13.0, 52.0, 14.0, 53.0), [(13.0, 52.0), (13.5, 52.5), (14.0, 53.0)], [(12.9, 52.5), (13.5, 53.1)]),
        (Bounds(179.0, -18.0, -179.0, -16.0), [(179.5, -17.0), (-179.5, -17.0), (180.2, -17.0)], [(0.0, -17.0)]),
        (Bounds(-180.0, -18.0, -179.0, -16.0), [(-179.5, -17.0), (180.5, -17.0)], [(179.5, -17.0)]),
        (None, [(-180.0, -90.0), (180.0, 90.0), (0.0, 0.0), (180.4, 0.0)], []),
    ],
)
def test_a_part_of_the_map_may_lie_over_the_antimeridian(
    bounds: Bounds | None, inside: list[tuple[float, float]], outside: list[tuple[float, float]]
) -> None:
    sought = Sought(bounds)
    assert all(holds(sought, *each) for each in inside)
    assert not any(holds(sought, *each) for each in outside)


def test_the_world_is_everything() -> None:
    assert Sought(WORLD).boxes == Sought().boxes


@pytest.mark.parametrize(
    ("word", "pattern"), [("markt", "%markt%"), ("50%", r"%50\%%"), ("a_b", r"%a\_b%"), ("c:\\", r"%c:\\%")]
)
def test_what_like_would_take_for_a_joker_is_a_letter(word: str, pattern: str) -> None:
    assert Sought(words=[word]).patterns == [pattern]


def test_one_tag_is_a_list_of_one_and_none_an_empty_one() -> None:
    assert (Sought(tag="coffee").tags, Sought().tags) == (["coffee"], [])
