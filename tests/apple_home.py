"""A house's files for Apple: the throw-away authority of a data directory, and a provider's key. Made once in a process."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.settings import Settings
from server.wallet.signers import open_signers
from tests.conftest import HOME as RUN
from tests.standins.apns import Apns, Orders, key_from
from tests.tls import Authority
from tests.web.serving import settings_with

NOW = datetime.now(UTC)  # noqa: DTZ005, RUF100  TLS judges certificates by the real clock
TOPIC = "example.app"
KEY_ID, TEAM_ID = "ABC123DEFG", "TEAM123456"
KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Heard:
    """A log that keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[dict[str, object]] = []

    def error(self, event: str, **values: object) -> None:
        self.said.append({"event": event, **values})

    def warning(self, event: str, **values: object) -> None:
        self.said.append({"event": event, **values})


@functools.cache
def home() -> Path:
    """A data directory, whose authority is made by whoever opens it first."""
    return Path(tempfile.mkdtemp(prefix="apple-", dir=os.environ[RUN]))


@functools.cache
def desk() -> Any:
    """What a channel asks of that house's desk: who signs."""
    signers = open_signers(settings_with(data_dir=str(home())), now=NOW, log=Heard())
    return SimpleNamespace(signers=signers, pass_type_id=signers.pass_type_id)


def lay_authority(folder: Path) -> None:
    """Give another data directory a copy of this house's authority."""
    desk()  # it is made by now
    shutil.copytree(home() / "authority", folder / "authority")


def settings(apple: Apns | None, folder: Path, **changes: Any) -> Settings:
    """Settings that name the stand-in and a provider's key; `apns__topic=""` turns alerts off."""
    key = folder / "provider.p8"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_bytes(KEY)
    named = {"key_file": str(key), "key_id": KEY_ID, "team_id": TEAM_ID, "topic": TOPIC}
    if apple is not None:
        named |= {"base_url": apple.url, "ca_file": str(apple.ca_file)}
    told = {f"apns__{name}": value for name, value in named.items()}
    return settings_with(**{"data_dir": str(home()), **told, **changes})


def standin(folder: Path, *, apps: Authority | None = None) -> Apns:
    """An APNs that knows that provider's key and topic, and the house's own authority."""
    desk()  # it is made by now
    trusted = folder / "clients.pem"
    trusted.write_bytes((home() / "authority" / "wwdr.pem").read_bytes() + (apps.ca.read_bytes() if apps else b""))
    return Apns(keys={KEY_ID: key_from(KEY, TEAM_ID)}, client_ca=trusted, orders=Orders(topics={TOPIC}))
