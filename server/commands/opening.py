"""Opening the demo: the town is made anew in a data folder that is the demo's alone (a mark in it says so)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
import structlog
from rich.console import Console
from rich.table import Table

from server.app import Addresses, House, open_database, open_house
from server.commands import history
from server.commands.scene import play
from server.commands.serve import stop_signals
from server.commands.services import KEPT, Services, open_services
from server.commands.town import START, documents
from server.configuration import config_folder
from server.errors import Misconfigured
from server.pipeline import authoring
from server.pipeline.author import Author
from server.pipeline.places import add_stores, check_store
from server.pipeline.rules import programme_of
from server.settings import Settings
from server.store import embedded, keys, users
from server.store.clock import DatabaseClock
from server.store.pool import Connection, Pool, open_pool
from server.store.time_machine import travelling, turn
from server.wallet.issue import open_desk
from server.wallet.keyring import open_keyring
from server.web.passwords import Hasher

MARK = ".kairos-demo"
_BY = Author("demo")
PAGES: Final = (
    ("a phone", "/app"),
    ("the counter", "/counter"),
    ("dashboard", "/dashboard"),
    ("log-in", "/login"),
    ("the API", "/docs"),
)


class Credentials(NamedTuple):
    """What the demo prints: tokens by name, and who may log in with which password."""

    tokens: dict[str, str]
    logins: dict[str, str]


async def show(settings: Settings, console: Console, *, check: bool) -> bool:
    """Make the town, open the house; play the scene or wait for the end. Tells whether all held."""
    stop = stop_signals()
    await clear(settings.home)
    async with open_services(settings) as services:
        return await _show(
            services.settings if services else settings, console, stop=stop, check=check, services=services
        )


async def _show(
    settings: Settings, console: Console, *, stop: asyncio.Event, check: bool, services: Services | None
) -> bool:
    if check:
        settings = awake(settings)
    with console.status("making the town …") as status:
        async with (
            open_database(settings) as addresses,
            open_town(settings, addresses, told=lambda day: status.update(f"living through {day} …")) as (house, made),
        ):
            status.stop()
            if check:
                root = settings.home / "authority" / "root.pem"
                return await play(house.url, tokens=made.tokens, root=root, say=console.print, services=services)
            kept = settings.home / KEPT if services else None
            introduce(console, house.url, made, pushes=kept, phone=services.phone if services else "")
            if services is not None:
                services.told = lambda sent: console.print(f"push by {sent.way}: “{sent.title}”")
            await stop.wait()
    return True


@contextlib.asynccontextmanager
async def open_town(
    settings: Settings, addresses: Addresses, *, told: Callable[[str], None]
) -> AsyncIterator[tuple[House, Credentials]]:
    """Make the town in an empty database and open its house, whose day and sky can be moved on; pages have its app's key."""
    async with travelling(addresses.owner) as moved:
        made = await settle(settings, moved, told=told)
        app = msgspec.structs.replace(settings.app, key=made.tokens["app"], lat=START.lat, lon=START.lon)
        async with open_house(msgspec.structs.replace(settings, app=app), staged=True) as house:
            yield house, made


def awake(settings: Settings) -> Settings:
    """Give settings without quiet hours: the scene has a push in it, and may be played at night."""
    quiet = msgspec.structs.replace(settings.quiet_hours, to=settings.quiet_hours.from_)
    return msgspec.structs.replace(settings, quiet_hours=quiet)


async def clear(home: Path) -> None:
    """Remove an earlier town; raises Misconfigured where the folder is in use, or is not the demo's."""
    found = await asyncio.to_thread(_contents, home)
    if found and MARK not in found:
        raise Misconfigured(f"{home} is not empty and no demo's: name an empty folder with --data-dir")
    if found and not await embedded.stop_if_unused(home, log=structlog.get_logger("kairos.postgresql")):
        raise Misconfigured(f"{home} is in use: a demo is running already; name another folder with --data-dir")
    await asyncio.to_thread(_empty, home)


def _contents(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()} if home.is_dir() else set()


def _empty(home: Path) -> None:
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True)
    (home / MARK).touch()


async def settle(settings: Settings, moved: str, *, told: Callable[[str], None]) -> Credentials:
    """Write shops, offers, people who log in and keys, then live through the week; `moved` lives by a time machine's dial."""
    async with await open_pool(moved, size=8, application_name="kairos demo") as pool:
        async with pool.transaction() as db:
            now = await DatabaseClock().sync(db)
            await turn(db, shift=-history.LONG_AGO)
        async with pool.transaction() as db:
            await _found(db, settings)
        made = await _staff(pool)
        keyring = open_keyring(settings.home, now=now - history.LONG_AGO)  # its keys are good in the past, too
        desk = open_desk(settings, keyring=keyring, now=now, log=structlog.get_logger())
        try:
            past = history.Past(pool, settings, desk, await history.tills_of(pool))
            await history.live(past, now=now, told=told)
        finally:
            desk.close()
        async with pool.transaction() as db:
            await turn(db, shift=timedelta(0))
    return made


async def _found(db: Connection, settings: Settings) -> None:
    await add_stores(db, drafts=[check_store(document) for document in documents()], by=_BY)
    programme = programme_of(settings)
    for path in sorted((config_folder() / "offers").glob("*.json")):
        written = await authoring.create(db, document=json.loads(path.read_text("utf-8")), programme=programme, by=_BY)
        await authoring.publish(db, offer_id=written.offer.id, programme=programme, by=_BY)


async def _staff(pool: Pool) -> Credentials:
    hasher, stores = Hasher(queue=8), await history.tills_of(pool)
    shop = next(name for name in stores if "Kornblume" in name)
    logins = {}
    try:
        for name, roles in (
            ("admin", ["admin"]),
            ("marketer", ["marketer"]),
            ("analyst", ["analyst"]),
            ("counter", ["counter"]),
        ):
            email, password = f"{name}@lindenquell.example", secrets.token_urlsafe(9)
            hashed = await hasher.hash(password)
            async with pool.transaction() as db:
                await users.create(
                    db,
                    email=email,
                    name=name.capitalize(),
                    roles=roles,
                    store_id=stores[shop] if name == "counter" else None,
                    password_hash=hashed,
                    one_time=False,
                )
            logins[email] = password
    finally:
        hasher.close()
    async with pool.transaction() as db:
        tokens = {kind: await _key(db, kind) for kind in ("app", "crm", "marketer", "admin")}
        tokens["till"] = await _key(db, "till", store_id=stores[shop])
    return Credentials(tokens, logins)


async def _key(db: Connection, kind: str, *, store_id: UUID | None = None) -> str:
    made = await keys.create(db, kind=kind, store_id=store_id, name="demo")
    if made is None:
        raise LookupError(f"no key of kind {kind} could be made")
    return made.token


def introduce(console: Console, url: str, made: Credentials, *, pushes: Path | None = None, phone: str = "") -> None:
    """Print where everything is; `pushes` is where stand-ins of push services keep what they are sent, `phone` a page of it."""
    console.print(f"listening on {url}")
    console.print("\nLindenquell is open. Its passes are signed by a throw-away authority: they open on no phone.\n")
    pages = Table("page", "address", box=None)
    for name, path in PAGES:
        pages.add_row(name, f"{url}{path}")
    if phone:
        pages.add_row("pushes", phone)
    console.print(pages)
    people = Table("log in as", "password", box=None)
    for email, password in made.logins.items():
        people.add_row(email, password)
    console.print(people)
    console.print("\ntokens for the API (Authorization: Bearer …)")
    for kind, token in made.tokens.items():
        console.print(f"  {kind:<9} {token}")
    if pushes is not None:
        console.print(f"\npushes go to stand-ins on this machine; each is told here, and kept in {pushes}")
    console.print("\nCtrl-C ends it; the next start makes the town anew.")
