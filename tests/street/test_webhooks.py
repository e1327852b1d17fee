"""Another system hears, over its own socket and signed, what a customer, a till and an admin did through the doors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from server.store import funnel
from tests.standins.webhook import Receiver
from tests.street.scene import Scene, document, furnish, report
from tests.street.serving import open_street


@pytest.fixture
async def scene(db_dsn: str, tmp_path: Path) -> AsyncIterator[Scene]:
    quick = {
        "jobs__rollup_s": 0.1,
        "outbox__poll_s": 0.5,
        "webhooks__first_retry_s": 0.05,
        "webhooks__longest_retry_s": 0.2,
    }
    async with open_street(db_dsn, tmp_path, **quick) as street:
        scene = await furnish(street)
        await funnel.roll(street.house.parts.pool)  # what it took to furnish it, nobody is told
        yield scene


async def listening(scene: Scene, receiver: Receiver, *events: str) -> str:
    """Add an endpoint by its door."""
    made = await scene.made("/v1/webhooks", {"url": receiver.url, "events": list(events) or ["*"]})
    receiver.secrets.append(made["secret"])
    return str(made["id"])


async def live(scene: Scene) -> dict[str, Any]:
    """Let a customer come by, be shown an offer, open it, take the pass, and redeem it; and an admin void another's."""
    offer = (await scene.made("/v1/offers", document()))["id"]
    assert (await scene.ask("POST", f"/v1/offers/{offer}/publish", by="admin")).status == 200
    await scene.street.house.parts.rules.refresh()
    await scene.sign_up("passer-by")
    came = await scene.ask("POST", "/v1/pings", by="passer-by", body=report())
    [moment] = came.json["moments"]
    at = datetime.now(UTC).isoformat()
    told = [{"id": str(uuid4()), "moment_id": moment["id"], "type": kind, "at": at} for kind in ("opened", "clicked")]
    assert (await scene.ask("POST", "/v1/events", by="passer-by", body={"events": told})).json["accepted"] == 2
    taken = await scene.taken("passer-by")
    redeemed = await scene.made("/v1/redemptions", {"code": taken["code"]}, by="till")
    back = await scene.ask(
        "POST", f"/v1/redemptions/{redeemed['id']}/reversal", by="till", body={"reason": "a mistake"}
    )
    assert back.status == 201
    voided = await scene.ask("POST", f"/v1/passes/{taken['serial']}/void", by="admin", body={"reason": "moved away"})
    assert voided.status == 200
    return {"moment": moment["id"], "serial": taken["serial"], "redemption": redeemed["id"], "offer": offer}


LIFE = {
    "kairos.moment.created", "kairos.moment.delivered", "kairos.moment.opened", "kairos.moment.clicked", "kairos.pass.issued",
    "kairos.pass.voided", "kairos.redemption.created", "kairos.redemption.reversed",
}  # fmt: skip


async def test_a_whole_life_is_heard_by_a_system_that_fails_now_and_then(scene: Scene) -> None:
    async with Receiver(seed=7) as receiver:
        receiver.orders.shares = {"503": 0.3, "reset": 0.2}
        webhook = await listening(scene, receiver)
        life = await live(scene)
        await receiver.until(lambda: set(receiver.types()) >= LIFE)
        mine = {each.event["type"]: each.event for each in receiver.heard}
        assert mine["kairos.moment.opened"]["data"]["moment_id"] == life["moment"]
        assert all(each.verified for each in receiver.heard)
        assert set(mine) >= LIFE
        created = mine["kairos.redemption.created"]
        assert (created["subject"], created["data"]["serial"]) == (life["redemption"], life["serial"])
        assert created["data"]["value"] == {"minor": 250, "currency": "EUR"}
        assert created["data"]["customer_id"] == str(scene.customers["passer-by"])
        assert created["source"] == scene.street.url
        for words in ("Coffee on us", "a mistake", "moved away", "50.97", "11.03"):
            assert words.encode() not in b"".join(each.body for each in receiver.heard)
        log = (await scene.ask("GET", f"/v1/webhooks/{webhook}/calls?state=sent", by="admin")).json["items"]
        assert {each["event_id"] for each in log} <= {each.id for each in receiver.heard}


async def test_what_was_missed_is_told_by_a_replay_and_a_test_by_itself(scene: Scene) -> None:
    async with Receiver() as receiver:
        receiver.orders.shares = {"500": 1.0}
        webhook = await listening(scene, receiver, "kairos.pass.issued")
        await scene.taken()
        async with asyncio.timeout(60):
            while (await scene.ask("GET", f"/v1/webhooks/{webhook}", by="admin")).json["failing_since"] is None:
                await asyncio.sleep(0.05)
        assert not receiver.taken
        off = await scene.ask("PATCH", f"/v1/webhooks/{webhook}", by="admin", body={"enabled": False})
        assert (off.json["enabled"], off.json["disabled_for"]) == (False, None)
        receiver.orders.shares = {}
        assert (await scene.ask("PATCH", f"/v1/webhooks/{webhook}", by="admin", body={"enabled": True})).status == 200
        asked = {"from": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
        asked["to"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        replayed = await scene.ask("POST", f"/v1/webhooks/{webhook}/replay", by="admin", body=asked)
        assert replayed.status == 202
        await receiver.until(lambda: bool(receiver.taken))
        tested = await scene.ask("POST", f"/v1/webhooks/{webhook}/test", by="admin")
        await receiver.until(lambda: tested.json["event_id"] in receiver.taken)
    assert {each.event["type"] for each in receiver.heard} == {"kairos.pass.issued", "kairos.webhook.test"}
    assert len({each.id for each in receiver.heard if each.event["type"] == "kairos.pass.issued"}) == 1


async def test_who_is_erased_is_named_in_nothing_that_is_still_to_be_told(scene: Scene) -> None:
    async with Receiver() as receiver:
        receiver.orders.shares = {"503": 1.0}
        await listening(scene, receiver)
        customer = await scene.sign_up("leaving")
        await scene.taken("leaving")
        await receiver.until(lambda: "kairos.pass.issued" in {each.event["type"] for each in receiver.heard})
        assert str(customer).encode() in b"".join(each.body for each in receiver.heard)
        assert (await scene.ask("DELETE", "/v1/me", by="leaving")).status == 204
        known = {each.id for each in receiver.heard}
        receiver.heard.clear()
        # What was on its way in that instant still arrives: of each message the second one from here was begun afterwards.
        await receiver.until(lambda: all(sum(each.id == one for each in receiver.heard) >= 2 for one in known))
        receiver.heard.clear()
        receiver.orders.shares = {}
        await receiver.until(lambda: {"kairos.pass.issued", "kairos.pass.voided"} <= set(receiver.types()))
        await asyncio.sleep(0)
    assert str(customer).encode() not in b"".join(each.body for each in receiver.heard)
