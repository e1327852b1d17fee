"""Ids sort by birth, carry their bucket and never repeat; tokens are secret, marked by kind and stored as a hash."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.ids import bucket_of
from server.store.ids import new_id, new_token, token_bucket, token_hash

buckets = st.integers(min_value=0, max_value=1023)
moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def milliseconds(identifier: UUID) -> int:
    return int.from_bytes(identifier.bytes[:6], "big")


@given(bucket=buckets, now=moments)
def test_an_id_is_a_version_7_uuid_of_its_time_and_bucket(bucket: int, now: datetime) -> None:
    identifier = new_id(bucket=bucket, now=now)
    assert identifier.version == 7
    assert identifier.variant == RFC_4122
    assert bucket_of(identifier) == bucket
    assert milliseconds(identifier) == (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_the_example_of_the_rfc_has_our_first_six_bytes() -> None:
    # RFC 9562 appendix A.6: Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00
    now = datetime(2022, 2, 22, 14, 22, 22, tzinfo=timezone(timedelta(hours=-5)))
    assert str(new_id(now=now)).startswith("017f22e2-79b0-7000-")


@given(now=moments, step=st.integers(min_value=1, max_value=10**9))
def test_a_later_microsecond_sorts_after_an_earlier_one(now: datetime, step: int) -> None:
    later = now + timedelta(microseconds=step)
    assert new_id(now=now) < new_id(now=later)


def test_without_a_time_the_clock_of_the_machine_is_taken() -> None:
    before = time.time_ns() // 1_000_000
    made = milliseconds(new_id())
    assert before <= made <= time.time_ns() // 1_000_000


def test_ten_thousand_ids_of_one_instant_and_one_bucket_are_all_different() -> None:
    now = datetime(2026, 11, 23, 7, 45, tzinfo=UTC)
    assert len({new_id(bucket=7, now=now) for _ in range(10_000)}) == 10_000


def test_without_a_bucket_the_low_bits_are_spread_over_all_buckets() -> None:
    seen = {bucket_of(new_id()) for _ in range(20_000)}
    assert len(seen) > 1_000, "a customer's own id decides its bucket: all must be reachable"


@pytest.mark.parametrize("bucket", [-1, 1024])
def test_a_bucket_out_of_range_is_refused(bucket: int) -> None:
    with pytest.raises(ValueError, match="bucket"):
        new_id(bucket=bucket)
    with pytest.raises(ValueError, match="bucket"):
        new_token("kc_", bucket=bucket)


def test_a_naive_time_and_a_time_before_1970_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        new_id(now=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="does not fit"):
        new_id(now=datetime(1969, 12, 31, tzinfo=UTC))


@given(bucket=buckets)
def test_a_token_tells_its_kind_and_its_bucket(bucket: int) -> None:
    token = new_token("kc_", bucket=bucket)
    assert token.startswith("kc_")
    assert token_bucket(token, "kc_") == bucket
    assert token_bucket(token, "ks_") is None
    assert len(token) == 3 + 3 + 43


def test_a_token_without_a_bucket_is_prefix_and_256_bits() -> None:
    tokens = {new_token("ks_") for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {3 + 43}


@pytest.mark.parametrize("prefix", ["", "kc", "KC_", "k c_", "_", "averylongkind_"])
def test_a_prefix_of_another_shape_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        new_token(prefix)


@pytest.mark.parametrize(
    "text", ["", "kc_", "kc_400" + "a" * 43, "kc_3ff" + "a" * 42, "kc_3ff" + "a" * 42 + "é", "x" * 5000]
)
def test_a_text_that_is_no_token_has_no_bucket(text: str) -> None:
    assert token_bucket(text, "kc_") is None


def test_the_hash_is_sha256_and_takes_any_text_a_header_can_hold() -> None:
    assert token_hash("kc_abc") == hashlib.sha256(b"kc_abc").digest()
    assert len(token_hash("\udcff\ud800")) == 32
