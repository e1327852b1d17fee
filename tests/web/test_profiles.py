"""What customers may say of themselves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from server.errors import Invalid
from server.model.customer import Consents
from server.web.profiles import ConsentsBody, Locale, check_profile, consents_answer, said


@pytest.mark.parametrize(
    ("time_zone", "attributes", "field"),
    [
        ("Europe/Atlantis", None, "time_zone"),
        ("+02:00", None, "time_zone"),
        (None, {"": 1}, "attributes"),
        (None, {"1st": 1}, "attributes"),
        (None, {"a" * 65: 1}, "attributes"),
        (None, {"a": "x" * 501}, "attributes.a"),
        (None, {f"a{n}": n for n in range(101)}, "attributes"),
    ],
)
def test_what_a_profile_may_not_hold_is_named(time_zone: str | None, attributes: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_profile(time_zone=time_zone, attributes=attributes)
    assert [error.field for error in refused.value.errors] == [field]


def test_what_a_profile_may_hold_is_taken() -> None:
    check_profile(
        time_zone="America/Argentina/Buenos_Aires", attributes={"first_name": "Zoë", "n": 1, "b": False, "x": None}
    )
    check_profile(time_zone=None, attributes=None)


@pytest.mark.parametrize("locale", ["de", "de-DE", "pt_BR", "zh-Hant-TW", "fil"])
def test_locales_are_taken_in_both_spellings(locale: str) -> None:
    assert msgspec.convert(locale, Locale) == locale


@pytest.mark.parametrize("locale", ["", "d", "deutsch", "de-", "de DE", "de-DE\n", "<b>"])
def test_what_is_no_locale_is_refused(locale: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(locale, Locale)


def test_only_purposes_that_were_named_count_as_said() -> None:
    assert said(msgspec.convert({}, ConsentsBody)) == {}
    assert said(msgspec.convert({"push": False, "location": True}, ConsentsBody)) == {"push": False, "location": True}
    assert consents_answer(Consents(profiling=True)).profiling
