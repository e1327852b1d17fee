"""What a wallet reads out of an answer, as strictly as a phone does; Failed with a sentence where it would give up. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from passes.testing import check
from passes.testing.archive import read_archive
from server.commands.doctor_step import Failed
from server.commands.doctor_why import Answer, why
from server.store.examination import Pushed
from server.wallet.issue import MEDIA

_CLOCK_S: Final = 120
"""More than any network takes, and than two clocks differ that follow a time server."""


class Listed(msgspec.Struct, frozen=True):
    """The passes that changed, and the tag to ask with next time."""

    serials: list[str] = msgspec.field(name="serialNumbers")
    tag: str = msgspec.field(name="lastUpdated")


def read_pass(answer: Answer, *, pass_type: str) -> dict[str, Any]:
    """Read the pass.json of a file that came."""
    if answer.status != 200:
        raise Failed(why(answer, wanted="200"))
    kind = answer.headers.get("Content-Type", "")
    if kind.partition(";")[0].strip() != MEDIA:
        raise Failed(
            f"{answer.asked} is served as {kind or 'nothing'}, so that phones show a page of signs: the proxy must leave the"
            f" Content-Type as it is, {MEDIA}"
        )
    findings = check(answer.body, allow_http=True)
    if findings:
        first, more = findings[0], f" (and {len(findings) - 1} more)" if findings[1:] else ""
        raise Failed(f"no wallet takes the file: {first.where} {first.message} [{first.code}]{more}")
    document: dict[str, Any] = json.loads(read_archive(answer.body)[0]["pass.json"])
    if document["passTypeIdentifier"] != pass_type:
        raise Failed(
            f"the pass is of type {document['passTypeIdentifier']}, and these settings are for {pass_type}: the server there"
            " was started with another apple.pass_type_id, or with another data directory"
        )
    return document


def read_service(document: Mapping[str, Any], *, public: str) -> str | None:
    """Read where to ask for updates; None where the pass names no address, as it may without https."""
    address, wanted = document.get("webServiceURL"), f"{public}/wallet/"
    if address is not None and address != wanted:
        raise Failed(
            f"the pass names {address} as where to ask for updates, and these settings say {wanted}: the server there was"
            " started with another server.public_url"
        )
    if address is None and public.startswith("https://"):
        raise Failed(
            f"the pass names no address for updates: the server there was started without server.public_url, {public} here"
        )
    return address


def read_list(answer: Answer) -> Listed | None:
    """Read a list; None where there is nothing to tell."""
    if answer.status == 204:
        return None
    if answer.status != 200:
        raise Failed(why(answer, wanted="200 or 204"))
    try:
        return msgspec.json.decode(answer.body, type=Listed)
    except msgspec.MsgspecError:
        raise Failed(f"{answer.asked} answers with no list of serial numbers: another program answers") from None


def read_clock(date: str | None, *, now: datetime) -> str | None:
    """Compare the Date of an answer with the database's time; None where there is none to compare."""
    try:
        told = parsedate_to_datetime(date or "")
        off = round((told - now).total_seconds())
    except (ValueError, TypeError):
        return None
    if abs(off) > _CLOCK_S:
        way = "ahead of" if off > 0 else "behind"
        raise Failed(
            f"the clock of whoever answers is {abs(off)} s {way} the database's: dates of answers and ends of certificates are"
            " misjudged then. Let both follow a time server"
        )
    return "agrees with the database's"


def read_modified(answer: Answer, *, before: datetime) -> str:
    """Read the Last-Modified of a pass that changed after `before`."""
    told = answer.headers.get("Last-Modified", "")
    try:
        later = parsedate_to_datetime(told) > before.replace(microsecond=0)
    except (ValueError, TypeError):
        raise Failed(
            f"{answer.asked} comes without a Last-Modified that can be read: the proxy must leave it, else every phone fetches"
            " every pass again each time"
        ) from None
    if not later:
        raise Failed(
            f"{answer.asked} gives the pass as it was before the change: a cache answers in Kairos' place. Nothing below"
            " /wallet/ may be kept"
        )
    return told


_STRANGER: Final = "gone"
"""The outbox's word for a device that Apple does not know: Apple says so only to those whose certificate it believes."""


def read_push(pushed: Pushed | None, *, seconds: float) -> str:
    """Judge what became of the push to a made-up device."""
    if pushed is None:
        raise Failed(
            f"no push was written {seconds:g} s after the pass changed: no `kairos serve` does the jobs of this database"
        )
    if pushed.state == "delivered":
        return "the push was taken"
    reason = pushed.reason or "no reason"
    if reason == _STRANGER:
        return "Apple does not know the device, as it must be for one that is made up: certificate and topic are right"
    if pushed.state in ("queued", "leased"):
        raise Failed(
            f"the push is still waiting after {seconds:g} s ({reason}): is APNs reached (port 443, api.push.apple.com), and is"
            " a `kairos serve` running that sends?"
        )
    raise Failed(f"the push came to nothing: {pushed.state}, {reason}")
