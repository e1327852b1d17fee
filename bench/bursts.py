"""Whether pings wait while passes are signed: a real `kairos serve`, pings alone and beside bursts of fetched passes.

One burst fetches passes as JSON (`GET /v1/passes/{serial}`: a row read, an answer written, nothing signed), the other
fetches the same passes as files (`GET /p/{link}`: the same, and one signature each, in the server's two threads). What
the second takes from the pings beyond the first is what signing takes: from the processor, or from the event loop.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from bench import town
from bench.load import Heard, Make, press
from bench.pings import requests
from bench.process import Served, kairos
from bench.redemptions import passes as write_passes
from server.model.ids import bucket_of
from server.model.pass_ import Card, Spot, card_document
from server.store.ids import new_token, token_hash
from server.store.keys import CUSTOMER_PREFIX
from server.store.pool import Connection, connect
from server.wallet.keyring import Keyring, Kind, open_keyring
from server.wallet.links import token_for

CUSTOMERS = 400
PASSES = 200
PINGING, FETCHING = 8, 8
"""So many connections of each kind, each asking anew as soon as it was answered."""


def get(path: str, **headers: str) -> bytes:
    """Write a request without a body."""
    named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{named}\r\n".encode()


async def stock(db: Connection, keyring: Keyring) -> list[tuple[UUID, str]]:
    """Write passes with their shops and sealed tokens; gives serials, and tokens of the customers they belong to."""
    now = datetime.now(UTC)
    serials = await write_passes(db, count=PASSES, key_id=keyring.current(Kind.CODE, now=now).id)
    spots = tuple(Spot(serial, f"Marktplatz {number}", town.MIDDLE) for number, serial in enumerate(serials[:10]))
    card = json.dumps(card_document(Card("Coffee on us", "coffee", spots)))
    owners = []
    for serial in serials:
        bucket, token = bucket_of(serial), new_token(CUSTOMER_PREFIX, bucket=bucket_of(serial))
        sealed = keyring.seal(token.encode(), table="passes", row=serial.bytes, now=now)
        await db.execute(
            "UPDATE passes SET design = $3, token_sealed = $4 WHERE bucket = $1 AND serial = $2",
            *(bucket, serial, card, sealed),
        )
        await db.execute(
            "INSERT INTO customer_tokens (bucket, hash, customer_id)"
            " SELECT bucket, $3, customer_id FROM passes WHERE bucket = $1 AND serial = $2",
            *(bucket, serial, token_hash(token)),
        )
        owners.append((serial, token))
    return owners


def fetches(owners: list[tuple[UUID, str]], keyring: Keyring) -> dict[str, Make]:
    """Make the requests of the bursts."""
    now = datetime.now(UTC)
    as_json = [get(f"/v1/passes/{serial}", Authorization=f"Bearer {token}") for serial, token in owners]
    as_files = [get(f"/p/{token_for(serial, keyring=keyring, now=now)}") for serial, _ in owners]
    return {"read": itertools.cycle(as_json).__next__, "signed": itertools.cycle(as_files).__next__}


async def beside(ours: Served, callers: list[town.Caller], burst: Make | None, *, for_s: float) -> tuple[Heard, Heard]:
    """Press pings for so long, and the burst beside them; gives what each heard."""
    pings = press(ours.url, requests(callers, "/v1/pings", 1), connections=PINGING, for_s=for_s, pid=ours.pid)
    if burst is None:
        return await pings, Heard()
    others = press(ours.url, burst, connections=FETCHING, for_s=for_s, pid=ours.pid)
    found, fetched = await asyncio.gather(pings, others)
    return found, fetched


async def measure(folder: Path, dsn: str, *, rounds: int, for_s: float) -> Mapping[str, list[tuple[Heard, Heard]]]:
    """Fill a database, start the server, and press it in turns: `alone`, `read`, `signed`."""
    async with connect(dsn, application_name="bench") as db:
        made = town.fences(100, offers=4)
        callers = await town.settle(db, made=made, offers=4, customers=CUSTOMERS)
        settings = {
            "server.public_url": "https://kairos.example",
            "limits.requests_per_minute": "1000000",
            "weather.fixed": '{kind = "rain", temperature_c = 6.0}',
        }
        async with kairos(folder, settings) as ours:
            keyring = open_keyring(folder, now=datetime.now(UTC))
            bursts: dict[str, Make | None] = {"alone": None, **fetches(await stock(db, keyring), keyring)}
            await db.execute("ANALYZE")
            await beside(ours, callers, bursts["signed"], for_s=1.0)
            heard: dict[str, list[tuple[Heard, Heard]]] = {name: [] for name in bursts}
            for _ in range(rounds):
                for name, burst in bursts.items():
                    heard[name].append(await beside(ours, callers, burst, for_s=for_s))
    return heard


def rows_of(heard: Mapping[str, list[tuple[Heard, Heard]]]) -> list[list[str]]:
    """Tell each as a row: pings/s, their p50 and p99, what the burst fetched, what was not answered with 200."""
    titles = {
        "alone": f"pings on {PINGING} connections, alone",
        "read": f"beside {FETCHING} connections that read passes",
        "signed": f"beside {FETCHING} connections that fetch files, each signed",
    }
    return [
        [
            titles[name],
            f"{statistics.median(pings.per_second for pings, _ in found):,.0f}",
            f"{statistics.median(pings.percentile_s(50) for pings, _ in found) * 1e3:.1f}",
            f"{statistics.median(pings.percentile_s(99) for pings, _ in found) * 1e3:.1f}",
            f"{statistics.median(len(other.waits_s) / max(other.seconds, 1e-9) for _, other in found):,.0f}",
            str(sum(len(each.waits_s) - each.statuses.get(200, 0) for pair in found for each in pair)),
        ]
        for name, found in heard.items()
    ]


def p99s(heard: Mapping[str, list[tuple[Heard, Heard]]], name: str) -> list[float]:
    """Give the pings' p99 (s) of each round."""
    return [pings.percentile_s(99) for pings, _ in heard[name]]
