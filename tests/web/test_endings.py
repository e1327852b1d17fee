"""What ends is told to those who may act, in their language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from server.wallet.watch import NAMES, Code, Notice, say
from server.web.access import ANONYMOUS, Kind, Principal
from server.web.endings import may_see_to, tell

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ENDS = Notice("ends", "certificate", NOW + timedelta(days=12, hours=3))


def test_german_readers_are_told_in_german_and_others_in_english() -> None:
    assert tell([ENDS], now=NOW, language="de") == [
        "Das Zertifikat für Coupons endet am 05.12.2026, in 12 Tagen: danach kann kein Coupon signiert werden."
        " Jetzt erneuern."
    ]
    assert tell([ENDS], now=NOW, language="en") == [say(ENDS, now=NOW)]


@pytest.mark.parametrize("name", [*NAMES, "the APNs key"])
@pytest.mark.parametrize("code", get_args(Code))
def test_every_notice_has_a_german_sentence_with_all_that_the_english_one_says(code: Code, name: str) -> None:
    notice = Notice(
        code, name, datetime(2026, 12, 5, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC), "key.pem: is none."
    )
    (german,), english = tell([notice], now=NOW, language="de"), say(notice, now=NOW)
    for here, there in (
        ("2026-12-05", "05.12.2026"),
        ("2026-12-24", "24.12.2026"),
        ("key.pem: is none", "key.pem: is none"),
    ):
        assert (here in english) == (there in german)
    assert german != english
    assert german[0].isupper()
    assert german.endswith(".")
    assert "{" not in german


@pytest.mark.parametrize(
    ("roles", "may"),
    [({Kind.ADMIN}, True), ({Kind.MARKETER, Kind.ADMIN}, True), ({Kind.MARKETER, Kind.ANALYST}, False)],
)
def test_only_whoever_can_do_something_is_bothered(roles: set[Kind], may: bool) -> None:
    assert may_see_to(Principal(kind=next(iter(roles)), id="user:1", roles=frozenset(roles))) is may
    assert not may_see_to(ANONYMOUS)
