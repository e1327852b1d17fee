"""What tests of Google Wallet begin with: an issuer on a stand-in's account, and passes to show it."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import ClientSession, DummyCookieJar
from yarl import URL

from passes.google.callback import read_callback
from passes.google.credentials import SCOPE, ServiceAccount
from server.channels.google_keys import RootKeys
from server.channels.google_wallet import GoogleWallet
from server.channels.oauth import TokenSource
from server.model.ids import bucket_of
from server.model.money import Money
from server.model.pass_ import Benefit, Card, Pass, PassState, Spot, Told
from server.model.place import Point
from server.model.titled import Words
from server.pipeline.deliveries import DeliveryQueue
from server.pipeline.google_saves import hear
from server.pipeline.google_updates import GoogleUpdates, Update
from server.pipeline.numbering import Numbering, number_all
from server.pipeline.queue import Terms, ended_by
from server.pipeline.rules import Rules, programme_of
from server.settings import Settings
from server.store.ids import new_id
from server.store.pool import Pool
from server.wallet.google import Issuer
from server.wallet.keyring import Keyring
from server.web.parts import GoogleParts
from tests.counter_rows import the_desk
from tests.passes.google.samples import account
from tests.standins._google_signing import EMAIL, account_key, opened
from tests.standins.google import ISSUER, Google
from tests.web.serving import settings_with

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OFFER = UUID("0198a1c2-0000-7a10-b4c5-d6e7f8091a2b")
WORDS = Words(OFFER, "coffee-morning", {"de-DE": "Kaffee aufs Haus", "en-US": "Coffee on us"}, "en-US")


def google_settings(folder: Path, google: Google | None = None, **changes: Any) -> Settings:
    """The default settings in test mode with an issuer; `callback=False` changes google_wallet.callback."""
    given: dict[str, Any] = {"issuer_id": ISSUER, "service_account_file": str(folder / "account.json")}
    if google is not None:
        (folder / "account.json").touch(mode=0o600)
        (folder / "account.json").write_bytes(google.account)
        given |= {"base_url": google.base_url, "token_url": google.token_url, "root_keys_url": google.root_keys_url}
        given["calls_per_s"] = 10_000.0
    settings = settings_with(server__public_url=changes.pop("public_url", ""))
    return msgspec.structs.replace(
        settings, google_wallet=msgspec.structs.replace(settings.google_wallet, **(given | changes))
    )


def account_of(google: Google) -> ServiceAccount:
    """The stand-in's account, without reading its key file: that checks the key, which takes a tenth of a second."""
    return ServiceAccount(EMAIL, account_key(), "k1", google.token_url)


def the_issuer(folder: Path, google: Google | None = None, **changes: Any) -> tuple[Issuer, Keyring]:
    """An issuer with the samples' desk."""
    desk, keyring = the_desk(folder)
    desk.close()
    settings = google_settings(folder, google, **changes)
    who = account() if google is None else account_of(google)
    return Issuer(settings, who, desk=desk, keyring=keyring), keyring


def a_pass(**changes: Any) -> Pass:
    """A coffee in one of two stores, good for two hours."""
    serial = new_id(now=NOW)
    spots = tuple(Spot(new_id(), f"Filiale {n}", Point(48.39 + n / 1000, 9.99)) for n in range(2))
    given: dict[str, Any] = {
        "serial": serial,
        "customer_id": new_id(bucket=bucket_of(serial)),
        "moment_id": new_id(bucket=bucket_of(serial)),
        "offer_id": OFFER,
        "offer_version": 1,
        "state": PassState.ACTIVE,
        "card": Card("Coffee on us", "coffee-morning", spots, near=spots, told=Told(locale="en-US")),
        "benefit": Benefit("free_item", value=Money(250, "EUR"), sku="coffee-small"),
        "uses_total": 1,
        "uses_left": 1,
        "valid_from": NOW,
        "valid_until": NOW + timedelta(hours=2),
        "places": None,
        "place_tag": None,
        "key_id": 1,
        "token_sealed": b"",
        "modified_at": NOW,
        "created_at": NOW,
    }
    return Pass(**(given | changes))


def payload_of(url: str, google: Google | None = None) -> Mapping[str, Any]:
    """What a save link carries; its signature is checked by arithmetic (or by openssl, where it is the samples')."""
    jwt = url.removeprefix("https://pay.google.com/gp/v/save/")
    if google is None:
        from tests.passes.google.samples import opened as by_openssl

        _, claims = by_openssl(jwt)
    else:
        assert google.public is not None
        header, claims = opened(jwt, google.public)
        assert header["alg"] == "RS256"
    assert (claims["aud"], claims["typ"]) == ("google", "savetowallet")
    payload: Mapping[str, Any] = claims["payload"]
    return payload


def unsigned(url: str) -> Mapping[str, Any]:
    """The same without a look at the signature: for tests of what stands in it."""
    part = url.rsplit("/", 1)[1].split(".")[1]
    payload: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["payload"]
    return payload


class Silent:
    """Counts nothing."""

    def tried(self, name: str, outcome: str, count: int = 1) -> None:
        """Drop it."""

    def ended(self, name: str, state: str, count: int = 1) -> None:
        """Drop it."""


TERMS = Terms(at_once=8, lease_s=30, send_s=10, poll_s=1, attempts=10, first_retry_s=0.0, longest_retry_s=0.0)
NUMBERING = Numbering("pass.de.kaffeeklatsch.coupon", within=timedelta(days=3))


@dataclass
class Wire:
    """The way to Google and a stand-in at its end; what waits is sent one after the other, by the database's time."""

    pool: Pool
    google: Google
    issuer: Issuer
    keyring: Keyring
    queue: DeliveryQueue[Update, str]
    rules: Rules

    async def now(self) -> datetime:
        async with self.pool.acquire() as db:
            at: datetime = await db.fetchval("SELECT clock_timestamp()")
        return at

    async def lease(self) -> Any:
        return await self.queue.lease(limit=8, now=await self.now(), for_s=30)

    async def finish(self, item: Any) -> tuple[str, str | None]:
        """Send one that was leased, and write what became of it."""
        receipt = await self.queue.send(item, now=await self.now())
        ended = ended_by(receipt, item, now=await self.now(), terms=TERMS, chance=lambda: 0.0)
        await self.queue.end([ended], now=await self.now())
        return ended.state, ended.reason

    async def deliver(self, *, tries: int = 1) -> list[tuple[str, str | None]]:
        """Number what changed and send what waits, each at most so many times."""
        await number_all(self.pool, terms=NUMBERING)
        done = []
        for _ in range(tries):
            done += [await self.finish(item) for item in await self.lease()]
        return done

    async def save(self, serial: UUID, event: str = "save", **changes: Any) -> bool:
        """Have Google say that a pass was saved."""
        object_id = self.issuer.object_id(serial)
        now = await self.now()
        body = self.google.callback(object_id, f"{ISSUER}.{OFFER}", eventType=event, **changes)
        told = read_callback(body, root_keys=self.google.signer.root_keys(), issuer_id=ISSUER, now=now)
        async with self.pool.transaction() as db:
            return await hear(db, told, issuer=self.issuer)

    async def value(self, sql: str, *values: Any) -> Any:
        async with self.pool.acquire() as db:
            return await db.fetchval(sql, *values)

    async def run(self, sql: str, *values: Any) -> None:
        async with self.pool.acquire() as db:
            await db.execute(sql, *values)

    def object(self, serial: UUID) -> dict[str, Any]:
        return self.google.objects[self.issuer.object_id(serial)]

    def patches(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.google.calls("PATCH")
        return found


@contextlib.asynccontextmanager
async def wired(pool: Pool, folder: Path, *, quiet: bool = False, **changes: Any) -> AsyncIterator[Wire]:
    """Open the way; `quiet`: it is night all day."""
    async with Google() as google:
        issuer, keyring = the_issuer(folder, google, **changes)
        hours = {"quiet_hours__from_": "00:00", "quiet_hours__to": "24:00" if quiet else "00:00"}
        rules = Rules(pool, programme_of(settings_with(**hours, pressure__per_day=0, pressure__per_week=0)))
        await rules.refresh()
        async with ClientSession(cookie_jar=DummyCookieJar()) as session:
            tokens = TokenSource(session, account_of(google), scope=SCOPE)
            wallet = GoogleWallet(session, tokens, base_url=URL(google.base_url), calls_per_s=10_000)
            way = GoogleUpdates(wallet, issuer, ruleset=lambda: rules.current.ruleset)
            yield Wire(pool, google, issuer, keyring, DeliveryQueue(pool, way, tally=Silent()), rules)
            await wallet.close()


@contextlib.asynccontextmanager
async def google_parts(folder: Path, google: Google, **changes: Any) -> AsyncIterator[GoogleParts]:
    """What an open house has of Google, on a stand-in."""
    issuer, _ = the_issuer(folder, google, **changes)
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        tokens = TokenSource(session, account_of(google), scope=SCOPE)
        wallet = GoogleWallet(session, tokens, base_url=URL(google.base_url), calls_per_s=10_000)
        keys = RootKeys(session, URL(google.root_keys_url))
        yield GoogleParts(issuer, keys, wallet)
        await wallet.close()
        await keys.close()
