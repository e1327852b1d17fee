"""Settings of what leaves the house, and what every section of the settings is; the others are in `server/settings.py`."""

from __future__ import annotations

import msgspec

SECRETS = frozenset({"url", "api_key"})
"""database.url may hold a password; whatever prints settings (a log, a traceback) must not print these."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""

    def __repr__(self) -> str:
        """Show everything but secrets."""
        shown = (
            f"{name}={'***' if name in SECRETS and value else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class Outbox(Section, frozen=True):
    """What leaves the house: how much at once, how long, how often (seconds)."""

    poll_s: float
    lease_s: float
    send_s: float
    attempts: int
    first_retry_s: float
    longest_retry_s: float
    apns_at_once: int
    fcm_at_once: int
    webpush_at_once: int
    apple_wallet_at_once: int
    google_wallet_at_once: int
    webhooks_at_once: int


class WebhookSettings(Section, frozen=True):
    """Telling other systems what happened (seconds, unless said)."""

    deadline_s: float
    ca_file: str
    each_at_once: int
    first_retry_s: float
    longest_retry_s: float
    retry_hours: float
    disable_after_days: float
    overlap_s: float
    keep_days: int


class ApnsSettings(Section, frozen=True):
    """Apple's push service: the app's topic, and a key or a certificate; nothing is pushed to iPhones without a topic."""

    base_url: str
    ca_file: str
    topic: str
    key_file: str
    key_id: str
    team_id: str
    certificate_file: str
    ping_s: float


class FcmSettings(Section, frozen=True):
    """Firebase Cloud Messaging; nothing is pushed to Android without an account."""

    base_url: str
    token_url: str
    ca_file: str
    service_account_file: str


class WebPushSettings(Section, frozen=True):
    """Pushes to browsers: who we are to their services."""

    subject: str
    key_file: str
    ca_file: str


class GoogleWalletSettings(Section, frozen=True):
    """Passes in Google Wallet; off without an issuer."""

    issuer_id: str
    service_account_file: str
    base_url: str
    token_url: str
    root_keys_url: str
    ca_file: str
    origins: tuple[str, ...]
    logo_url: str
    callback: bool
    rotating: bool
    calls_per_s: float


class Wallet(Section, frozen=True):
    """How wallets are told that passes changed, and how often."""

    push_days: int
    relevance_s: float


class Geocoder(Section, frozen=True):
    """Where addresses become positions."""

    base_url: str
    ca_file: str
