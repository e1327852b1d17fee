"""A store card: the balance is what is seen first."""

from __future__ import annotations

import json

from passes.model import Field, Fields, Role, Section
from passes.styles.store_card import STYLE
from passes.testing import check
from tests.passes.samples import NOW, coupon, template, unzipped


def test_its_class_at_google_is_loyalty() -> None:
    assert STYLE.google == "loyalty"


def test_the_balance_is_the_primary_field() -> None:
    assert STYLE.places[Role.BALANCE] is Section.PRIMARY
    assert STYLE.places[Role.HEADLINE] is Section.SECONDARY


def test_a_card_shows_its_points_as_a_number() -> None:
    fields = Fields(primary=(Field("points", 120, "POINTS", change_message="%@ points"),))
    pkpass = template().build(coupon(style="store_card", fields=fields), signed_at=NOW)
    assert check(pkpass) == []
    assert json.loads(unzipped(pkpass)["pass.json"])["storeCard"]["primaryFields"][0]["value"] == 120
