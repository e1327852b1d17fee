"""APNs on loopback: HTTP/2 over TLS, with what Apple checks and what Apple answers; fails as told.

https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns

By hand: `python -m tests.standins apns --port 0 --ca-out ca.pem [--client-ca FILE] [--p8 FILE --key-id ID --team-id ID]
[--topics A,B] [--fail ServiceUnavailable=0.05]…`. What it says of a request is one line of JSON, its token and payload among it.

It shares no line with our client: it is written on h2's server side, and its checks are read from Apple's pages.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import random
import re
import ssl
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from tests.tls import Authority

PUSH_TYPES = frozenset(
    {
        "alert", "background", "controls", "location", "voip", "complication", "fileprovider", "mdm", "liveactivity",
        "pushtotalk", "widgets",
    }
)  # fmt: skip
STATUS = {
    "BadCertificate": 403, "BadCertificateEnvironment": 403, "ExpiredProviderToken": 403, "Forbidden": 403,
    "InvalidProviderToken": 403, "MissingProviderToken": 403, "UnrelatedKeyIdInToken": 403,
    "BadEnvironmentKeyIdInToken": 403, "BadPath": 404, "MethodNotAllowed": 405, "ExpiredToken": 410,
    "Unregistered": 410, "PayloadTooLarge": 413, "TooManyProviderTokenUpdates": 429, "TooManyRequests": 429,
    "InternalServerError": 500, "ServiceUnavailable": 503, "Shutdown": 503,
}  # fmt: skip
"""Apple's table; what it does not name is 400."""
TOKEN_LIFE_S = 3600
LARGEST = 4096


class Seen(NamedTuple):
    """A request as it came, the connection it came on (counted from 1), and the answer's status and reason."""

    connection: int
    token: str
    headers: dict[str, str]
    body: bytes
    status: int
    reason: str


@dataclass
class Key:
    """A provider's key as Apple knows it."""

    public: ec.EllipticCurvePublicKey
    team_id: str


@dataclass
class Orders:
    """What it does beside what Apple does.

    `plan` is used up request by request and holds the name of a way to fail, or "" for none: a reason of Apple's, or
    hang, cut, cut_first, reset, refuse, goaway, goaway_first, garbage, drip, huge, huge_headers, empty_data, early.
    `farewells` connections are told goodbye with the first word. `shares` says how often to do which, where the plan has nothing.
    """

    plan: deque[str] = field(default_factory=deque)
    shares: dict[str, float] = field(default_factory=dict)
    delay_s: float = 0.0
    retry_after: str = ""
    gone: dict[str, int] = field(default_factory=dict)
    bad: set[str] = field(default_factory=lambda: {"00" * 32})
    topics: set[str] | None = None
    streams: int = 1000
    window: int = 65_535
    dead_to_pings: bool = False
    farewells: int = 0


class Apns:
    """`async with Apns() as apns`: `url`, `ca_file`, `seen`, and `orders` that may change at any time."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int = 0,
        keys: dict[str, Key] | None = None,
        client_ca: Path | None = None,
        orders: Orders | None = None,
        tell: Callable[[Seen], None] | None = None,
        seed: int = 0,
    ) -> None:
        """`keys` by their id: without any a provider token is only read. `client_ca`: who signs clients' certificates."""
        self._stack = contextlib.ExitStack()
        self.folder = folder or Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.orders = orders or Orders()
        self.keys, self._client_ca, self._port = keys, client_ca, port
        self._tell, self._chance = tell, random.Random(seed)
        self.seen: list[Seen] = []
        self.connections = 0
        self.most_at_once = 0
        self.pings = 0
        self.refused_tokens: set[str] = set()
        self.open: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        files = Authority(self.folder, "APNs stand-in").server("apns")
        self.ca_file = files.ca
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(files.certificate, files.key)
        tls.set_alpn_protocols(["h2"])
        if self._client_ca is not None:
            tls.load_verify_locations(self._client_ca)
            tls.verify_mode = ssl.CERT_OPTIONAL
            tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate is enough, as clients send their leaf
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self._port, ssl=tls)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for each in tuple(self.open):
            each.abort()
        await asyncio.sleep(0)
        self._stack.close()

    def expire_tokens(self) -> None:
        """From now on every provider token that was seen so far has expired."""
        self.refused_tokens |= {seen.headers.get("authorization", "") for seen in self.seen}

    def counts(self) -> Counter[str]:
        """How often each reason was answered; "" is success."""
        return Counter(seen.reason for seen in self.seen)

    def goaway(self) -> None:
        """Tell every connection that it ends after what was begun."""
        for each in tuple(self.open):
            each.leave()

    def next_order(self) -> str:
        """What to do with the next request."""
        if self.orders.plan:
            return self.orders.plan.popleft()
        drawn = self._chance.random()
        for name, share in self.orders.shares.items():
            drawn -= share
            if drawn < 0:
                return name
        return ""

    def record(self, seen: Seen) -> None:
        """Keep what was answered."""
        self.seen.append(seen)
        if self._tell is not None:
            self._tell(seen)


class _Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, apns: Apns) -> None:
        self.apns, self.orders = apns, apns.orders
        self.talk = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests: dict[int, tuple[list[tuple[str, str]], bytearray]] = {}
        self.running: set[asyncio.Task[None]] = set()
        self.last = 2**31 - 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.apns.connections += 1
        self.number = self.apns.connections
        self.apns.open.add(self)
        der = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.identity = _uid(der) if der else None
        # With a provider token Apple allows one stream until the first token was good.
        self.trusted = self.identity is not None
        code = h2.settings.SettingCodes
        self.talk.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                code.MAX_CONCURRENT_STREAMS: self.orders.streams if self.trusted else 1,
                code.INITIAL_WINDOW_SIZE: self.orders.window,
                code.MAX_HEADER_LIST_SIZE: 8000,
            },
        )
        self.talk.initiate_connection()
        if self.orders.farewells:
            self.orders.farewells -= 1
            self.leave(0)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.apns.open.discard(self)
        for task in self.running:
            task.cancel()

    def abort(self) -> None:
        self.transport.abort()

    def flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.talk.data_to_send())

    def data_received(self, data: bytes) -> None:
        try:
            events = self.talk.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.flush()
            self.transport.close()
            return
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                self.requests[event.stream_id] = (list(event.headers), bytearray())
                self.apns.most_at_once = max(self.apns.most_at_once, self.talk.open_inbound_streams)
            elif isinstance(event, h2.events.DataReceived):
                self.requests[event.stream_id][1].extend(event.data)
                self.talk.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.begin(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.requests.pop(event.stream_id, None)
            elif isinstance(event, h2.events.PingReceived):
                self.apns.pings += 1
                if self.orders.dead_to_pings:
                    self.talk.clear_outbound_data_buffer()
        self.flush()

    def begin(self, stream: int) -> None:
        headers, body = self.requests.pop(stream)
        if stream > self.last:
            return
        order = self.apns.next_order()
        if not order and not self.orders.delay_s:
            self.answer(stream, headers, bytes(body))
            return
        task = asyncio.get_running_loop().create_task(self.obey(order, stream, headers, bytes(body)))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def obey(self, order: str, stream: int, headers: list[tuple[str, str]], body: bytes) -> None:
        await asyncio.sleep(self.orders.delay_s)
        if stream > self.last:
            return
        match order:
            case "hang":
                return
            case "goaway":
                self.answer(stream, headers, body)
                self.leave(stream)
            case "goaway_first":
                self.leave(stream - 2)
            case "cut":
                self.apns.record(Seen(self.number, *_parts(headers), body, 0, "cut"))
                self.abort()
            case "cut_first":
                self.abort()
            case "garbage":
                self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 8)
            case _:
                with contextlib.suppress(h2.exceptions.StreamClosedError):  # the client reset it meanwhile
                    await self.respond(order, stream, headers, body)
        self.flush()

    async def respond(self, order: str, stream: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer on the stream alone, rightly or not."""
        match order:
            case "reset":
                self.talk.reset_stream(stream, 2)
            case "refuse":
                self.talk.reset_stream(stream, 7)
            case "huge":
                await self.huge(stream)
            case "huge_headers":
                self.talk.send_headers(stream, [(":status", "200"), *((f"x-{n}", "y" * 1000) for n in range(60))])
            case "drip":
                await self.drip(stream)
            case _:
                self.answer(stream, headers, body, ordered=order)

    def leave(self, last: int | None = None) -> None:
        """GOAWAY as Apple sends it, with a reason in its data; what was begun is still answered (h2 could not)."""
        self.last = max(0, self.talk.highest_inbound_stream_id if last is None else last)
        data = b'{"reason":"Shutdown"}'
        head = (8 + len(data)).to_bytes(3, "big") + b"\x07\x00" + bytes(4)
        self.transport.write(self.talk.data_to_send() + head + self.last.to_bytes(4, "big") + bytes(4) + data)

    async def huge(self, stream: int) -> None:
        self.talk.send_headers(stream, [(":status", "200")])
        for _ in range(1000):
            with contextlib.suppress(h2.exceptions.FlowControlError):
                self.talk.send_data(stream, bytes(4096))
            self.flush()
            await asyncio.sleep(0)
            if self.transport.is_closing():
                return

    async def drip(self, stream: int) -> None:
        self.talk.send_headers(stream, [(":status", "500")])
        for byte in b'{"reason":"InternalServerError"}' * 100:
            self.talk.send_data(stream, bytes((byte,)))
            self.flush()
            await asyncio.sleep(0.02)

    def answer(self, stream: int, headers: list[tuple[str, str]], body: bytes, *, ordered: str = "") -> None:
        token, named = _parts(headers)
        empty, ordered = ordered == "empty_data", "" if ordered == "empty_data" else ordered
        reason = ordered or self.judge(headers, token, named, body)
        status = STATUS.get(reason, 400) if reason else 200
        told: dict[str, object] = {"reason": reason}
        if status == 410:
            told["timestamp"] = self.orders.gone.get(token, 0)
        answer = [(":status", str(status)), ("apns-id", named.get("apns-id", "").upper())]
        if status in (429, 503) and self.orders.retry_after:
            answer.append(("retry-after", self.orders.retry_after))
        content = json.dumps(told).encode() if reason else b""
        self.apns.record(Seen(self.number, token, named, body, status, reason))
        self.talk.send_headers(stream, answer, end_stream=not content and not empty)
        if content:
            self.talk.send_data(stream, content, end_stream=not empty)
        if empty:
            self.talk.send_data(stream, b"", end_stream=True)

    def judge(self, headers: list[tuple[str, str]], token: str, named: dict[str, str], body: bytes) -> str:
        """Give Apple's reason to refuse, or "" where there is none."""
        counted = Counter(name for name, _ in headers)
        if any(count > 1 for count in counted.values()):
            return "DuplicateHeaders"
        if named[":method"] != "POST":
            return "MethodNotAllowed"
        if not named[":path"].startswith("/3/device/"):
            return "BadPath"
        return self.judge_identity(named) or _judge_headers(named, token, body) or self.judge_token(token)

    def judge_identity(self, named: dict[str, str]) -> str:
        topic = named.get("apns-topic")
        if self.identity is not None:
            return "" if topic in (None, self.identity) else "TopicDisallowed"
        reason = self.judge_provider_token(named.get("authorization"))
        if reason:
            return reason
        if not self.trusted:
            self.trusted = True
            self.talk.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.orders.streams})
        if not topic:
            return "MissingTopic"
        return "" if self.orders.topics is None or topic in self.orders.topics else "TopicDisallowed"

    def judge_provider_token(self, authorization: str | None) -> str:
        if authorization is None:
            return "MissingProviderToken"
        if authorization in self.apns.refused_tokens:
            return "ExpiredProviderToken"
        try:
            word, token = authorization.split(" ")
            head, claims, signature = token.split(".")
            header, claim = json.loads(_unbase(head)), json.loads(_unbase(claims))
            if word.lower() != "bearer" or header["alg"] != "ES256" or not isinstance(claim["iat"], int):
                return "InvalidProviderToken"
            age = time.time() - claim["iat"]
            if self.apns.keys is not None:
                key = self.apns.keys[header["kid"]]
                raw = _unbase(signature)
                pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
                key.public.verify(pair, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
                if len(raw) != 64 or claim["iss"] != key.team_id:
                    return "InvalidProviderToken"
        except (ValueError, KeyError, TypeError, InvalidSignature):
            return "InvalidProviderToken"
        return "ExpiredProviderToken" if age > TOKEN_LIFE_S else "InvalidProviderToken" if age < -300 else ""

    def judge_token(self, token: str) -> str:
        if not re.fullmatch(r"([0-9a-fA-F]{2}){16,100}", token) or token in self.orders.bad:
            return "BadDeviceToken"
        return "Unregistered" if token in self.orders.gone else ""


def _judge_headers(named: dict[str, str], token: str, body: bytes) -> str:
    kind, priority, expiration = (
        named.get("apns-push-type"),
        named.get("apns-priority", "10"),
        named.get("apns-expiration"),
    )
    if not token:
        return "MissingDeviceToken"
    if "apns-id" in named and not _is_uuid(named["apns-id"]):
        return "BadMessageId"
    if expiration is not None and not re.fullmatch(r"[0-9]{1,10}", expiration):
        return "BadExpirationDate"
    if priority not in ("1", "5", "10") or (kind == "background" and priority == "10"):
        return "BadPriority"
    if kind not in PUSH_TYPES:
        return "InvalidPushType"
    if len(named.get("apns-collapse-id", "").encode()) > 64:
        return "BadCollapseId"
    if not body:
        return "PayloadEmpty"
    if len(body) > LARGEST:
        return "PayloadTooLarge"
    try:
        return "" if isinstance(json.loads(body), dict) else "PayloadEmpty"
    except ValueError:
        return "PayloadEmpty"


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _parts(headers: Iterable[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    named = dict(headers)
    return named.get(":path", "").removeprefix("/3/device/"), named


def _unbase(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _uid(der: bytes) -> str:
    found = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.USER_ID)
    return str(found[0].value) if found else ""


def key_from(p8: bytes, team_id: str) -> Key:
    """Know a provider by its private key: its public half is kept."""
    private = load_pem_private_key(p8, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return Key(private.public_key(), team_id)


def _tell(seen: Seen) -> None:
    headers = {name: value for name, value in seen.headers.items() if name != "authorization"}
    told = {**seen._asdict(), "headers": headers, "body": seen.body.decode("utf-8", "replace")}
    print(json.dumps(told, ensure_ascii=False), flush=True)


def main(arguments: list[str]) -> None:
    """Run by hand."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins apns")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ca-out", type=Path, help="write the authority to trust here: apns.ca_file")
    parser.add_argument(
        "--client-ca", type=Path, help="who signs clients' certificates, such as DATA/authority/wwdr.pem"
    )
    parser.add_argument("--p8", type=Path, help="the provider's key: tokens are verified with its public half")
    parser.add_argument("--key-id", default="")
    parser.add_argument("--team-id", default="")
    parser.add_argument("--topics", help="by commas; others are disallowed")
    parser.add_argument("--gone", default="", help="TOKEN=MILLISECONDS by commas: Unregistered since then")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--retry-after", default="")
    parser.add_argument(
        "--fail", action="append", default=[], help="WHAT=SHARE, such as ServiceUnavailable=0.05 or cut=0.01"
    )
    parser.add_argument("--quiet", action="store_true", help="no line for each request")
    given = parser.parse_args(arguments)
    orders = Orders(
        shares={name: float(share) for name, _, share in (each.partition("=") for each in given.fail)},
        delay_s=given.delay,
        retry_after=given.retry_after,
        topics=set(given.topics.split(",")) if given.topics else None,
        streams=given.streams,
        gone={t: int(ms) for t, _, ms in (each.partition("=") for each in given.gone.split(",") if each)},
    )
    keys = {given.key_id: key_from(given.p8.read_bytes(), given.team_id)} if given.p8 else None
    tell = None if given.quiet else _tell

    async def run() -> None:
        async with Apns(port=given.port, keys=keys, client_ca=given.client_ca, orders=orders, tell=tell) as apns:
            if given.ca_out:
                given.ca_out.write_bytes(apns.ca_file.read_bytes())
            print(f"listening on {apns.url}", flush=True)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
    sys.exit(0)
