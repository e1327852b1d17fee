"""What ends in an open house: the identities that sign passes, and the certificate by which Apple knows the app."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography import x509

from server.settings import Settings
from server.wallet.issue import Desk
from server.wallet.watch import Fixed, Life, Watch

APP = "apns_certificate"


def watch_of(settings: Settings, desk: Desk) -> Watch:
    """Watch over everything that has an end. (Provider keys, and the keys of Google's service accounts, have none.)"""
    watch = Watch(desk.signers)
    if settings.apns.topic and settings.apns.certificate_file:
        lives = life_of(Path(settings.apns.certificate_file))
        watch.add(Fixed(*lives, warn=timedelta(days=settings.apple.warn_days)))
    return watch


def life_of(file: Path) -> list[Life]:
    """Read the life of the certificate that was loaded at the start; none where it cannot be read: its channel says why."""
    try:
        read = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return []
    return [Life(APP, read.not_valid_before_utc, read.not_valid_after_utc)]
