"""The doctor plays a phone: it saves a pass, hears of a change, fetches it, throws it away, through the address that phones use.

It brings a pass of its own (`server.store.examination`) and takes it away again. Each step says which one failed and what is
to be done. The walk goes through `server.public_url`, so that the proxy in front is walked through, too; `--server` names
Kairos itself, to tell which of the two is at fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from server.commands.doctor_device import Device, ask
from server.commands.doctor_read import read_clock, read_list, read_modified, read_pass, read_push, read_service
from server.commands.doctor_step import Failed, Ground, Step, Unasked, attempt
from server.commands.doctor_why import ANSWER_S, Answer, why
from server.model.ids import bucket_of
from server.model.pass_ import Pass
from server.settings import Settings
from server.store import examination
from server.store.ids import new_id
from server.wallet.links import link_for

_CHANGE_S: Final = 10.0
"""A change is numbered twice a second, by a job of whichever process leads."""

_PUSH_S: Final = 20.0
"""Time for one pause between two tries, should Apple be busy."""

_PAUSE_S: Final = 0.2
_TAIL: Final = "wallet/"
_WRONG: Final = "A" * 43
_LINE: Final = "kairos doctor was here: a wallet's complaints arrive in this log"


class Part(NamedTuple):
    """A part of the walk; where one fails that is `needed`, the ones after it are not tried."""

    name: str
    needed: bool
    walk: Callable[[], Awaitable[str]]


async def examine_wallet(ground: Ground) -> list[Step]:
    """Walk through a wallet's life: link, register, list, change, push, list, fetch, log, unregister."""
    if not (ground.settings.server.public_url or ground.server):
        where = "where phones reach the server is not known: set server.public_url, or name a running one with --server"
        return [Step("wallet", None, where)]
    connector, device = aiohttp.TCPConnector(ssl=ground.trust), secrets.token_hex(16)
    async with (
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_S), cookie_jar=aiohttp.DummyCookieJar(), connector=connector
        ) as http,
        _own_pass(ground, device=device) as pass_,
    ):
        return await Walk(ground, http, pass_, device=device).all()


@contextlib.asynccontextmanager
async def _own_pass(ground: Ground, *, device: str) -> AsyncIterator[Pass]:
    """Lend a pass that is the doctor's own, and leave nothing of it."""
    now, desk = ground.clock.now(), ground.desk
    serial = new_id(bucket=bucket_of(examination.DOCTOR), now=now)
    token = desk.new_token(serial, now=now)
    try:
        async with ground.pool.transaction() as db:
            made = await examination.make(db, serial=serial, key_id=desk.code_key(now=now), token_sealed=token, now=now)
        yield made
    finally:
        async with ground.pool.transaction() as db:
            await examination.remove(db, serial=serial, device_id=device)


class Walk:
    """One walk with one pass and one device."""

    def __init__(self, ground: Ground, http: aiohttp.ClientSession, pass_: Pass, *, device: str) -> None:
        """Begin at the public address, or at the named server where there is none."""
        self._ground = ground
        self._http = http
        self._pass = pass_
        self._id = device
        self._public = (ground.settings.server.public_url or ground.server).rstrip("/")
        self._device = self._wallet(base=f"{self._public}/{_TAIL}", token="")
        self._date: str | None = None
        self._tag = ""
        self._modified = ""

    def _wallet(self, *, base: str, token: str) -> Device:
        type_, serial = self._ground.desk.pass_type_id, str(self._pass.serial)
        return Device(self._http, id_=self._id, base=base, pass_type=type_, serial=serial, token=token)

    async def all(self) -> list[Step]:
        """Take every step; those that stand on one that failed are not tried."""
        parts = (
            Part("link", True, self._link),
            Part("clock", False, self._clock),
            Part("register", True, self._register),
            Part("list", True, self._list),
            Part("push", False, self._push),
            Part("news", True, self._news),
            Part("fetch", True, self._fetch),
            Part("unchanged", False, self._unchanged),
            Part("log", False, self._log),
            Part("unregister", True, self._unregister),
        )
        steps: list[Step] = []
        for part in parts:
            if any(step.holds is False and known.needed for step, known in zip(steps, parts, strict=False)):
                steps.append(Step(f"wallet: {part.name}", None, "not tried: it stands on one that failed"))
            else:
                steps.append(await attempt(f"wallet: {part.name}", part.walk))
        return steps

    async def _link(self) -> str:
        now = self._ground.clock.now()
        link = link_for(self._pass.serial, base_url=self._public, keyring=self._ground.secrets, now=now)
        answer = await ask(self._http, "GET", link)
        if answer.status == 404 and answer.ours:
            alive = await ask(self._http, "GET", f"{self._public}/healthz")
            moved = alive.status == 404 and alive.ours  # Kairos has this page, if it is asked for it
            raise Failed(
                why(answer, wanted="200") if moved else f"{answer.asked} is a link unknown there: {self._strange()}"
            )
        document = read_pass(answer, pass_type=self._ground.desk.pass_type_id)
        self._date = answer.headers.get("Date")
        address = read_service(document, public=self._public)
        if address is not None:
            self._device = self._wallet(base=address, token=document["authenticationToken"])
            return f"the file is whole, signed, and asks at {address}"
        row = self._pass.serial.bytes
        token = self._ground.secrets.unseal(self._pass.token_sealed, table="passes", row=row, now=now)
        self._device = self._wallet(base=f"{self._public}/{_TAIL}", token=(token or b"").decode())
        return (
            "the file is whole and signed; without https it names no address for updates, so that phones would never ask:"
            " set server.public_url"
        )

    async def _clock(self) -> str:
        shift = timedelta(seconds=self._ground.settings.clock_shift_s)
        told = read_clock(self._date, now=self._ground.clock.now() - shift)
        if told is None:
            raise Unasked("the answer carries no Date")
        return told

    async def _register(self) -> str:
        answer = await self._device.register()
        if answer.status == 401:
            raise Failed(await self._unbelieved(answer))
        if answer.status != 201:
            raise Failed(why(answer, wanted="201"))
        return "201: the device is registered"

    async def _unbelieved(self, answer: Answer) -> str:
        """Say why the pass's own token is not believed; asked directly, the server tells who is at fault."""
        said = f"{answer.asked} answers 401: the pass's own token is not believed"
        dropped = "the proxy drops the Authorization header, and must hand it on as it came"
        server = self._ground.server.rstrip("/")
        if not server or server == self._public:
            return (
                f"{said}. Either {dropped}, or {self._strange()}. With --server, the address of Kairos itself, this walk"
                " tells which of the two"
            )
        try:
            direct = await self._device.register(base=f"{server}/{_TAIL}", host=urlsplit(self._public).netloc)
        except Failed as error:
            return f"{said}. Whether {dropped}, could not be seen: {error}"
        if direct.status in (200, 201):
            return f"{said}, and asked directly at {server} it is: {dropped}"
        return f"{said}, and asked directly at {server} neither ({direct.status}): {self._strange()}"

    def _strange(self) -> str:
        home = self._ground.settings.home
        return f"the server there works with another database, or with other secrets than those in {home / 'secrets'}"

    async def _list(self) -> str:
        found = read_list(await self._device.list())
        if found is None or str(self._pass.serial) not in found.serials:
            raise Failed(
                "the pass is not in the list right after the device registered: a cache answers in Kairos' place (nothing"
                " below /wallet/ may be kept), or several servers do not share one database"
            )
        self._tag = found.tag
        return f"200: lists the pass, tag {found.tag}"

    async def _push(self) -> str:
        """Change the pass, and see what becomes of the push; the walk goes on whether or not one left."""
        async with self._ground.pool.transaction() as db:
            await examination.change(db, serial=self._pass.serial)
        if not told_by_push(self._ground.settings):
            raise Unasked(
                "the pass was changed, and no push leaves: Apple knows no throw-away authority. Set apple.* and apns.*; until"
                " then phones ask by themselves, once a day or so"
            )
        loop = asyncio.get_running_loop()
        pushed, until = None, loop.time() + _PUSH_S
        while loop.time() < until and (pushed is None or pushed.state in ("queued", "leased")):
            await asyncio.sleep(_PAUSE_S)
            async with self._ground.pool.acquire() as db:
                pushed = await examination.pushed(db, device_id=self._id)
        return read_push(pushed, seconds=_PUSH_S)

    async def _news(self) -> str:
        """Ask with the tag until the change is told. A device that Apple does not know was forgotten: it comes back first."""
        loop = asyncio.get_running_loop()
        until, serial = loop.time() + _CHANGE_S, str(self._pass.serial)
        while True:
            found = read_list(await self._device.list(since=self._tag))
            if found is not None and serial in found.serials and found.tag != self._tag:
                return f"200: tells of the change, tag {found.tag}"
            if loop.time() >= until:
                raise Failed(
                    f"{_CHANGE_S:g} s after the pass was changed the device is told nothing of it: a cache answers in Kairos'"
                    " place, or no `kairos serve` does the jobs of this database"
                )
            if found is None and (again := await self._device.register()).status not in (200, 201):
                raise Failed(why(again, wanted="200"))
            await asyncio.sleep(_PAUSE_S)

    async def _fetch(self) -> str:
        before = self._pass.modified_at
        forged = await self._device.fetch(token=_WRONG)
        if forged.status != 401:
            raise Failed(
                f"{forged.asked} with a wrong token answers {forged.status} where 401 should come: something in between answers"
                " everybody. Take passes out of every cache at once"
            )
        answer = await self._device.fetch(since=format_datetime(before.astimezone(UTC), usegmt=True))
        if answer.status == 304:
            raise Failed(
                f"{answer.asked} says 304 although the pass changed: a cache answers in Kairos' place. Nothing below /wallet/"
                " may be kept"
            )
        if answer.status == 401:
            raise Failed(await self._unbelieved(answer))
        read_pass(answer, pass_type=self._ground.desk.pass_type_id)
        self._modified = read_modified(answer, before=before)
        return "200: the changed pass, whole and signed; a wrong token gets 401"

    async def _unchanged(self) -> str:
        answer = await self._device.fetch(since=self._modified)
        if answer.status == 200:
            raise Failed(
                f"{answer.asked} sends the pass again although it did not change: If-Modified-Since does not arrive as the phone"
                " sends it, so that every phone fetches every pass each time. The proxy must hand it on"
            )
        if answer.status != 304:
            raise Failed(why(answer, wanted="304"))
        return "304: what did not change is not sent again"

    async def _log(self) -> str:
        answer = await self._device.complain(_LINE)
        if answer.status != 200:
            raise Failed(why(answer, wanted="200"))
        return "200: complaints of wallets arrive"

    async def _unregister(self) -> str:
        answer = await self._device.unregister()
        if answer.status != 200:
            raise Failed(why(answer, wanted="200"))
        if read_list(await self._device.list()) is not None:
            raise Failed(
                "the device still has a list after it has thrown its only pass away: a cache answers in Kairos' place"
            )
        return "200: the device is forgotten"


def told_by_push(settings: Settings) -> bool:
    """Tell whether changes leave as pushes: with a certificate of Apple's, or to a stand-in."""
    return bool(settings.apple.pass_type_id or settings.apns.base_url)
