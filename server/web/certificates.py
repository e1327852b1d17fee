"""GET /v1/certificates: what ends when, and what must be seen to."""

from __future__ import annotations

from datetime import datetime

import msgspec

from server.wallet.watch import Code, say
from server.web.call import Call
from server.web.door import door


class Ending(msgspec.Struct, frozen=True):
    """Something that ends, by its name (`certificate`, `wwdr`, `next_…`, `apns_certificate`)."""

    name: str
    ends_at: datetime


class Warned(msgspec.Struct, frozen=True):
    """What somebody must see to: why (`ends`, `gap`, `ended`, `until`, `early`, `refused`), and the same in a sentence."""

    code: Code
    name: str
    at: datetime | None
    then: datetime | None
    sentence: str


class Certificates(msgspec.Struct, frozen=True):
    """All that ends, the next one first; and warnings, from `apple.warn_days` before."""

    items: list[Ending]
    warnings: list[Warned]


@door("GET", "/v1/certificates", answer=Certificates, summary="What ends, and what to see to", tags=("House",))
async def show(call: Call) -> Certificates:
    """Ask the watch."""
    now, watch = call.parts.clock.now(), call.parts.watch
    ends = sorted(watch.ends().items(), key=lambda each: each[1])
    warnings = [Warned(each.code, each.name, each.at, each.then, say(each, now=now)) for each in watch.notices(now)]
    return Certificates([Ending(*each) for each in ends], warnings)
