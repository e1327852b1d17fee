"""What ends is listed with its day, and what must be seen to with a sentence."""

from __future__ import annotations

from datetime import timedelta

from server.store.pool import Pool
from server.wallet.watch import Fixed, Life, Watch
from server.web import certificates
from tests.web.authors import house
from tests.web.people import Clock


async def test_the_next_to_end_comes_first_and_is_warned_of(pool: Pool) -> None:
    clock = Clock()
    now = clock.now()
    lives = [
        Life(name, now - timedelta(days=9), now + timedelta(days=left))
        for name, left in (("wwdr", 400), ("certificate", 9.5))
    ]
    watch = Watch(Fixed(*lives, warn=timedelta(days=30)))
    async with house(pool, certificates, clock=clock, watch=watch) as served:
        told = (await served.call("admin", "GET", "/v1/certificates")).json
        assert [each["name"] for each in told["items"]] == ["certificate", "wwdr"]
        [warned] = told["warnings"]
        assert (warned["code"], warned["name"]) == ("ends", "certificate")
        assert warned["sentence"].endswith("in 9 days: after that day no pass can be signed. Renew it now.")
        assert (await served.call("marketer", "GET", "/v1/certificates")).status == 403
