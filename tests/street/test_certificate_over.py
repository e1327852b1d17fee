"""A certificate that is over ends the passes and nothing else, and a new one is taken without a restart."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from passes.apple.authority import throwaway_authority
from server.app import open_house
from tests.passes import samples
from tests.street.scene import Scene, furnish, report
from tests.street.serving import Street, street_settings
from tests.wallet.test_certificates import laid_down
from tests.wallet.test_signers import put

PUBLIC = "https://kairos.example"


async def fetched(scene: Scene, link: str) -> tuple[int, object]:
    """Ask for a pass's file by its link."""
    answer = await scene.ask("GET", urlsplit(link).path, headers={"Host": "kairos.example"})
    return answer.status, answer.headers.get("Retry-After") if answer.status == 503 else answer.headers["Content-Type"]


async def test_pings_counter_and_readiness_go_on_and_the_next_certificate_heals_the_passes(
    db_dsn: str, tmp_path: Path
) -> None:
    after = timedelta(days=400)  # the samples' certificate ends after 396
    settings = street_settings(db_dsn, tmp_path, clock_shift_s=after.total_seconds(), server__public_url=PUBLIC)
    next_ = tmp_path / "next"
    places = {f"next_{name}_file": str(next_ / f"{file}.pem") for name, file in
              (("certificate", "pass"), ("key", "key"), ("wwdr", "wwdr"))}  # fmt: skip
    settings = msgspec.structs.replace(settings, apple=laid_down(tmp_path, samples.authority(), **places).apple)
    async with open_house(settings, replaces=True) as house, aiohttp.ClientSession() as http:
        scene = await furnish(Street(house, http))
        told = await scene.taken()
        assert await fetched(scene, told["links"]["apple"]) == (503, "300")
        ready = await scene.ask("GET", "/readyz")
        assert (ready.status, ready.json["status"]) == (200, "ready")
        assert "ended on 2027-04-02: no pass can be signed" in ready.json["warnings"][0]
        now = house.parts.clock.now()
        assert (await scene.ask("POST", "/v1/pings", by="customer", body=report(now=now))).status == 200
        redeemed = await scene.ask("POST", "/v1/redemptions", by="till", body={"code": told["code"]})
        assert redeemed.status == 201, redeemed.body
        own = {"pass_type_id": samples.PASS_TYPE, "team_id": samples.TEAM, "organization": samples.BRAND}
        put(next_, throwaway_authority(**own, now=now))
        house.look.set()
        async with asyncio.timeout(30):
            while not house.parts.desk.signers.can_sign(house.parts.clock.now()):
                await asyncio.sleep(0.05)
        assert await fetched(scene, told["links"]["apple"]) == (200, "application/vnd.apple.pkpass")
        assert (await scene.ask("GET", "/readyz")).json["warnings"] == []
