"""What must be seen to, in the reader's language: certificates that end, as the banner of a page says it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from server.wallet.watch import Code, Notice, say
from server.web.access import Kind, Principal
from server.web.languages import Language

_NAMES: Final[Mapping[str, str]] = {
    "certificate": "das Zertifikat für Coupons",
    "wwdr": "Apples Zwischenzertifikat (WWDR)",
    "next_certificate": "das folgende Zertifikat für Coupons",
    "next_wwdr": "Apples Zwischenzertifikat (WWDR) des folgenden Zertifikats",
    "apns_certificate": "das Zertifikat für Pushes an iPhones",
}
"""Neuter, all of them, as the sentences want it; other names are said as they are."""

_MEANS: Final[Mapping[str, str]] = {"apns_certificate": "geht kein Push an iPhones"}
_ELSE: Final = "kann kein Coupon signiert werden"

_SENTENCES: Final[Mapping[Code, str]] = {
    "ends": "{what} endet am {at:%d.%m.%Y}, in {days}: danach {means}. Jetzt erneuern",
    "gap": "{what} endet am {at:%d.%m.%Y}, und das folgende beginnt erst am {then:%d.%m.%Y}: dazwischen {means}",
    "ended": "{what} endete am {at:%d.%m.%Y}: bis ein neues an seiner Stelle ist, {means}",
    "until": "{what} endete am {at:%d.%m.%Y}: bis das folgende am {then:%d.%m.%Y} beginnt, {means}",
    "early": "{what} beginnt erst am {then:%d.%m.%Y}: davor {means}",
    "refused": "Eine neue Datei ist nicht zu gebrauchen ({what}), die alte gilt weiter: {reason}",
}


def may_see_to(principal: Principal) -> bool:
    """Tell whether somebody can do something about it: whoever else reads of it learns to overlook it."""
    return Kind.ADMIN in principal.roles


def tell(notices: Sequence[Notice], *, now: datetime, language: Language) -> list[str]:
    """Say notices in a language."""
    return [say(notice, now=now) if language == "en" else _german(notice, now) for notice in notices]


def _german(notice: Notice, now: datetime) -> str:
    left = 0 if notice.at is None else max(0, (notice.at - now) // timedelta(days=1))
    text = _SENTENCES[notice.code].format(
        what=_NAMES.get(notice.name, notice.name),
        means=_MEANS.get(notice.name, _ELSE),
        at=notice.at or now,
        then=notice.then or now,
        days="einem Tag" if left == 1 else f"{left} Tagen",
        reason=notice.reason.rstrip("."),
    )
    return f"{text[0].upper()}{text[1:]}."
