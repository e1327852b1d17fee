"""Webhooks of an open house: what the settings say of where, how long and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.channels.webhook import Endpoint, Message
from server.errors import Misconfigured
from server.opening.outbox import terms_of
from server.opening.webhooks import TRIES, patient, unshifted, webhooks_of
from server.pipeline.webhook_queue import Patience, WebhookQueue
from server.store.ids import new_id
from tests.builders import NOON
from tests.standins.webhook import Receiver
from tests.web.serving import NoPool, parts_of, settings_with


async def opened(**changes: Any) -> AsyncIterator[WebhookQueue]:
    queue = webhooks_of(parts_of(settings_with(**changes), NoPool()), NoPool())  # type: ignore[arg-type]
    yield queue
    await queue.close()


@pytest.mark.parametrize(("mode", "reached"), [("test", 1), ("production", 0)])
async def test_loopback_is_reached_in_test_mode_alone(mode: str, reached: int) -> None:
    async with Receiver() as receiver:
        async for queue in opened(mode=mode):
            await queue._way.send(Message(new_id(), b"{}"), Endpoint(receiver.url, [b"s"]), now=NOON)
    assert len(receiver.heard) == reached


async def test_patience_places_and_deadline_are_those_of_the_settings() -> None:
    given = {"retry_hours": 5, "disable_after_days": 2, "deadline_s": 0.7, "each_at_once": 3}
    async for queue in opened(**{f"webhooks__{name}": value for name, value in given.items()}):
        assert queue._each == 3
        assert queue._patience == Patience(timedelta(hours=5), timedelta(days=2))
        assert queue._way._deadline_s == 0.7


async def test_an_authority_that_cannot_be_read_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"webhooks\.ca_file"):
        async for _ in opened(webhooks__ca_file=str(tmp_path / "none.pem")):
            pass


def test_messages_are_signed_by_the_true_time_also_where_the_day_was_moved() -> None:
    class Wall:
        def now(self) -> datetime:
            return NOON + timedelta(days=40)

    settings = settings_with(clock_shift_s=40 * 86_400.0)
    assert unshifted(parts_of(settings, NoPool(), clock=Wall()))() == NOON


def test_a_call_is_tried_for_three_days_and_its_end_is_never_the_engines() -> None:
    settings = settings_with()
    terms = patient(terms_of(settings.outbox, "webhooks"), settings.webhooks)
    assert (terms.attempts, terms.first_retry_s, terms.longest_retry_s) == (TRIES, 5.0, 21_600.0)
    assert terms.send_s > settings.webhooks.deadline_s
    assert terms.at_once == settings.outbox.webhooks_at_once
    limits = [min(terms.longest_retry_s, terms.first_retry_s * 2.0**tries) for tries in range(TRIES)]
    in_the_mean = sum(limit / 2 for limit in limits[:12])
    assert in_the_mean < settings.webhooks.retry_hours * 3600, "a dozen tries fit well into the time"
    assert sum(limits) / 2 > settings.webhooks.retry_hours * 3600 * 10, "the number of tries ends nothing"
