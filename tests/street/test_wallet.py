"""Passes change in the wallet: from the counter to the phone, by nothing but what Apple documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.street.scene import Scene, furnish
from tests.street.serving import open_street
from tests.street.wallet import Wallet

STAMPS = {"type": "stamp", "uses": 4}


@pytest.fixture
async def scene(db_dsn: str, tmp_path: Path) -> AsyncIterator[Scene]:
    limits = {"limits__wallet_per_minute": 10**6, "limits__requests_per_minute": 10**6, "wallet__relevance_s": 1}
    async with open_street(db_dsn, tmp_path, server__public_url="https://kairos.example", **limits) as street:
        yield await furnish(street)


@pytest.fixture
async def wallet(scene: Scene) -> Wallet:
    return another(scene)


def another(scene: Scene, **changes: Any) -> Wallet:
    return Wallet(scene.street.http, scene.street.url, **changes)


async def file_of(scene: Scene, told: dict[str, Any]) -> bytes:
    """Fetch a pass by its link, as a phone does from the app."""
    path = urlsplit(told["links"]["apple"]).path
    answer = await scene.ask("GET", path, headers={"Host": "kairos.example"})
    assert answer.status == 200
    return answer.body


async def taken(scene: Scene, *wallets: Wallet, who: str = "customer", **moment: Any) -> dict[str, Any]:
    """Take a pass into wallets."""
    told = await scene.taken(who, **moment)
    file = await file_of(scene, told)
    for each in wallets:
        await each.add(file)
    return told


async def redeem(scene: Scene, told: dict[str, Any]) -> Any:
    return await scene.made("/v1/redemptions", {"code": told["code"]}, by="till")


async def stored(scene: Scene, sql: str) -> Any:
    async with scene.street.house.parts.pool.acquire() as db:
        return await db.fetchval(sql)


@pytest.mark.parametrize("slash", ["/", "//"])
async def test_what_the_counter_redeems_is_struck_out_in_the_wallet(scene: Scene, slash: str) -> None:
    wallet = another(scene, slash=slash)
    told = await taken(scene, wallet)
    assert await wallet.refresh() == [told["serial"]]  # all of them, the first time
    assert not wallet.papers[told["serial"]].voided
    assert await wallet.refresh() == []
    await redeem(scene, told)
    assert await wallet.refresh() == [told["serial"]]
    assert wallet.papers[told["serial"]].voided
    assert await wallet.refresh() == []
    assert wallet.unchanged == []


async def test_a_store_that_moves_takes_the_passes_in_the_wallet_along(scene: Scene, wallet: Wallet) -> None:
    store = f"/v1/stores/{scene.stores['till']}"
    told = await taken(scene, wallet, place_id=scene.stores["till"], place_name="Till")
    await wallet.refresh()
    async with asyncio.timeout(30):
        while "locations" not in wallet.papers[told["serial"]].document:  # the store has only just been opened
            await asyncio.sleep(0.05)
            await wallet.refresh()
    answer = (await scene.ask("GET", store, by="admin")).json
    assert answer["lat"] in [each["latitude"] for each in wallet.papers[told["serial"]].document["locations"]]
    moved = {name: answer[name] for name in ("name", "lon", "radius_m", "time_zone")} | {"lat": answer["lat"] + 0.01}
    assert (await scene.ask("PUT", store, by="admin", body=moved)).status == 200
    async with asyncio.timeout(30):
        while await wallet.refresh() != [told["serial"]]:
            await asyncio.sleep(0.05)
    places = wallet.papers[told["serial"]].document["locations"]
    assert moved["lat"] in [each["latitude"] for each in places]
    assert answer["lat"] not in [each["latitude"] for each in places]
    assert wallet.unchanged == []


async def test_an_edited_offer_changes_what_its_passes_say_and_nothing_that_they_promise(
    scene: Scene, wallet: Wallet
) -> None:
    told = await taken(scene, wallet, reward=STAMPS)
    await wallet.refresh()
    await stored(scene, "UPDATE passes SET created_at = created_at - interval '1 minute'")  # settled
    offer = f"/v1/offers/{scene.offer}"
    document = (await scene.ask("GET", offer, by="admin")).json["document"]
    words = {"de-DE": {"title": "Tee aufs Haus", "body": "…"}, "en-US": {"title": "Tea on us", "body": "…"}}
    edited = document | {"moment": document["moment"] | {"content": words}, "reward": {"type": "free_item"}}
    answer = await scene.ask("PUT", offer, by="admin", body=edited)
    assert answer.status == 200, answer.body
    async with asyncio.timeout(30):
        while await wallet.refresh() != [told["serial"]]:
            await asyncio.sleep(0.05)
    paper = wallet.papers[told["serial"]]
    assert paper.value("reward") in {"Tee aufs Haus", "Tea on us"}
    assert paper.value("uses") == 4


async def test_a_use_that_is_given_back_and_a_pass_that_is_voided_arrive_too(scene: Scene, wallet: Wallet) -> None:
    told, other = await taken(scene, wallet), await taken(scene, wallet)
    await wallet.refresh()
    redemption = await redeem(scene, told)
    await wallet.refresh()
    assert wallet.papers[told["serial"]].voided
    body = {"reason": "a mistake"}
    assert (await scene.ask("POST", f"/v1/redemptions/{redemption['id']}/reversal", by="till", body=body)).status == 201
    assert (await scene.ask("POST", f"/v1/passes/{other['serial']}/void", by="admin", body=body)).status == 200
    assert set(await wallet.refresh()) == {told["serial"], other["serial"]}
    assert not wallet.papers[told["serial"]].voided
    assert wallet.papers[other["serial"]].voided


async def test_two_changes_within_one_second_both_arrive(scene: Scene, wallet: Wallet) -> None:
    told = await taken(scene, wallet, reward=STAMPS)
    await wallet.refresh()
    left = [wallet.papers[told["serial"]].value("uses")]
    for _ in range(3):
        await redeem(scene, told)
        assert await wallet.refresh() == [told["serial"]]
        left.append(wallet.papers[told["serial"]].value("uses"))
    assert left == [4, 3, 2, 1]


async def test_a_change_before_the_wallet_registered_is_not_missed(scene: Scene, wallet: Wallet) -> None:
    early, late = await taken(scene, wallet), await scene.taken()
    file = await file_of(scene, late)
    await redeem(scene, late)
    await redeem(scene, early)
    await wallet.refresh()
    await wallet.add(file)
    assert not wallet.papers[late["serial"]].voided
    assert await wallet.refresh() == [late["serial"]]
    assert wallet.papers[late["serial"]].voided


async def test_every_device_that_holds_a_pass_hears_of_it_until_it_drops_it(scene: Scene, wallet: Wallet) -> None:
    watch = another(scene)
    told = await taken(scene, wallet, watch, reward=STAMPS)
    for each in (wallet, watch):
        await each.refresh()
    await redeem(scene, told)
    assert [await each.refresh() for each in (wallet, watch)] == [[told["serial"]]] * 2
    kept = await taken(scene, watch)
    assert await watch.remove(told["serial"]) == 200
    await redeem(scene, told)
    assert await wallet.refresh() == [told["serial"]]
    assert await watch.refresh() == []
    assert list(watch.papers) == [kept["serial"]]


async def test_a_new_push_token_replaces_the_old_one_for_all_passes(scene: Scene, wallet: Wallet) -> None:
    told = [await taken(scene, wallet) for _ in range(3)]
    wallet.push_token = "c0ffee" * 10
    assert await wallet.register(told[0]["serial"]) == 200
    assert await stored(scene, "SELECT array_agg(DISTINCT push_token) FROM registrations") == [wallet.push_token]
    assert await stored(scene, "SELECT count(*) FROM registrations") == 3


async def test_a_phone_that_comes_back_under_another_id_takes_its_push_token_along(
    scene: Scene, wallet: Wallet
) -> None:
    told = await taken(scene, wallet)
    restored = another(scene, push_token=wallet.push_token)
    await restored.add(await file_of(scene, told))
    owners = "SELECT count(*) FROM registrations WHERE push_token IS NOT NULL"
    assert await stored(scene, owners) == 1
    assert await stored(scene, "SELECT count(*) FROM registrations") == 2
    await redeem(scene, told)
    assert await restored.refresh() == [told["serial"]]


async def test_a_wallet_that_lost_its_tag_is_told_everything(scene: Scene, wallet: Wallet) -> None:
    told = [await taken(scene, wallet) for _ in range(3)]
    await wallet.refresh()
    for tag in (None, "", "2026-11-23T10:00:00Z", "999999"):
        wallet.tag = tag
        assert await wallet.refresh() == []
        assert sorted(wallet.unchanged) == sorted(each["serial"] for each in told)
        wallet.unchanged.clear()


async def test_passes_of_an_erased_customer_are_struck_out_in_the_wallet_and_nobodys(
    scene: Scene, wallet: Wallet
) -> None:
    gone, stays = await taken(scene, wallet, who="customer"), await taken(scene, wallet, who="robin")
    await wallet.refresh()
    assert (await scene.ask("DELETE", "/v1/me", by="customer")).status == 204
    assert await wallet.register(gone["serial"]) == 401
    assert await wallet.refresh() == [gone["serial"]]
    assert wallet.papers[gone["serial"]].voided
    assert await wallet.refresh() == []
    assert await wallet.fetch(gone["serial"]) == 304
    assert await wallet.fetch(stays["serial"]) == 304
    assert await stored(scene, "SELECT count(*) FROM registrations") == 1
    assert await wallet.remove(gone["serial"]) == 200


async def test_a_wallet_may_complain(scene: Scene, wallet: Wallet) -> None:
    await taken(scene, wallet)
    assert await wallet.complain("[2026-11-23 10:00:00 +0100] Web service error: the pass was unchanged") == 200


async def test_without_https_a_pass_asks_for_nothing_and_its_address_answers_all_the_same(
    db_dsn: str, tmp_path: Path
) -> None:
    async with open_street(db_dsn, tmp_path) as street:
        scene = await furnish(street)
        serial, token = await scene.held()
        path = f"/wallet/v1/passes/{street.house.parts.desk.pass_type_id}/{serial}"
        answer = await scene.ask("GET", path, headers={"Authorization": f"ApplePass {token}"})
        assert answer.status == 200
        assert b"webServiceURL" not in answer.body


async def test_wallets_that_ask_all_the_while_are_told_every_change(scene: Scene) -> None:
    """Four tills redeem, three wallets ask: what was acknowledged before a wallet asked is in it when it has asked."""
    wallets = [another(scene) for _ in range(3)]
    papers = [await taken(scene, *wallets, reward=STAMPS) for _ in range(8)]
    acknowledged = {each["serial"]: 4 for each in papers}
    turns = asyncio.Queue[dict[str, Any]]()
    for each in papers * 4:
        turns.put_nowait(each)

    async def till() -> None:
        while not turns.empty():
            told = turns.get_nowait()
            redeemed = await redeem(scene, told)
            acknowledged[told["serial"]] = min(acknowledged[told["serial"]], redeemed["uses_left"])

    async def ask(wallet: Wallet) -> None:
        before = dict(acknowledged)
        await wallet.refresh()
        late = {serial for serial, left in before.items() if wallet.papers[serial].value("uses") > left}
        assert not late, "a change that was acknowledged before the wallet asked"

    async def phone(wallet: Wallet, working: asyncio.Future[Any]) -> None:
        while not working.done():
            await ask(wallet)
        await ask(wallet)

    tills = asyncio.gather(*(till() for _ in range(4)))
    await asyncio.gather(tills, *(phone(each, tills) for each in wallets))
    assert set(acknowledged.values()) == {0}
    for each in wallets:
        assert all(paper.voided and paper.value("uses") == 0 for paper in each.papers.values())


async def test_a_wallet_that_comes_with_a_strangers_token_learns_nothing(scene: Scene, wallet: Wallet) -> None:
    mine, theirs = await taken(scene, wallet), await scene.taken("robin")
    paper = wallet.papers[mine["serial"]]
    foreign = dict(paper.document) | {"serialNumber": theirs["serial"]}
    wallet.papers[theirs["serial"]] = type(paper)(foreign)
    assert await wallet.register(theirs["serial"]) == 401
    assert await wallet.fetch(theirs["serial"]) == 401
    assert await wallet.remove(theirs["serial"]) == 401
    assert await wallet.refresh() == [mine["serial"]]


async def test_nobody_without_a_wallets_id_sees_a_list(scene: Scene, wallet: Wallet) -> None:
    await taken(scene, wallet)
    stranger = another(scene, papers=wallet.papers)
    assert await stranger.list() == []
    async with aiohttp.ClientSession() as http:
        path = f"/wallet/v1/devices/{wallet.device[:-1]}/registrations/{scene.street.house.parts.desk.pass_type_id}"
        async with http.get(scene.street.url + path) as answer:
            assert (answer.status, await answer.read()) == (204, b"")
