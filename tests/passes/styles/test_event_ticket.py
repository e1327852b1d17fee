"""An event ticket: dated, and grouped with others of the same event."""

from __future__ import annotations

import json

from passes.model import Field, Fields
from passes.styles.event_ticket import STYLE
from passes.testing import check
from tests.passes.samples import NOW, template, ticket, unzipped


def test_its_class_at_google_is_event_ticket() -> None:
    assert STYLE.google == "eventTicket"


def test_a_ticket_has_a_date_and_a_group() -> None:
    document = json.loads(unzipped(template().build(ticket(), signed_at=NOW))["pass.json"])
    assert document["groupingIdentifier"] == "tasting"
    assert "relevantDates" in document
    assert (STYLE.may_be_dated, STYLE.may_group) == (True, True)


def test_a_strip_goes_with_neither_background_nor_thumbnail() -> None:
    assert STYLE.excludes == (("strip", "background"), ("strip", "thumbnail"))


def test_a_ticket_has_room_for_two_rows_of_auxiliary_fields() -> None:
    rows = tuple(Field(str(number), "x", row=number // 4) for number in range(8))
    pkpass = template().build(ticket(fields=Fields(auxiliary=rows)), signed_at=NOW)
    assert check(pkpass) == []
