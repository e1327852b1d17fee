"""Settings: their shape. They are read once at the start (server.configuration), frozen, and handed on in parts.

`config/default.toml` lists every one with its default and its reason.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from server.settings_out import (
    ApnsSettings,
    FcmSettings,
    Geocoder,
    GoogleWalletSettings,
    Outbox,
    Wallet,
    WebhookSettings,
    WebPushSettings,
)
from server.settings_out import Section as _Section
from server.settings_pages import AppSettings, MapSettings, Offline, Reports, Session


class Server(_Section, frozen=True):
    """Listening, processes, proxies and deadlines (seconds)."""

    host: str
    port: int
    public_url: str
    workers: int
    hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    metrics_host: str
    metrics_port: int
    body_deadline_s: float
    handler_deadline_s: float
    keepalive_s: float
    shutdown_s: float


class Database(_Section, frozen=True):
    """Where PostgreSQL is, and how long anything may wait for it (seconds)."""

    url: str
    pool_size: int
    till_pool_size: int
    outbox_pool_size: int
    acquire_timeout_s: float
    command_timeout_s: float
    statement_timeout_s: float
    lock_timeout_s: float
    idle_in_transaction_s: float
    statement_cache_size: int
    allow_unsafe: bool
    embedded_buffers_mb: int


class ProgrammeSettings(_Section, frozen=True):
    """The brand's programme."""

    name: str
    time_zone: str
    holdout: float
    formality: Literal["du", "sie"]
    locales: tuple[str, ...]
    formalities: tuple[Literal["du", "sie"], ...]
    birthday_hour: int
    terms: str


class Lift(_Section, frozen=True):
    """How experiments are followed and told."""

    min_customers: int
    programme_days: int
    wait_s: int


class QuietHours(_Section, frozen=True, rename={"from_": "from"}):
    """When no push is sent; wall-clock times."""

    from_: str
    to: str
    time_zone: str


class PressureClass(_Section, frozen=True):
    """A class's cap."""

    per_day: int


class Pressure(_Section, frozen=True):
    """Caps over all channels; 0 turns one off."""

    per_day: int
    per_week: int
    classes: dict[str, PressureClass]


class Limits(_Section, frozen=True):
    """What `GET /v1/limits` lists."""

    body_bytes: int
    ping_body_bytes: int
    import_body_bytes: int
    import_rows: int
    import_addresses: int
    json_depth: int
    fixes_per_request: int
    events_per_request: int
    pings_per_minute: int
    requests_per_minute: int
    signups_per_minute: int
    wrong_codes_per_minute: int
    offline_records: int
    till_keys: int
    login_failures: int
    login_window_s: int
    login_queue: int
    page_items: int
    group_fixes: int
    queue_s: float
    streams_per_customer: int
    snooze_s: int
    registrations_per_pass: int
    wallet_per_minute: int
    vertices: int
    calendar_days: int
    sends_per_request: int
    passes_per_export: int
    topics_per_customer: int
    webhooks: int
    webhook_replay: int
    signature_window_s: int
    audit_rows: int


class Publish(_Section, frozen=True):
    """When a second person is asked, and how many customers are expected."""

    approval_above: int
    audience_days: int
    sample_rows: int
    forecast_customers: int


class Privacy(_Section, frozen=True):
    """What is kept of a customer, and for how long."""

    position_decimals: int
    ping_days: int
    event_days: int
    token_days: int
    farewell_s: int
    min_group: int


class Receipts(_Section, frozen=True):
    """How many of the reasons why nothing came are written down."""

    plain_share: float


class Reversal(_Section, frozen=True):
    """Until when a till may undo."""

    window_s: int


class Segments(_Section, frozen=True):
    """Who is in which saved segment."""

    refresh_s: float


class Identity(_Section, frozen=True):
    """How the brand's backend vouches for a customer."""

    secret_file: str


class WeatherSettings(_Section, frozen=True):
    """Where observations come from."""

    provider: Literal["fixed", "open_meteo", "met_no"]
    base_url: str
    contact: str
    api_key: str
    ca_file: str
    refresh_s: float
    max_age_s: int
    fixed: dict[str, Any]


class Apple(_Section, frozen=True):
    """The pass type certificate and the one that follows it; all empty for a throw-away authority."""

    pass_type_id: str
    team_id: str
    certificate_file: str
    key_file: str
    wwdr_file: str
    organization: str
    images_dir: str
    next_certificate_file: str
    next_key_file: str
    next_wwdr_file: str
    warn_days: int
    look_s: float


class ReplaySettings(_Section, frozen=True):
    """Trying drafts on the recorded past."""

    memory_mb: int
    queue: int
    answer_s: float


class Jobs(_Section, frozen=True):
    """How often the clock knocks (seconds)."""

    rollup_s: float
    loyalty_s: float
    trials_s: float
    timers_s: float
    occasions_s: float
    schedules_s: float
    absence_s: float
    weather_s: float
    expire_s: float
    endings_s: float
    forget_s: float
    rules_poll_s: float
    replays_s: float
    passes_s: float
    segments_s: float
    relevance_s: float


class Settings(_Section, frozen=True):
    """Everything, frozen."""

    mode: Literal["production", "test"]
    data_dir: str
    engine: Literal["embedded"]
    clock_shift_s: float
    server: Server
    database: Database
    programme: ProgrammeSettings
    lift: Lift
    quiet_hours: QuietHours
    pressure: Pressure
    limits: Limits
    publish: Publish
    privacy: Privacy
    receipts: Receipts
    outbox: Outbox
    reversal: Reversal
    offline: Offline
    session: Session
    segments: Segments
    identity: Identity
    weather: WeatherSettings
    geocoder: Geocoder
    apple: Apple
    apns: ApnsSettings
    fcm: FcmSettings
    web_push: WebPushSettings
    wallet: Wallet
    google_wallet: GoogleWalletSettings
    webhooks: WebhookSettings
    map: MapSettings
    reports: Reports
    app: AppSettings
    replay: ReplaySettings
    jobs: Jobs

    @property
    def home(self) -> Path:
        """The data directory in force."""
        if self.data_dir:
            return Path(self.data_dir).expanduser().absolute()
        if os.geteuid() == 0:
            return Path("/var/lib/kairos")
        return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "kairos"

    @property
    def quiet_zone(self) -> str:
        """The zone of the quiet hours where none is known of the customer."""
        return self.quiet_hours.time_zone or self.programme.time_zone
