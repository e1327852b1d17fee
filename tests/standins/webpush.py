"""Browsers and their push service on loopback: subscriptions, and messages that are judged as services judge them and opened
as browsers open them, by the steps of RFC 8291 and nothing but `cryptography`.

By hand: `python -m tests.standins webpush --port 0 [--fail 503=0.05] [--fail cut=0.01] [--retry-after 1]`. A GET of
`/subscribe?key=PUBLIC` gives a subscription as `PushSubscription.toJSON()` does; every message is printed as a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import re
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from aiohttp import web
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.standins._orders import ON_THE_LINE, TAKEN, Orders, on_the_line, parse

LARGEST: Final = 4096


class Seen(NamedTuple):
    """A message: whose, its headers, what the browser read (None: it could not), the answer's status (0: none), what was said."""

    browser: str
    headers: dict[str, str]
    told: Any
    size: int
    status: int
    said: str


@dataclass
class Browser:
    """One subscription: its keys, and the application server's key that it is bound to ("": any)."""

    key: str
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def point(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def opened(body: bytes, private: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """Decrypt as RFC 8291 §3.4 and RFC 8188 §2 say; ValueError where it cannot be."""
    if len(body) < 21 + 65 + 17 or body[20] != 65:
        raise ValueError("no header")
    salt, size, sender, sealed = body[:16], struct.unpack("!L", body[16:20])[0], body[21:86], body[86:]
    if size < len(sealed):
        raise ValueError("more than one record")
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
    mine = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    ikm = _hkdf(auth, private.exchange(ec.ECDH(), theirs), b"WebPush: info\0" + mine + sender, 32)
    key = _hkdf(salt, ikm, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, ikm, b"Content-Encoding: nonce\0", 12)
    try:
        padded = AESGCM(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise ValueError("not for this browser") from None
    content = padded.rstrip(b"\0")
    if not content.endswith(b"\2"):
        raise ValueError("not the last record")
    return content[:-1]


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, one block of it."""
    return _hmac(_hmac(salt, secret), info + b"\1")[:length]


def _hmac(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(data)
    return made.finalize()


def wrong_with_vapid(header: str, *, audience: str, bound_to: str, now: float) -> str:
    """What RFC 8292 has against an Authorization; "" for a good one."""
    found = re.fullmatch(r"vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), *k=([\w-]+)", header)
    if found is None:
        return "no vapid"
    head, claims, signature, key = found.groups()
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes_of(key))
        raw = bytes_of(signature)
        both = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public.verify(both, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        header_told, told = json.loads(bytes_of(head)), json.loads(bytes_of(claims))
    except (ValueError, InvalidSignature):
        return "not signed by its key"
    if header_told.get("alg") != "ES256" or told.get("aud") != audience:
        return "not for this service"
    if not isinstance(told.get("exp"), int) or not now < told["exp"] <= now + 86_400:
        return "over, or good for too long"
    if not str(told.get("sub", "mailto:nobody@example.org")).startswith(("mailto:", "https:")):
        return "no subject"
    return "another key than it subscribed with" if bound_to not in ("", key) else ""


def bytes_of(text: str) -> bytes:
    """Read base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text_of(content: bytes) -> str:
    """Write base64url."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class WebPush:
    """The stand-in. `gone` are browsers that unsubscribed, with the status that says so; `largest` what a body may have."""

    port: int = 0
    orders: Orders = field(default_factory=Orders)
    browsers: dict[str, Browser] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    largest: int = LARGEST
    tell: Callable[[str], None] = lambda _: None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/subscribe", self._subscribe)
        app.router.add_post("/push/{browser}", self._push)
        self._came = asyncio.Condition()
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def taken(self) -> list[Seen]:
        """What was taken, also where nobody heard of it."""
        return [each for each in self.seen if each.said in ("", *TAKEN)]

    def subscribe(self, key: str = "") -> dict[str, Any]:
        """Subscribe a new browser with an application server's public key."""
        name, browser = secrets.token_urlsafe(24), Browser(key)
        self.browsers[name] = browser
        keys = {"p256dh": text_of(browser.point), "auth": text_of(browser.auth)}
        return {"endpoint": f"{self.url}/push/{name}", "expirationTime": None, "keys": keys}

    async def until(self, ready: Callable[[], bool], *, timeout: float = 30.0) -> None:
        """Wait until what came suffices."""
        async with asyncio.timeout(timeout), self._came:
            await self._came.wait_for(ready)

    async def _subscribe(self, request: web.Request) -> web.Response:
        return web.json_response(self.subscribe(request.query.get("key", "")))

    async def _push(self, request: web.Request) -> web.Response:
        body, name = await request.read(), request.match_info["browser"]
        order = self.orders.draw()
        await asyncio.sleep(self.orders.delay_s)
        status, said, told = self._judge(request, name, body)
        if status == 201 and order and order not in ON_THE_LINE:
            status, said = int(order), order
        elif order in ON_THE_LINE:
            status, said = 0, order
        self.seen.append(Seen(name, dict(request.headers), told, len(body), status, said))
        self.tell(json.dumps({"browser": name, "status": status, "said": said, "told": told}, ensure_ascii=False))
        async with self._came:
            self._came.notify_all()
        if order in ON_THE_LINE:
            return await on_the_line(request, order)
        return web.Response(status=status, text=said, headers=self.orders.headers(status))

    def _judge(self, request: web.Request, name: str, body: bytes) -> tuple[int, str, Any]:
        browser, headers = self.browsers.get(name), request.headers
        if browser is None or name in self.gone:
            return self.gone.get(name, 404), "no such subscription", None
        authorization = headers.get("Authorization", "")
        wrong = wrong_with_vapid(authorization, audience=self.url, bound_to=browser.key, now=time.time())
        if wrong:
            return 403 if wrong.startswith("another") else 401, wrong, None
        if len(body) > self.largest:
            return 413, "too large", None
        form = {
            "TTL": r"\d{1,7}", "Urgency": "(very-low|low|normal|high)?", "Topic": "[A-Za-z0-9_-]{0,32}",
            "Content-Encoding": "aes128gcm",
        }  # fmt: skip
        for header, wanted in form.items():
            if not re.fullmatch(wanted, headers.get(header, "")):
                return 400, header, None
        try:
            return 201, "", json.loads(opened(body, browser.private, browser.auth))
        except ValueError as error:
            return 201, f"lost in the browser: {error}", None


async def _serve(given: argparse.Namespace) -> None:
    orders = Orders(shares=parse(given.fail), delay_s=given.delay, retry_after=given.retry_after)
    tell = (lambda _: None) if given.quiet else (lambda line: print(line, flush=True))
    async with WebPush(port=given.port, orders=orders, tell=tell) as service:
        print(f"listening on {service.url}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Run it until it is stopped."""
    reads = argparse.ArgumentParser(prog="python -m tests.standins webpush", description=__doc__)
    reads.add_argument("--port", type=int, default=0)
    reads.add_argument("--fail", action="append", default=[], metavar="STATUS=SHARE")
    reads.add_argument("--delay", type=float, default=0.0)
    reads.add_argument("--retry-after", default="")
    reads.add_argument("--quiet", action="store_true", help="print no messages")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(reads.parse_args(arguments)))
