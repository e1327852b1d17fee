"""Push services beside the demo: stand-ins on loopback that take pushes as the real ones do, and keep what they were sent.

They belong to the tests, so a demo has them in a checkout alone, and only where the settings name no service of their own.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.commands.stage import Json
from server.configuration import config_folder
from server.settings import Settings

KEPT: Final = "pushes.jsonl"
"""In the demo's data directory: a line for each push."""

_PACKAGE: Final = "tests.standins"
_TOPIC, _KEY_ID, _TEAM_ID = "de.lindenquell.app", "KEYLINDENQ", "TEAMLINDEN"


class Sent(NamedTuple):
    """A push as its service got it: by which way, to whom (a browser: by its endpoint), which moment, with which words."""

    way: str
    address: str
    moment_id: str
    title: str
    body: str


@dataclass(slots=True)
class Services:
    """The stand-ins: settings that name them, and what they were sent. `subscribe` makes a browser for a public key."""

    settings: Settings
    sent: list[Sent] = field(default_factory=list)
    subscribe: Callable[[str], Json] = lambda _: {}
    told: Callable[[Sent], None] = lambda _: None
    phone: str = ""
    """The page of a phone that shows them."""

    def note(self, way: str, line: Any) -> None:
        """Keep what a stand-in tells of a request."""
        found = _sent(way, line if way == "apns" else json.loads(line))
        if found is not None:
            self.sent.append(found)
            with (self.settings.home / KEPT).open("a", encoding="utf-8") as file:
                file.write(json.dumps(found._asdict(), ensure_ascii=False) + "\n")
            self.told(found)


def _sent(way: str, told: Any) -> Sent | None:
    """Read what a stand-in tells; None for what was not taken, and for word to wallets, which has no words."""
    if way == "apns":
        body = json.loads(told.body) if told.status == 200 else {}
        words = body["aps"]["alert"] if "moment_id" in body else None
        return Sent(way, told.token, body["moment_id"], words["title"], words["body"]) if words else None
    if way == "fcm":
        message = told["message"]
        if told["status"] != 200 or "moment_id" not in message.get("data", {}):
            return None
        words = message["notification"]
        return Sent(way, message["token"], message["data"]["moment_id"], words["title"], words["body"])
    words = told["told"]
    return Sent(way, told["browser"], words["moment_id"], words["title"], words["body"]) if words else None


def there_are() -> bool:
    """Tell whether the stand-ins lie beside this package, as they do in a checkout."""
    with contextlib.suppress(ModuleNotFoundError, ValueError):
        found = importlib.util.find_spec(_PACKAGE)
        return found is not None and (found.origin or "").startswith(str(config_folder().parent))
    return False


@contextlib.asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services | None]:
    """Start the stand-ins; None where there are none, or the settings name a service already."""
    named = (settings.apns.topic, settings.apns.base_url, settings.fcm.service_account_file)
    if settings.mode != "test" or any(named) or not there_are():
        yield None
        return
    folder = settings.home / "stand-ins"
    folder.mkdir(mode=0o700, exist_ok=True)
    key = folder / "apns.p8"
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(key, pem)
    names = ("apns", "fcm", "webpush", "phone")
    apns, fcm, webpush, phone = (importlib.import_module(f"{_PACKAGE}.{name}") for name in names)
    services = Services(settings)
    async with (
        apns.Apns(
            folder, keys={_KEY_ID: apns.key_from(pem, _TEAM_ID)}, tell=lambda seen: services.note("apns", seen)
        ) as apple,
        fcm.Fcm(tell=lambda line: services.note("fcm", line)) as firebase,
        webpush.WebPush(tell=lambda line: services.note("webpush", line)) as browsers,
        phone.Phone(lambda: services.sent) as page,
    ):
        account = _write(folder / "firebase.json", firebase.account)
        services.settings = _pointed(settings, apple=apple, key=key, firebase=firebase, account=account)
        services.subscribe, services.phone = browsers.subscribe, page.url
        yield services


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def _pointed(settings: Settings, *, apple: Any, key: Path, firebase: Any, account: Path) -> Settings:
    """Give settings that name the stand-ins; browsers name theirs by themselves."""
    replace = msgspec.structs.replace
    apns = replace(
        settings.apns,
        base_url=apple.url,
        ca_file=str(apple.ca_file),
        topic=_TOPIC,
        key_file=str(key),
        key_id=_KEY_ID,
        team_id=_TEAM_ID,
    )
    fcm = replace(settings.fcm, base_url=firebase.url, service_account_file=str(account))
    return replace(settings, apns=apns, fcm=fcm)
