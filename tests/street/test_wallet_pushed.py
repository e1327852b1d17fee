"""A wallet that waits for word: whatever happens to a pass arrives by push, list and fetch, and by nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from server.pipeline import pass_jobs
from tests.apple_home import home, settings, standin
from tests.standins.apns import Apns
from tests.street.scene import Scene, document, furnish
from tests.street.serving import open_street
from tests.street.test_wallet import STAMPS, another, redeem, stored, taken
from tests.street.wallet import Wallet

PATIENCE_S = 30.0


@pytest.fixture
async def apple(tmp_path: Path) -> AsyncIterator[Apns]:
    async with standin(tmp_path) as opened:
        yield opened


@pytest.fixture
async def scene(db_dsn: str, tmp_path: Path, apple: Apns) -> AsyncIterator[Scene]:
    told = settings(apple, tmp_path).apns
    given: dict[str, Any] = {
        "apns": told,
        "server__public_url": "https://kairos.example",
        "limits__wallet_per_minute": 10**6,
        "limits__requests_per_minute": 10**6,
        "jobs__expire_s": 0.5,
        "outbox__first_retry_s": 0.05,
    }
    async with open_street(db_dsn, home(), **given) as street:
        yield await furnish(street)


@pytest.fixture
async def wallet(scene: Scene) -> Wallet:
    return another(scene)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


class Ear:
    """What came for one wallet: it does nothing that it was not told."""

    def __init__(self, apple: Apns, wallet: Wallet) -> None:
        self.apple, self.wallet, self.heard = apple, wallet, 0

    def pushes(self) -> list[str]:
        """The ids of the pushes for it that Apple took."""
        seen = (each for each in self.apple.seen if each.token == self.wallet.push_token and not each.reason)
        return [each.headers["apns-id"] for each in seen]

    async def refreshed(self) -> list[str]:
        """Wait for word, then ask; gives the serials that changed."""
        await until(lambda: len(self.pushes()) > self.heard)
        self.heard = len(self.pushes())
        return await self.wallet.refresh()

    async def shows(self, holds: Callable[[], bool]) -> None:
        """Refresh with every push until the wallet shows what it should."""
        while not holds():
            await self.refreshed()


async def changed(scene: Scene, sql: str) -> None:
    async with scene.street.house.parts.pool.acquire() as db:
        await db.execute(sql)


async def settled(scene: Scene) -> None:
    """Wait until nothing is to be told any more."""
    open_ = (
        "SELECT (SELECT count(*) FROM passes WHERE tag < 0)"
        " + (SELECT count(*) FROM deliveries WHERE channel = 'apple_wallet' AND state IN ('queued', 'leased'))"
    )
    async with asyncio.timeout(PATIENCE_S):
        while await stored(scene, open_):
            await asyncio.sleep(0.02)


async def test_what_the_counter_does_turns_the_pass_in_the_wallet(scene: Scene, wallet: Wallet, apple: Apns) -> None:
    told, ear = await taken(scene, wallet, reward=STAMPS), Ear(apple, wallet)
    await wallet.refresh()
    paper = wallet.papers[told["serial"]]
    assert (paper.voided, paper.value("uses"), apple.seen) == (False, 4, [])
    for left in (3, 2, 1, 0):  # several of them within one second
        await redeem(scene, told)
        await ear.shows(lambda left=left: wallet.papers[told["serial"]].value("uses") == left)  # type: ignore[misc]
    assert wallet.papers[told["serial"]].voided
    [push] = {(each.headers["apns-topic"], each.headers["apns-push-type"], each.body) for each in apple.seen}
    assert push == (paper.document["passTypeIdentifier"], "background", b"{}")
    await settled(scene)
    assert len(set(ear.pushes())) == len(ear.pushes()) <= 4


async def test_a_lost_address_is_told_nothing_more_until_the_wallet_brings_one_again(
    scene: Scene, wallet: Wallet, apple: Apns
) -> None:
    told, ear = await taken(scene, wallet, reward=STAMPS), Ear(apple, wallet)
    other = await taken(scene, wallet)
    apple.orders.gone[wallet.push_token] = int(time.time() * 1000) + 1
    await redeem(scene, told)
    await settled(scene)
    assert [each.reason for each in apple.seen] == ["Unregistered"]
    assert await stored(scene, "SELECT count(*) FROM registrations") == 0
    await redeem(scene, told)
    await settled(scene)
    assert len(apple.seen) == 1
    assert await wallet.list() == []
    apple.orders.gone.clear()
    for serial in (told["serial"], other["serial"]):
        assert await wallet.register(serial) == 201
    await ear.shows(lambda: wallet.papers[told["serial"]].value("uses") == 2)
    await redeem(scene, told)
    await ear.shows(lambda: wallet.papers[told["serial"]].value("uses") == 1)


async def test_wallets_that_are_not_apples_are_never_pushed_to_and_hear_when_they_ask(
    scene: Scene, wallet: Wallet, apple: Apns
) -> None:
    wallet.push_token = "fGz1:APA91bH-_x" * 9
    told = await taken(scene, wallet)
    await wallet.refresh()
    await redeem(scene, told)
    await settled(scene)
    assert apple.seen == []
    assert await wallet.refresh() == [told["serial"]]
    assert wallet.papers[told["serial"]].voided


async def test_a_service_that_is_down_delays_the_word_and_loses_none(scene: Scene, wallet: Wallet, apple: Apns) -> None:
    told, ear = await taken(scene, wallet), Ear(apple, wallet)
    await wallet.refresh()
    apple.orders.plan.extend(["ServiceUnavailable", "cut_first"])
    await redeem(scene, told)
    await ear.shows(lambda: wallet.papers[told["serial"]].voided)
    assert len({each.headers["apns-id"] for each in apple.seen}) == 1


async def test_an_erased_customers_wallet_hears_the_last_word_and_is_then_forgotten(
    scene: Scene, wallet: Wallet, apple: Apns
) -> None:
    told, ear = await taken(scene, wallet), Ear(apple, wallet)
    await wallet.refresh()
    assert (await scene.ask("DELETE", "/v1/me", by="customer")).status == 204
    await ear.shows(lambda: wallet.papers[told["serial"]].voided)
    await settled(scene)
    assert await stored(scene, "SELECT count(*) FROM registrations") == 0
    async with asyncio.timeout(PATIENCE_S):
        while await stored(scene, "SELECT count(*) FROM deliveries WHERE device_hash IS NOT NULL"):
            await asyncio.sleep(0.05)


async def test_an_edit_and_a_new_signature_reach_the_wallet_with_one_push_each(
    scene: Scene, wallet: Wallet, apple: Apns
) -> None:
    ear, offer = Ear(apple, wallet), await scene.made("/v1/offers", document("muffin"))
    assert (await scene.ask("POST", f"/v1/offers/{offer['id']}/publish", by="admin")).status == 200
    scene.offer = type(scene.offer)(offer["id"])
    held = [await taken(scene, wallet) for _ in range(3)]
    await wallet.refresh()
    await changed(
        scene, "UPDATE passes SET created_at = created_at - interval '10 seconds'"
    )  # an edit need not wait for them
    content = {"en-US": {"title": "A muffin, too", "body": "…"}}
    moment = {"surfaces": ["in_app"], "content": content, "fallback_locale": "en-US"}
    edited = await scene.ask("PUT", f"/v1/offers/{offer['id']}", by="admin", body=document("muffin", moment=moment))
    assert edited.status == 200, edited.body
    titles = [lambda serial=each["serial"]: wallet.papers[serial].value("reward") for each in held]
    await ear.shows(lambda: {title() for title in titles} == {"A muffin, too"})
    await settled(scene)
    assert len(ear.pushes()) == 1
    await scene.street.house.parts.pool.attempt(lambda db: pass_jobs.resign(db, offer_id=None, by="tests"))
    assert set(await ear.refreshed()) >= {each["serial"] for each in held}
    await settled(scene)
    assert len(ear.pushes()) == 2
