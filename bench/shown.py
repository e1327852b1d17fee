"""How soon a wallet shows what a counter did: from the till's request to the pass that was fetched, over push, list and fetch.

Everything is real but the distance: a `kairos serve` with its PostgreSQL, an APNs on loopback that checks what Apple checks
(tests/standins/apns.py), and a wallet that does what Apple documents (tests/street/wallet.py).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import msgspec
import structlog

from bench.process import Served, kairos
from bench.redemptions import a_store, passes
from bench.table import goal, show
from server.configuration import load
from server.model.ids import bucket_of
from server.model.pass_ import Card, card_document
from server.store import keys
from server.store.pool import Connection
from server.wallet.codes import code_for
from server.wallet.keyring import Keyring, Kind, open_keyring
from server.wallet.signers import open_signers
from tests.standins.apns import Apns, Seen
from tests.street.wallet import Paper, Wallet, read

PUBLIC = "https://kairos.example"
PUSH_S = 30.0


class Listening:
    """A wallet beside its push service: waits for word, then asks what is new."""

    def __init__(self, wallet: Wallet) -> None:
        self.wallet, self.rung = wallet, asyncio.Event()

    def hear(self, seen: Seen) -> None:
        """Take a push."""
        if seen.token == self.wallet.push_token and seen.status == 200:
            self.rung.set()


async def seal(db: Connection, serials: list[UUID], keyring: Keyring, now: datetime) -> dict[UUID, str]:
    """Give the passes something that stands on them, and tokens of their own."""
    design = json.dumps(card_document(Card("Coffee on us", "coffee")))
    tokens = {serial: secrets.token_urlsafe(32) for serial in serials}
    await db.executemany(
        "UPDATE passes SET design = $3, token_sealed = $4 WHERE bucket = $1 AND serial = $2",
        [
            (bucket_of(serial), serial, design, keyring.seal(text.encode(), table="passes", row=serial.bytes, now=now))
            for serial, text in tokens.items()
        ],
    )
    return tokens


async def paper(http: aiohttp.ClientSession, ours: Served, pass_type: str, serial: UUID, token: str) -> Paper:
    """Fetch a pass as it is."""
    headers = {"Authorization": f"ApplePass {token}", "Host": PUBLIC.removeprefix("https://")}
    async with http.get(f"{ours.url}/wallet/v1/passes/{pass_type}/{serial}", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return read(await answer.read())


async def one(
    http: aiohttp.ClientSession, ours: Served, phone: Listening, *, code: str, till: str
) -> tuple[float, float]:
    """Redeem a code; gives the seconds until the push, and until the wallet shows it."""
    phone.rung.clear()
    headers = {
        "Authorization": f"Bearer {till}",
        "Idempotency-Key": str(uuid4()),
        "Host": PUBLIC.removeprefix("https://"),
    }
    begun = time.perf_counter()
    async with http.post(f"{ours.url}/v1/redemptions", json={"code": code}, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
    await asyncio.wait_for(phone.rung.wait(), PUSH_S)
    pushed = time.perf_counter() - begun
    fetched = await phone.wallet.refresh()
    assert fetched, "the push tells of a change"
    assert all(phone.wallet.papers[serial].voided for serial in fetched)
    return pushed, time.perf_counter() - begun


async def measure(folder: Path, db: Connection, *, count: int) -> None:
    """Redeem one pass after the other, and print how soon the wallet showed it."""
    now = datetime.now(UTC)
    settings = msgspec.structs.replace(load(environment={}), data_dir=str(folder), mode="test")
    signers = open_signers(settings, now=now, log=structlog.get_logger("bench"))
    keyring = open_keyring(folder, now=now)
    key = keyring.current(Kind.CODE, now=now)
    made = await keys.create(db, kind="till", store_id=await a_store(db))
    assert made is not None
    serials = await passes(db, count=count, key_id=key.id)
    tokens = await seal(db, serials, keyring, now)
    phones: list[Listening] = []
    apple = Apns(
        client_ca=folder / "authority" / "wwdr.pem", tell=lambda seen: [each.hear(seen) for each in phones] and None
    )
    async with apple, aiohttp.ClientSession() as http:
        asked = {
            "mode": "test",
            "server.public_url": PUBLIC,
            "apns.base_url": apple.url,
            "apns.ca_file": str(apple.ca_file),
            "limits.wallet_per_minute": "1000000",
            "limits.requests_per_minute": "1000000",
        }
        async with kairos(folder, asked) as ours:
            phone = Listening(Wallet(http, ours.url))
            phones.append(phone)
            for serial, token in tokens.items():
                sheet = await paper(http, ours, signers.pass_type_id, serial, token)
                phone.wallet.papers[sheet.serial] = sheet
                assert await phone.wallet.register(sheet.serial) == 201
            await phone.wallet.refresh()
            times = [
                await one(http, ours, phone, code=code_for(serial, key=key), till=made.token) for serial in serials
            ]
    pushed, shown = ([each[place] for each in times] for place in (0, 1))
    show(
        f"from the till to the wallet, {count} redemptions one after the other",
        ["", "p50 ms", "largest ms"],
        [
            [name, f"{statistics.median(found) * 1e3:.0f}", f"{max(found) * 1e3:.0f}"]
            for name, found in (("until the push", pushed), ("until the wallet shows it", shown))
        ],
    )
    goal("wallets: a redemption is seen in the wallet (largest)", max(shown), "<=", 2.0, unit=" s")
