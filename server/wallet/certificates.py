"""Reading who may sign our passes: the settings' certificates from Apple, or a throw-away authority of this data directory.

    DATA/authority/     0700: root.pem, wwdr.pem, certificate.pem, key.pem (0600); made once, whole, by the first process

Rule 1: a certificate that cannot sign is refused with a sentence that names the setting or file.
Rule 2: a private key that others may read is refused.
Rule 3: a throw-away authority says loudly that its passes open on no phone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from passes.apple.authority import throwaway_authority
from passes.apple.template import Template
from passes.errors import CertificateError, PassError
from passes.images import default_images
from server.errors import Misconfigured
from server.settings import Apple, Settings
from server.wallet.keyring import read_secret
from server.wallet.watch import Life, Log

GREEN = (20, 90, 60)
"""The colour of icon, logo and background where a brand has given no pictures."""

THROWAWAY_TYPE = "pass.throwaway.kairos"
THROWAWAY_TEAM = "THROWAWAY0"

_FOLDER = "authority"
_LARGEST_FILE = 100_000
"""Bytes: a certificate or a key has some thousand."""


class Files(NamedTuple):
    """The files of one identity; `prefix` is that of its settings: "" or "next_"."""

    prefix: str
    certificate: Path
    key: Path
    wwdr: Path


class Signing(NamedTuple):
    """An identity that may sign: its template, its files (APNs is shown the same certificate at the handshake), its time."""

    files: Files
    template: Template
    life: Life

    def ends(self) -> dict[str, datetime]:
        """Tell when each of its certificates ends, by name."""
        return {f"{self.files.prefix}{name}": end for name, end in self.template.credentials.expiries.items()}


def signing_of(files: Files, template: Template) -> Signing:
    """Put together what belongs together; its life ends with the first of its two certificates."""
    leaf, middle = template.credentials.certificate, template.credentials.intermediate
    name = "wwdr" if middle.not_valid_after_utc < leaf.not_valid_after_utc else "certificate"
    begins = max(leaf.not_valid_before_utc, middle.not_valid_before_utc)
    ends = min(leaf.not_valid_after_utc, middle.not_valid_after_utc)
    return Signing(files, template, Life(f"{files.prefix}{name}", begins, ends))


def files_of(settings: Settings) -> list[Files]:
    """Name the files of the identities: the present one, and the following one where a place is named for it."""
    apple = settings.apple
    if not apple.pass_type_id:
        folder = settings.home / _FOLDER
        return [Files("", folder / "certificate.pem", folder / "key.pem", folder / "wwdr.pem")]
    present = Files("", Path(apple.certificate_file), Path(apple.key_file), Path(apple.wwdr_file))
    if not apple.next_certificate_file:
        return [present]
    wwdr = apple.next_wwdr_file or apple.wwdr_file
    return [present, Files("next_", Path(apple.next_certificate_file), Path(apple.next_key_file), Path(wwdr))]


def load_signing(settings: Settings, files: Files, *, now: datetime, log: Log) -> Signing:
    """Read certificate, key and intermediate once (about 0.2 s), check them, and get the template ready.

    Raises Misconfigured with a sentence that names the setting or file. It reads files and may wait for another process
    that makes the throw-away authority. Whether its time has come, or is over, is not asked here.
    """
    if settings.apple.pass_type_id:
        template = _from_settings(settings.apple, files, brand=_brand(settings), now=now)
    else:
        template = _throwaway(settings.home, brand=_brand(settings), now=now, log=log)
    for warning in template.credentials.warnings:
        log.warning("apple_certificate", warning=warning)
    return signing_of(files, template)


def _brand(settings: Settings) -> str:
    return settings.apple.organization or settings.programme.name


def _from_settings(apple: Apple, files: Files, *, brand: str, now: datetime) -> Template:
    certificate = _read(f"apple.{files.prefix}certificate_file", files.certificate)
    wwdr = _read(f"apple.{files.prefix}wwdr_file", files.wwdr)
    try:
        return Template.load(
            certificate=certificate,
            key=read_secret(files.key),
            wwdr=wwdr,
            images=default_images(GREEN),
            pass_type_id=apple.pass_type_id,
            team_id=apple.team_id,
            organization=brand,
            now=_within(now, certificate, wwdr),
            watch=timedelta(0),
        )
    except PassError as error:
        raise Misconfigured(f"{files.certificate}: {error}." if files.prefix else f"apple: {error}.") from None


def _within(now: datetime, *pems: bytes) -> datetime:
    """Give the time nearest to `now` at which all these certificates hold; `now` itself where there is none."""
    try:
        read = [x509.load_pem_x509_certificate(pem) for pem in pems]
    except ValueError:  # said better by whoever reads them next
        return now
    begin, end = max(each.not_valid_before_utc for each in read), min(each.not_valid_after_utc for each in read)
    return min(max(now, begin), end) if begin <= end else now


def _read(setting: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_FILE)
    except OSError as error:
        raise Misconfigured(f"{setting}: {path} cannot be read ({error.strerror}).") from error


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
        watch=timedelta(0),  # it is made anew by itself
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
