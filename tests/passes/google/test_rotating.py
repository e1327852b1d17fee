"""Rotating codes against the vectors of RFC 6238 and RFC 4226."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.errors import GoogleError
from passes.google.rotating import (
    PERIOD,
    Shown,
    read_code,
    rotating_barcode,
    step_at,
    step_of,
    totp,
    without_secret,
)
from passes.model import Symbology
from tests.passes.google.discovery import objections
from tests.passes.samples import NOW

RFC_KEY = b"12345678901234567890"
KEY = bytes(range(20))
STEP = step_at(NOW)


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_rfc_6238(seconds: int, value: str) -> None:
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert totp(RFC_KEY, step_at(now)) == value
    assert step_of(value, key=RFC_KEY, now=now) == seconds // 30


@pytest.mark.parametrize(
    ("count", "value"),
    list(
        enumerate(["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"])
    ),
)
def test_the_codes_are_those_of_rfc_4226(count: int, value: str) -> None:
    assert totp(RFC_KEY, count, digits=6) == value


@pytest.mark.parametrize(("away", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_one_step_to_either_side(away: int, good: bool) -> None:
    assert step_of(totp(KEY, STEP + away), key=KEY, now=NOW) == (STEP + away if good else None)


def test_the_step_is_told_so_that_it_can_be_refused_the_second_time() -> None:
    value = totp(KEY, STEP)
    steps = {step_of(value, key=KEY, now=NOW + timedelta(seconds=late)) for late in (0, 20, 40)}
    assert steps == {STEP}


def test_another_key_another_length_and_no_digits_are_refused() -> None:
    assert step_of(totp(RFC_KEY, STEP), key=KEY, now=NOW) is None
    assert step_of(totp(KEY, STEP)[:-1], key=KEY, now=NOW) is None
    assert step_of(totp(KEY, STEP, digits=6), key=KEY, now=NOW) is None
    assert step_of(totp(KEY, STEP, digits=6), key=KEY, now=NOW, digits=6) == STEP
    for odd in ("", "٣" * 8, "\ud800"):
        assert step_of(odd, key=KEY, now=NOW) is None


def test_the_zone_of_the_clock_does_not_matter() -> None:
    assert step_at(NOW.astimezone(timezone(timedelta(hours=14)))) == STEP
    with pytest.raises(ValueError, match="zone"):
        step_at(NOW.replace(tzinfo=None))


def test_another_period_has_other_steps() -> None:
    assert step_at(NOW, period=timedelta(seconds=60)) == STEP // 2
    assert step_of(totp(KEY, STEP // 2), key=KEY, now=NOW, period=timedelta(seconds=60)) == STEP // 2


def test_at_the_beginning_of_time_there_is_no_step_before_the_first() -> None:
    assert step_of(totp(KEY, 0), key=KEY, now=datetime(1970, 1, 1, tzinfo=UTC)) == 0


def test_the_body_is_the_one_that_google_describes() -> None:
    body = rotating_barcode(prefix="1.k1.abc", key=KEY, alt_text="ABC", symbology=Symbology.PDF417)
    assert body == {
        "type": "PDF_417",
        "valuePattern": "1.k1.abc.{totp_value_0}",
        "totpDetails": {
            "algorithm": "TOTP_SHA1",
            "periodMillis": "30000",
            "parameters": [{"key": "000102030405060708090A0B0C0D0E0F10111213", "valueLength": 8}],
        },
        "alternateText": "ABC",
    }
    assert objections("RotatingBarcode", body) == []


def test_what_the_phone_shows_is_read_back() -> None:
    body = rotating_barcode(prefix="1.k1.abc", key=KEY)
    text = body["valuePattern"].replace("{totp_value_0}", totp(KEY, STEP))
    assert read_code(text) == Shown("1.k1.abc", totp(KEY, STEP))


NO_CODES = ["", "1.k1.abc", "12345678", ".12345678", "a b.12345678", "a.12345", "a.123456789", "a.１２３４５６７８"]


@pytest.mark.parametrize("text", NO_CODES)
def test_what_is_no_rotating_code_is_none(text: str) -> None:
    assert read_code(text) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": bytes(15)}, "google.totp_key"),
        ({"digits": 5}, "google.totp_digits"),
        ({"digits": 9}, "google.totp_digits"),
        ({"prefix": ""}, "google.pattern"),
        ({"prefix": "{totp_value_0}"}, "google.pattern"),
        ({"prefix": "a b"}, "google.pattern"),
        ({"period": timedelta(0)}, "google.period"),
        ({"period": timedelta(seconds=1, microseconds=1)}, "google.period"),
    ],
)
def test_a_weak_or_odd_code_is_refused(changes: dict[str, object], code: str) -> None:
    given: dict[str, object] = {"prefix": "a", "key": KEY, "period": PERIOD}
    with pytest.raises(GoogleError) as caught:
        rotating_barcode(**(given | changes))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_the_secret_is_left_out_of_what_is_logged() -> None:
    body = {"id": "1.2", "rotatingBarcode": rotating_barcode(prefix="a", key=KEY)}
    assert KEY.hex().upper() not in str(without_secret(body))
    assert without_secret(body)["rotatingBarcode"]["valuePattern"] == "a.{totp_value_0}"
    assert KEY.hex().upper() in str(body)
    assert without_secret({"id": "1.2"}) == {"id": "1.2"}


@settings(deadline=None, database=None)
@given(
    st.binary(min_size=16, max_size=64),
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 the zone follows
    st.integers(6, 8),
)
def test_every_phone_and_every_counter_agree(key: bytes, now: datetime, digits: int) -> None:
    step = step_at(now)
    value = totp(key, step, digits=digits)
    assert (len(value), value.isdigit()) == (digits, True)
    found = step_of(value, key=key, now=now, digits=digits)
    assert found is not None
    # Two neighbouring steps may show the same digits once in a million; then the later one is taken.
    assert step - 1 <= found <= step + 1
    assert totp(key, found, digits=digits) == value
