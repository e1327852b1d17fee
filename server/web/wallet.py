"""Apple's web service for passes: a wallet registers, asks what changed, fetches it, unregisters, and tells what went wrong.

https://developer.apple.com/documentation/walletpasses/adding-a-web-service-to-update-passes (and the archived
"PassKit Web Service Reference"). The base is the pass's `webServiceURL`, `<public_url>/wallet/`; who holds a pass is read
by `server.web.holder`.

What Apple leaves open: a device that we do not know, or whose tag is the newest, is told 204 (there are no matching
passes), so that nobody learns which device ids there are; an empty tag, and one that we never gave, lists all.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Annotated, Final

import msgspec
import structlog

from server.errors import Unauthenticated
from server.pipeline import registering
from server.pipeline.numbering import numbering_of
from server.store import farewell, passes, registrations
from server.store.pool import Connection
from server.wallet.issue import MEDIA
from server.web.call import Call, Reply
from server.web.door import door
from server.web.holder import is_apple

_REGISTRATION: Final = "/wallet/v1/devices/{dev}/registrations/{type}/{serial}"
_SETTING: Final = "limits.wallet_per_minute"
_TAG: Final = re.compile(r"[0-9]{1,18}")
_LINES: Final = 20
_CHARACTERS: Final = 400
_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_SECRET: Final = re.compile(rf"(?<![\w-])(?!{_UUID}(?![\w-]))[\w-]{{24,}}")
"""Device ids and tokens; serials, which are no secret, are told from them by their form."""

_LOG: Final = structlog.get_logger("kairos.wallet")


class PushToken(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where the device is told of changes (Apple: PushToken)."""

    push_token: Annotated[str, msgspec.Meta(min_length=1, max_length=512, pattern="^[!-~]+$")] = msgspec.field(
        name="pushToken"
    )


class Done(msgspec.Struct, frozen=True):
    """Nothing: wallets look at the status alone."""


class SerialNumbers(msgspec.Struct, frozen=True):
    """The passes that changed, and the tag to ask with next time (Apple: SerialNumbers)."""

    serial_numbers: list[str] = msgspec.field(name="serialNumbers")
    last_updated: str = msgspec.field(name="lastUpdated")


class UpdatedSince(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The tag that the device was told last."""

    tag: str | None = msgspec.field(default=None, name="passesUpdatedSince")


class LogBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a wallet complains of (Apple: LogEntries)."""

    logs: list[str]


@door(
    "POST",
    _REGISTRATION,
    body=PushToken,
    answer=Done,
    status=201,
    summary="Register a device for a pass's changes: 201, or 200 where it was registered",
    example={"pushToken": "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"},
    errors=(200,),
    tags=("Wallet",),
)
async def register(call: Call) -> Reply:
    """Register a device for the pass it holds; a new push token replaces its old one."""
    _meter(call)

    async def put(db: Connection) -> bool:
        return await registering.register(
            db,
            device_id=call.text("dev"),
            pass_type=call.text("type"),
            serial=call.uuid("serial"),
            push_token=call.body.push_token,
            apple=is_apple(call.request.headers.get("Authorization")),
            most=call.parts.settings.limits.registrations_per_pass,
        )

    made = await call.parts.pool.attempt(put)
    return Reply(201 if made else 200, Done())


@door("DELETE", _REGISTRATION, answer=Done, summary="Unregister a device from a pass", tags=("Wallet",))
async def unregister(call: Call) -> Done:
    """Forget that the device holds the pass; one that was not registered is forgotten already."""
    _meter(call)
    async with call.transaction() as db:
        await registrations.delete(
            db, device_id=call.text("dev"), pass_type=call.text("type"), serial=call.uuid("serial")
        )
    return Done()


@door(
    "GET",
    "/wallet/v1/devices/{dev}/registrations/{type}",
    query=UpdatedSince,
    answer=SerialNumbers,
    summary="List a device's passes that changed since a tag; the device's id is the credential",
    errors=(204,),
    tags=("Wallet",),
)
async def updated(call: Call) -> Reply | SerialNumbers:
    """List what changed since the tag; without one of ours, all that the device holds."""
    _meter(call)
    found = await registering.updates(
        call.parts.pool,
        device_id=call.text("dev"),
        pass_type=call.text("type"),
        since=read_tag(call.query.tag),
        terms=numbering_of(call.parts.settings, pass_type=call.parts.desk.pass_type_id),
    )
    if not found.serials:
        return Reply(204)
    return SerialNumbers([str(serial) for serial in found.serials], str(found.mark))


@door(
    "GET",
    "/wallet/v1/passes/{type}/{serial}",
    answer=bytes,
    produces=MEDIA,
    summary="Fetch a pass as it is now; 304 where it has not changed since If-Modified-Since",
    errors=(304,),
    tags=("Wallet",),
)
async def fetch(call: Call) -> Reply:
    """Give the .pkpass. Every change moves Last-Modified by a second at least, so that none hides behind a 304."""
    parts, now = call.parts, call.parts.clock.now()
    async with call.connection() as db:
        found = await passes.find(db, serial=call.uuid("serial"))
        if found is not None and found.customer_id is None:  # the file is made of what was read
            await farewell.heard(db, serial=found.serial)
    if found is None or not found.held_at(now, farewell=timedelta(seconds=parts.settings.privacy.farewell_s)):
        raise Unauthenticated
    changed = found.modified_at.astimezone(UTC).replace(microsecond=0)
    headers = {"Last-Modified": format_datetime(changed, usegmt=True), "Cache-Control": "no-store"}
    since = read_date(call.request.headers.get("If-Modified-Since"))
    if since is not None and changed <= since:
        return Reply(304, headers=headers)
    file = await parts.desk.file(found, now=now)
    return Reply(200, file, headers=headers, media=MEDIA)


@door(
    "POST",
    "/wallet/v1/log",
    body=LogBody,
    answer=Done,
    summary="Tell what went wrong in a wallet; written into the server's log as what a stranger said",
    example={"logs": ["[2026-11-23 10:00:00 +0100] Get pass task encountered error: Server response was malformed"]},
    tags=("Wallet",),
)
async def log(call: Call) -> Done:
    """Write the first lines into the log, cut and escaped; nothing of them is stored."""
    call.gate.phones.take(("log", call.address), setting=_SETTING)
    lines: list[str] = call.body.logs
    said = [legible(line) for line in lines[:_LINES]]
    _LOG.info("a wallet says", lines=said, more=max(0, len(lines) - _LINES), request_id=call.request_id)
    return Done()


def read_tag(text: str | None) -> int | None:
    """Read a tag that we gave; None for everything else, which asks for all."""
    return int(text) if text is not None and _TAG.fullmatch(text) else None


def legible(text: str) -> str:
    """Make a stranger's text fit for a log: secrets out, one line of printable ASCII, cut."""
    return _SECRET.sub("***", text[: 4 * _CHARACTERS]).encode("unicode_escape").decode("ascii")[:_CHARACTERS]


def read_date(text: str | None) -> datetime | None:
    """Read an HTTP date; None for what is none: then the condition does not count (RFC 9110 §13.1.3)."""
    try:
        read = parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return read if read is None or read.tzinfo is not None else read.replace(tzinfo=UTC)


def _meter(call: Call) -> None:
    """Count a device's requests: one that went wild has sent hundreds."""
    call.gate.phones.take(("device", call.text("dev")), setting=_SETTING)
