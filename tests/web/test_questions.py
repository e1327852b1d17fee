"""What is asked of a report is read as it was meant, or refused at the parameter it is about."""

from __future__ import annotations

from uuid import UUID

import pytest

from server.errors import Invalid
from server.store.cube import ALL, Filters
from server.web.questions import MOST_OFFERS, PlacedQuery, filters_of, offers_of

ONE, TWO = UUID(int=1), UUID(int=2)


def test_nothing_named_is_everything() -> None:
    assert filters_of(PlacedQuery()) == ALL
    assert ALL.named == ()


def test_keys_that_reports_show_are_understood() -> None:
    asked = PlacedQuery(offer_id=f"{ONE},{TWO},{ONE}", store_id="none", channel="push", weather="unknown", variant="v")
    found = filters_of(asked)
    assert found == Filters((ONE, TWO), UUID(int=0), "push", None, "v", "")
    assert found.named == ("offer_id", "place_id", "channel", "variant", "weather")
    assert found.given == [[ONE, TWO], UUID(int=0), "push", "v", ""]


@pytest.mark.parametrize("text", ["", "x", f"{ONE},", f"{ONE};{TWO}", ",".join([str(ONE), "coffee"])])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        offers_of(text)
    assert [each.field for each in refused.value.errors] == ["offer_id"]


def test_a_page_of_offers_may_be_asked_for_and_no_more() -> None:
    ids = [str(UUID(int=number)) for number in range(MOST_OFFERS + 1)]
    assert len(offers_of(",".join(ids[:-1])) or ()) == MOST_OFFERS
    with pytest.raises(Invalid):
        offers_of(",".join(ids))
    with pytest.raises(Invalid):
        filters_of(PlacedQuery(store_id="x"))
