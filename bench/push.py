"""Pushes per second on one connection, beside a plain loop on h2; then those of Firebase and browsers (`bench.push_http`).

Claimed: alerts (`Apns.send`: payload, headers, provider token, receipt) and word to wallets (`AppleWallet.send`) reach at
least 400 a second on one connection to an APNs on this machine, and at least half of what a loop with nothing but h2 in
it reaches for its own processor time.

Measured: 200 under way at once; the stand-in for APNs is another process, which checks what Apple checks. The loop beside
it writes the same request with another id each time, and counts answers: no time limit, no order, nobody waiting for any
particular answer. Each round begins with another of the three. The stand-in is the slower end: what it reaches on a core of
its own bounds all of them, so the comparison is by our processor time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import h2.config
import h2.connection
import h2.events
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from yarl import URL

from bench import push_http
from bench.process import serving
from bench.push_http import alert
from bench.table import goal, options, ratio, show
from passes.apple.authority import throwaway_authority
from server.channels.apns import Apns, headers_for, payload_for
from server.channels.apple import tls_for
from server.channels.apple_wallet import AppleWallet, Identity
from server.channels.base import Outcome, Receipt, Stir
from server.channels.connection import Patience
from server.channels.http2 import Http2
from server.channels.provider_token import ProviderToken

AT_ONCE = 200
TOKEN = "ab" * 32
PASS_TYPE, TEAM, APP, KEY_ID = "pass.example.coupon", "KAIROS1234", "example.app", "ABC123DEFG"
LOOP = "a plain loop on h2"

Work = Callable[[float], Awaitable[int]]
"""Pushes for so long (s); gives how many were taken."""


class Town(NamedTuple):
    """Where the stand-in is, and what proves who we are there."""

    url: URL
    folder: Path
    bearer: ProviderToken
    ca_file: str


@contextlib.asynccontextmanager
async def town() -> AsyncIterator[Town]:
    """Run the stand-in in a process of its own."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own = throwaway_authority(pass_type_id=PASS_TYPE, team_id=TEAM, organization="Kairos", now=datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
        folder = Path(name)
        files = {"provider.p8": key, "wwdr.pem": own.wwdr, "pass.pem": own.certificate, "key.pem": own.key}
        for each, content in files.items():
            (folder / each).write_bytes(content)
        told = {"ca-out": folder / "ca.pem", "client-ca": folder / "wwdr.pem", "p8": folder / "provider.p8"}
        named = {"port": 0, "key-id": KEY_ID, "team-id": TEAM, "topics": APP, **told}
        arguments = [text for option, value in named.items() for text in (f"--{option}", str(value))]
        async with serving("tests.standins", "apns", "--quiet", *arguments) as served:
            bearer = ProviderToken(key, key_id=KEY_ID, team_id=TEAM)
            yield Town(URL(served.url), folder, bearer, str(folder / "ca.pem"))


async def crowd(send: Callable[[datetime], Awaitable[Receipt]], for_s: float) -> int:
    """Keep so many sends under way until the time is over."""
    end, taken = time.perf_counter() + for_s, 0

    async def one() -> None:
        nonlocal taken
        while time.perf_counter() < end:
            receipt = await send(datetime.now(UTC))
            assert receipt.outcome is Outcome.SENT, receipt
            taken += 1

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return taken


async def by_loop(there: Town, for_s: float) -> int:
    """Push with h2 and a socket, and nothing else."""
    context = ssl.create_default_context(cafile=there.ca_file)
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection(there.url.host, there.url.port, ssl=context)
    talk = h2.connection.H2Connection(
        h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
    )
    talk.initiate_connection()
    now = datetime.now(UTC)
    one, token = alert(now), there.bearer.at(now)
    shared, once = headers_for(one, APP, token=token, ends=one.expires_at)
    head = [(":method", "POST"), (":scheme", "https"), (":authority", there.url.host_port_subcomponent or "")]
    head += [(":path", f"/3/device/{TOKEN}"), *shared.items(), *{**once, "apns-id": ""}.items()]
    body, place = payload_for(one), [name for name, _ in head].index("apns-id")
    open_, room, taken, end = 0, 0, 0, time.perf_counter() + for_s
    while open_ or time.perf_counter() < end:
        while open_ < room and talk.outbound_flow_control_window >= len(body) and time.perf_counter() < end:
            stream = talk.get_next_available_stream_id()
            head[place] = ("apns-id", str(uuid4()))
            talk.send_headers(stream, head)
            talk.send_data(stream, body, end_stream=True)
            open_ += 1
        writer.write(talk.data_to_send())
        for event in talk.receive_data(await reader.read(65_536)):
            if isinstance(event, h2.events.StreamEnded):
                open_, taken = open_ - 1, taken + 1
            elif isinstance(event, h2.events.RemoteSettingsChanged):
                room = min(AT_ONCE, talk.remote_settings.max_concurrent_streams)
    writer.close()
    return taken


async def by_apns(there: Town, for_s: float) -> int:
    """Push alerts by the channel."""
    http2 = Http2(there.url, tls=tls_for(there.ca_file), patience=Patience(streams=AT_ONCE))
    apns = Apns(http2, topic=APP, bearer=there.bearer, timeout_s=30, log=structlog.get_logger())
    taken = await crowd(lambda now: apns.send(alert(now), TOKEN, now=now), for_s)
    assert http2.opened == 1
    await apns.close()
    return taken


async def by_wallet(there: Town, for_s: float) -> int:
    """Tell wallets by the channel, under the certificate of the passes."""
    who = Identity(PASS_TYPE, there.folder / "pass.pem", there.folder / "key.pem", 1)
    tls = tls_for(there.ca_file, certificate=who.certificate, key=who.key)
    http2 = Http2(there.url, tls=tls, patience=Patience(streams=AT_ONCE))
    wallet = AppleWallet(lambda _: who, lambda _: http2, timeout_s=30, log=structlog.get_logger())
    hour = timedelta(hours=1)
    taken = await crowd(lambda now: wallet.send(Stir(id=uuid4(), expires_at=now + hour), TOKEN, now=now), for_s)
    await wallet.close()
    return taken


async def measure(rounds: int, for_s: float) -> None:
    """Push in turns, and print."""
    work = {LOOP: by_loop, "Apns.send": by_apns, "AppleWallet.send": by_wallet}
    names = list(work)
    each_s: dict[str, list[float]] = {name: [] for name in names}
    cpu_s: dict[str, list[float]] = {name: [] for name in names}
    async with town() as there:
        for number in range(rounds):
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                begun, cpu = time.perf_counter(), time.process_time()
                taken = await work[name](there, for_s)
                each_s[name].append((time.perf_counter() - begun) / taken)
                cpu_s[name].append((time.process_time() - cpu) / taken)
    shares = {name: ratio(cpu_s[LOOP], cpu_s[name]) for name in names}
    rates = {name: 1 / statistics.median(each_s[name]) for name in names}
    rows = [
        [name, f"{rates[name]:,.0f}", f"{1 / statistics.median(cpu_s[name]):,.0f}", f"{shares[name]:.2f}"]
        for name in names
    ]
    heads = ["", "per second", "per second of our processor time", "of the loop"]
    show(f"Pushes on one connection, {AT_ONCE} at once, {rounds} rounds of {for_s} s each", heads, rows)
    for name in names[1:]:
        goal(f"push: {name} per second on one connection", rates[name], ">=", 400)
        goal(f"push: {name}, of a plain h2 loop by processor time", shares[name], ">=", 0.5)


def main() -> None:
    """Run."""
    asked = options("pushes to stand-ins for APNs, Firebase and browsers, beside plain loops").parse_args()
    rounds, for_s = asked.rounds or (1 if asked.quick else 5), 1.0 if asked.quick else 3.0
    asyncio.run(measure(rounds, for_s))
    asyncio.run(push_http.measure(rounds, for_s))


if __name__ == "__main__":
    main()
