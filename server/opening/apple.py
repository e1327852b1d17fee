"""Apple's push service in an open house: who we are there is read from the settings' files; nothing is asked yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from yarl import URL

from server.channels.apns import Apns
from server.channels.apple import PRODUCTION, SANDBOX, tls_for
from server.channels.apple_wallet import AppleWallet, Identity
from server.channels.connection import Patience
from server.channels.http2 import Http2
from server.channels.loud import Log
from server.channels.provider_token import ProviderToken
from server.settings import Settings
from server.wallet.issue import Desk
from server.wallet.keyring import read_secret

_OF_A_TRY = 0.9
"""A request ends a little before the outbox would cut its try: so the channel sees that the line is dead."""


def apns_of(settings: Settings, *, log: Log) -> Apns | None:
    """Make the channel for alerts; None without a topic. Raises Misconfigured naming the file that cannot be used."""
    apns = settings.apns
    if not apns.topic:
        return None
    key, bearer = read_secret(Path(apns.key_file)), None
    if apns.certificate_file:
        tls = tls_for(apns.ca_file, certificate=Path(apns.certificate_file), key=Path(apns.key_file))
    else:
        tls = tls_for(apns.ca_file)
        bearer = ProviderToken(key, key_id=apns.key_id, team_id=apns.team_id)
    base = URL(apns.base_url) if apns.base_url else PRODUCTION
    http2 = Http2(base, tls=tls, patience=_patience(settings, streams=settings.outbox.apns_at_once))
    return Apns(http2, topic=apns.topic, bearer=bearer, timeout_s=_timeout_s(settings), log=log, shift=_shift(settings))


def apple_wallet_of(settings: Settings, desk: Desk, *, log: Log) -> AppleWallet | None:
    """Make the channel that tells wallets; None where passes are signed by a throw-away authority and Apple is real."""
    apns = settings.apns
    if not settings.apple.pass_type_id and not apns.base_url:
        log.warning(
            "no_updates_of_passes",
            warning="wallets are NOT TOLD when a pass changes: its throw-away certificate is nothing to Apple; set apple.*",
        )
        return None
    tls_for(apns.ca_file)  # what is wrong with it is said at the start
    base = URL(apns.base_url) if apns.base_url else PRODUCTION
    if base.host == SANDBOX.host:  # passes are told through the production service alone
        base = PRODUCTION

    def identity(now: datetime) -> Identity:
        signing = desk.signers.at(now)
        serial = signing.template.credentials.certificate.serial_number
        return Identity(desk.pass_type_id, signing.files.certificate, signing.files.key, serial)

    def open_(shown: Identity) -> Http2:
        tls = tls_for(apns.ca_file, certificate=shown.certificate, key=shown.key)
        return Http2(base, tls=tls, patience=_patience(settings, streams=settings.outbox.apple_wallet_at_once))

    return AppleWallet(identity, open_, timeout_s=_timeout_s(settings), log=log, shift=_shift(settings))


def _patience(settings: Settings, *, streams: int) -> Patience:
    return Patience(streams=streams, silence_s=settings.apns.ping_s)


def _timeout_s(settings: Settings) -> float:
    return settings.outbox.send_s * _OF_A_TRY


def _shift(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.clock_shift_s)
