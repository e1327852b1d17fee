"""A generic pass: memberships and whatever has no style of its own."""

from __future__ import annotations

from passes.model import Field, Fields, Role, Section
from passes.styles.generic import STYLE
from passes.testing import check
from tests.passes.samples import NOW, coupon, template


def test_its_class_at_google_is_generic() -> None:
    assert STYLE.google == "generic"


def test_a_membership_shows_four_fields_in_each_of_two_rows() -> None:
    rows = {
        section: tuple(Field(f"{section}{number}", "x") for number in range(4))
        for section in ("secondary", "auxiliary")
    }
    pkpass = template().build(coupon(style="generic", fields=Fields(**rows)), signed_at=NOW)
    assert check(pkpass) == []


def test_a_membership_shows_a_thumbnail_and_no_strip() -> None:
    assert set(STYLE.images) == {"icon", "logo", "thumbnail"}
    assert STYLE.places[Role.HEADLINE] is Section.PRIMARY
