"""Webhooks of an open house: connections to public servers alone, and the patience that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from server.channels.outward import open_outward
from server.channels.reach import PUBLIC, STAND_INS
from server.channels.webhook import Webhook
from server.opening.unmoved import unmoved
from server.pipeline.queue import Terms
from server.pipeline.webhook_queue import Patience, WebhookQueue
from server.settings_out import WebhookSettings
from server.signals.fetch import tls_context
from server.store.pool import Pool
from server.web.parts import Parts

TRIES: Final = 1_000
"""More than fit into any time: how long is what ends a call."""

_BESIDE_S: Final = 2.0
"""What a send may take beside its network: the end of the engine is none that an endpoint ever meets."""


def webhooks_of(parts: Parts, pool: Pool) -> WebhookQueue:
    """Make the queue, within a running loop."""
    wanted = parts.settings.webhooks
    policy = STAND_INS if parts.settings.mode == "test" else PUBLIC
    outward = open_outward(policy, tls=tls_context(wanted.ca_file, setting="webhooks.ca_file"))
    return WebhookQueue(
        pool,
        unmoved(Webhook(outward, deadline_s=wanted.deadline_s), parts),
        keyring=parts.secrets,
        source=parts.settings.server.public_url,
        patience=Patience(timedelta(hours=wanted.retry_hours), timedelta(days=wanted.disable_after_days)),
        each=wanted.each_at_once,
    )


def unshifted(parts: Parts) -> Callable[[], datetime]:
    """Give the true time, also in a house whose day was moved for tests: receivers judge when a message was signed."""
    shift = timedelta(seconds=parts.settings.clock_shift_s)
    return lambda: parts.clock.now() - shift


def patient(terms: Terms, wanted: WebhookSettings) -> Terms:
    """Give the terms of webhooks: few tries, far apart, for days."""
    return replace(
        terms,
        attempts=TRIES,
        send_s=wanted.deadline_s + _BESIDE_S,
        first_retry_s=wanted.first_retry_s,
        longest_retry_s=wanted.longest_retry_s,
    )
