"""Who signs our passes: the settings' certificate from Apple, or a throw-away authority of this data directory.

    DATA/authority/     0700: root.pem, wwdr.pem, certificate.pem, key.pem (0600); made once, whole, by the first process

Rule 1: a certificate that cannot sign ends the start with a sentence; one that ends within 30 days warns.
Rule 2: a private key that others may read is refused.
Rule 3: a throw-away authority says loudly that its passes open on no phone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from passes.apple.authority import throwaway_authority
from passes.apple.template import Template
from passes.errors import CertificateError, PassError
from passes.images import default_images
from server.errors import Misconfigured
from server.settings import Apple, Settings
from server.wallet.keyring import read_secret

GREEN = (20, 90, 60)
"""The colour of icon, logo and background where a brand has given no pictures."""

THROWAWAY_TYPE = "pass.throwaway.kairos"
THROWAWAY_TEAM = "THROWAWAY0"

_FOLDER = "authority"
_LARGEST_FILE = 100_000
"""Bytes: a certificate or a key has some thousand."""


class Log(Protocol):
    """The one thing asked of a log: structlog's bound loggers have it."""

    def warning(self, event: str, **values: object) -> object:
        """Write an event and its values."""


def load_template(settings: Settings, *, now: datetime, log: Log) -> Template:
    """Read certificate, key and intermediate once (about 0.2 s), check them, and get the template ready.

    Raises Misconfigured with a sentence that names the setting or file. Made for the start: it reads files and may
    wait for another process that makes the throw-away authority.
    """
    if settings.apple.pass_type_id:
        template = _from_settings(settings.apple, brand=_brand(settings), now=now)
    else:
        template = _throwaway(settings.home, brand=_brand(settings), now=now, log=log)
    for warning in template.credentials.warnings:
        log.warning("apple_certificate", warning=warning)
    return template


def _brand(settings: Settings) -> str:
    return settings.apple.organization or settings.programme.name


def _from_settings(apple: Apple, *, brand: str, now: datetime) -> Template:
    try:
        return Template.load(
            certificate=_read("apple.certificate_file", apple.certificate_file),
            key=read_secret(Path(apple.key_file)),
            wwdr=_read("apple.wwdr_file", apple.wwdr_file),
            images=default_images(GREEN),
            pass_type_id=apple.pass_type_id,
            team_id=apple.team_id,
            organization=brand,
            now=now,
        )
    except PassError as error:
        raise Misconfigured(f"apple: {error}.") from None


def _read(setting: str, name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(_LARGEST_FILE)
    except OSError as error:
        raise Misconfigured(f"{setting}: {name} cannot be read ({error.strerror}).") from error


def _throwaway(home: Path, *, brand: str, now: datetime, log: Log) -> Template:
    """Use the throw-away authority of this data directory; make it, or make it anew when it has ended."""
    folder = home / _FOLDER
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _locked(home / f"{_FOLDER}.lock"):
            if not folder.exists():
                _make(folder, brand=brand, now=now)
            try:
                template = _load_throwaway(folder, brand=brand, now=now)
            except CertificateError as error:
                if not error.code.endswith(".expired"):
                    raise
                folder.rename(folder.with_name(f"{_FOLDER}.ended-{now:%Y-%m-%d}-{secrets.token_hex(4)}"))
                _make(folder, brand=brand, now=now)
                template = _load_throwaway(folder, brand=brand, now=now)
    except OSError as error:
        raise Misconfigured(f"{error.filename or folder}: cannot be used ({error.strerror}).") from error
    except PassError as error:
        raise Misconfigured(f"{folder}: {error}. Remove it, and a new one is made.") from None
    log.warning(
        "apple_throwaway_authority",
        folder=str(folder),
        warning="passes are signed by a throw-away authority and OPEN ON NO PHONE; set apple.* for real ones",
    )
    return template


def _load_throwaway(folder: Path, *, brand: str, now: datetime) -> Template:
    return Template.load(
        certificate=(folder / "certificate.pem").read_bytes(),
        key=read_secret(folder / "key.pem"),
        wwdr=(folder / "wwdr.pem").read_bytes(),
        images=default_images(GREEN),
        pass_type_id=THROWAWAY_TYPE,
        team_id=THROWAWAY_TEAM,
        organization=brand,
        now=now,
    )


def _make(folder: Path, *, brand: str, now: datetime) -> None:
    """Make the authority under another name and rename it: a kill in between leaves nothing half."""
    made = throwaway_authority(
        pass_type_id=THROWAWAY_TYPE, team_id=THROWAWAY_TEAM, organization=brand or "Kairos", now=now
    )
    draft = folder.with_name(f".{_FOLDER}.{secrets.token_hex(4)}")
    draft.mkdir(mode=0o700)
    for name, content in made._asdict().items():
        descriptor = os.open(draft / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    draft.rename(folder)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
