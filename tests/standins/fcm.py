"""Firebase Cloud Messaging on loopback: tokens for signed assertions, messages checked by Firebase's reference, its refusals.

    fcm.base_url   URL      fcm.token_url   URL/token

By hand: `python -m tests.standins fcm --port 0 --account account.json [--fail UNAVAILABLE=0.05] [--fail cut=0.01]
[--retry-after 1] [--gone TOKEN]…` writes a service account's key file first, and prints every message as a line of JSON.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from tests.standins._google_signing import new_account, wrong_with
from tests.standins._orders import ON_THE_LINE, TAKEN, Orders, on_the_line, parse

PROJECT: Final = "kairos-stand-in"
SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
LARGEST: Final = 4096
STATUS: Final = {
    "UNREGISTERED": 404, "INVALID_ARGUMENT": 400, "SENDER_ID_MISMATCH": 403, "QUOTA_EXCEEDED": 429, "UNAVAILABLE": 503,
    "INTERNAL": 500, "THIRD_PARTY_AUTH_ERROR": 401, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404,
}  # fmt: skip
GENERAL: Final = {"UNREGISTERED": "NOT_FOUND", "SENDER_ID_MISMATCH": "PERMISSION_DENIED",
                  "QUOTA_EXCEEDED": "RESOURCE_EXHAUSTED", "THIRD_PARTY_AUTH_ERROR": "UNAUTHENTICATED"}  # fmt: skip
"""google.rpc's status of an FcmError."""
NOT_FCM: Final = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"})
"""Words of Google's front door, which knows no FcmError."""

_TEXT, _MAP = "text", "map"
_SHAPE: Final[dict[str, Any]] = {
    "token": _TEXT, "topic": _TEXT, "condition": _TEXT, "data": _MAP, "fcm_options": {"analytics_label": _TEXT},
    "notification": {"title": _TEXT, "body": _TEXT, "image": _TEXT},
    "android": {
        "collapse_key": _TEXT, "priority": "HIGH|NORMAL", "ttl": r"\d+(\.\d{1,9})?s", "restricted_package_name": _TEXT,
        "data": _MAP, "direct_boot_ok": bool,
        "notification": {
            **dict.fromkeys(("title", "body", "icon", "color", "sound", "tag", "click_action", "channel_id", "image"), _TEXT),
            "sticky": bool, "local_only": bool, "default_sound": bool,
        },
    },
}  # fmt: skip


class Seen(NamedTuple):
    """A message as it came, and what was said: a word of Firebase's, "" where it was taken, "cut" where nobody heard."""

    token: str
    message: dict[str, Any]
    validate_only: bool
    status: int
    word: str


def objections(message: Any) -> list[str]:
    """The fields of a message that Firebase would not take."""
    if not isinstance(message, dict):
        return ["message"]
    found = [f"message.{each}" for each in _against(message, _SHAPE)]
    if sum(name in message for name in ("token", "topic", "condition")) != 1:
        found.append("message.token")
    keys = [*message.get("data", {})] if isinstance(message.get("data"), dict) else []
    reserved = r"from|message_type|google\..*|gcm\..*"
    found += [f"message.data[{key}]" for key in keys if re.fullmatch(reserved, key)]
    ttl = message.get("android", {}).get("ttl", "0s") if isinstance(message.get("android"), dict) else "0s"
    if not found and float(ttl[:-1]) > 28 * 86_400:
        found.append("message.android.ttl")
    rest = {key: value for key, value in message.items() if key != "token"}
    if len(json.dumps(rest, ensure_ascii=False, separators=(",", ":")).encode()) > LARGEST:
        found.append("message")
    return found


def _against(value: Any, shape: Any) -> list[str]:
    if not isinstance(value, dict):
        return [""]
    found = []
    for key, inner in value.items():
        wanted = shape.get(key)
        if isinstance(wanted, dict):
            found += [f"{key}.{each}".rstrip(".") for each in _against(inner, wanted)]
        elif wanted == _MAP:
            good = isinstance(inner, dict) and all(isinstance(each, str) for each in inner.values())
            found += [] if good else [key]
        elif wanted is bool:
            found += [] if isinstance(inner, bool) else [key]
        elif wanted is None or not isinstance(inner, str) or (wanted != _TEXT and not re.fullmatch(wanted, inner)):
            found.append(key)
    return found


@dataclass
class Fcm:
    """The stand-in. `gone`, `bad` and `foreign` are tokens of apps that were removed, of none, and of another project."""

    port: int = 0
    orders: Orders = field(default_factory=Orders)
    gone: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=lambda: {"nobody"})
    foreign: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    asked: int = 0
    named: bool = True
    tell: Callable[[str], None] = lambda _: None
    account: bytes = b""
    public: RSAPublicNumbers | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_post("/v1/projects/{project}/messages:send", self._send)
        self._came = asyncio.Condition()
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        self.public, account = new_account(token_uri=self.token_url)
        self.account = json.dumps(json.loads(account) | {"project_id": PROJECT}).encode()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_url(self) -> str:
        return self.url + "/token"

    @property
    def taken(self) -> list[Seen]:
        """What was taken to be sent, also where nobody heard of it."""
        return [each for each in self.seen if each.word in ("", *TAKEN) and not each.validate_only]

    def write_account(self, path: Path) -> Path:
        """Write the key file as it is kept: for its owner alone."""
        path.touch(mode=0o600)
        path.write_bytes(self.account)
        return path

    async def until(self, ready: Callable[[], bool], *, timeout: float = 30.0) -> None:
        """Wait until what came suffices."""
        async with asyncio.timeout(timeout), self._came:
            await self._came.wait_for(ready)

    async def _token(self, request: web.Request) -> web.Response:
        self.asked += 1
        form = {name: str(value) for name, value in (await request.post()).items()}
        assert self.public is not None
        wrong = wrong_with(form, public=self.public, scope=SCOPE, audience=self.token_url, now=time.time())
        if wrong is not None:
            return web.json_response({"error": wrong, "error_description": "Invalid JWT"}, status=400)
        token = "ya29." + secrets.token_urlsafe(24)
        self.tokens.add(token)
        return web.json_response({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    async def _send(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        order = self.orders.draw()
        await asyncio.sleep(self.orders.delay_s)
        body = body if isinstance(body, dict) else {}
        word, fields = self._judge(request, body)
        if order and not word and order not in TAKEN:
            word = order
        status = STATUS.get(word, 200) if order not in ON_THE_LINE else 0
        await self._note(body, status, order if order in ON_THE_LINE else word)
        if order in ON_THE_LINE:
            return await on_the_line(request, order)
        if not word:
            return web.json_response({"name": f"projects/{PROJECT}/messages/{secrets.token_hex(8)}"})
        return refusal(word, fields if self.named else [], headers=self.orders.headers(status))

    async def _note(self, body: dict[str, Any], status: int, said: str) -> None:
        message = body.get("message")
        told = message if isinstance(message, dict) else {}
        self.seen.append(Seen(str(told.get("token", "")), told, body.get("validate_only") is True, status, said))
        self.tell(json.dumps({"status": status, "said": said, "message": told}, ensure_ascii=False))
        async with self._came:
            self._came.notify_all()

    def _judge(self, request: web.Request, body: dict[str, Any]) -> tuple[str, list[str]]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            return "UNAUTHENTICATED", []
        if request.match_info["project"] != PROJECT:
            return "NOT_FOUND", []
        message = body.get("message")
        against = objections(message) if set(body) <= {"message", "validate_only"} else ["body"]
        if against:
            return "INVALID_ARGUMENT", against
        address = message["token"]
        if address in self.bad:
            return "INVALID_ARGUMENT", ["message.token"]
        return ("UNREGISTERED" if address in self.gone else "SENDER_ID_MISMATCH" if address in self.foreign else ""), []


def refusal(word: str, fields: list[str], *, headers: dict[str, str]) -> web.Response:
    """Refuse as Firebase does."""
    text = "The registration token is not a valid FCM registration token" if word == "INVALID_ARGUMENT" else f"{word}."
    error: dict[str, Any] = {"code": STATUS[word], "message": text, "status": GENERAL.get(word, word), "details": []}
    if word not in NOT_FCM:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        error["details"].append({"@type": kind, "errorCode": word})
    if fields:
        violations = [{"field": each, "description": "is wrong"} for each in fields]
        error["details"].append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    return web.json_response({"error": error}, status=STATUS[word], headers=headers)


async def _serve(given: argparse.Namespace) -> None:
    orders = Orders(shares=parse(given.fail), delay_s=given.delay, retry_after=given.retry_after)
    tell = (lambda _: None) if given.quiet else (lambda line: print(line, flush=True))
    async with Fcm(port=given.port, orders=orders, gone=set(given.gone), tell=tell) as fcm:
        fcm.write_account(Path(given.account))
        print(f"listening on {fcm.url}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Run it until it is stopped."""
    reads = argparse.ArgumentParser(prog="python -m tests.standins fcm", description=__doc__)
    reads.add_argument("--port", type=int, default=0)
    reads.add_argument("--account", default="fcm-account.json", help="where the key file is written (0600)")
    reads.add_argument("--fail", action="append", default=[], metavar="WHAT=SHARE")
    reads.add_argument("--gone", action="append", default=[], metavar="TOKEN")
    reads.add_argument("--delay", type=float, default=0.0)
    reads.add_argument("--retry-after", default="")
    reads.add_argument("--quiet", action="store_true", help="print no messages")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(reads.parse_args(arguments)))
