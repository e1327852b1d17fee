"""Codes are judged at the true time, also in a house whose day was moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from server.web.own import NoAccount, locks_of, me


def a_call(**more: Any) -> Any:
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    clock = SimpleNamespace(now=lambda: noon)
    parts = SimpleNamespace(secrets="keyring", clock=clock, ahead=timedelta(hours=1))
    return cast(Any, SimpleNamespace(parts=parts, **more))


def test_a_phone_knows_nothing_of_a_day_that_was_moved() -> None:
    locks = locks_of(a_call())
    assert locks.keyring == "keyring"  # type: ignore[comparison-overlap]
    assert locks.now == datetime(2026, 11, 28, 12, tzinfo=UTC) - timedelta(hours=1)


def test_nobody_is_nobody() -> None:
    with pytest.raises(NoAccount):
        me(a_call(principal=SimpleNamespace(user_id=None), log_in=None))
