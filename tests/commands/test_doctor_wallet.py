"""The doctor's phone walks through a real house behind a real proxy with TLS, and each thing that proxies do wrong is named."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from server.commands import doctor_wallet
from server.commands.doctor_step import Ground, Step
from server.commands.doctor_wallet import examine_wallet
from server.store.pool import Connection
from server.wallet.keyring import Kind, open_keyring
from tests import apple_home
from tests.apple_home import standin
from tests.signals.standin import certificate
from tests.standins.proxy import FAULTS, Proxy, proxying
from tests.street.scene import counts
from tests.street.serving import Street, open_street

STEPS = ["link", "clock", "register", "list", "push", "news", "fetch", "unchanged", "log", "unregister"]


class Town(NamedTuple):
    """A house, the proxy in front of it, and the ground a doctor stands on there."""

    street: Street
    proxy: Proxy
    ground: Ground
    tls: ssl.SSLContext


@contextlib.asynccontextmanager
async def town(dsn: str, folder: Path, *, home: Path | None = None, **changes: Any) -> AsyncIterator[Town]:
    """Open a house behind a proxy; `home` is its data directory, where that is another folder."""
    ca, tls = certificate(folder)
    trust = ssl.create_default_context(cafile=str(ca))
    async with proxying(tls) as proxy:
        changes = {"server__public_url": proxy.url, "limits__wallet_per_minute": 10**6} | changes
        async with open_street(dsn, home or folder, **changes) as street:
            proxy.to = street.url
            parts = street.house.parts
            yield Town(
                street,
                proxy,
                Ground(
                    settings=parts.settings,
                    pool=parts.pool,
                    clock=parts.clock,
                    secrets=parts.secrets,
                    desk=parts.desk,
                    server=street.url,
                    trust=trust,
                ),
                tls,
            )


async def walked(town: Town, *faults: str, **ground: Any) -> dict[str, Step]:
    """Walk once with these faults; the steps by their names."""
    town.proxy.faults.clear()
    town.proxy.faults.update(faults)
    town.proxy._kept.clear()
    changed = {name: getattr(town.ground, name) for name in Ground.__slots__} | ground
    steps = await examine_wallet(Ground(**changed))
    assert [step.name for step in steps] == [f"wallet: {name}" for name in STEPS]
    return {step.name.removeprefix("wallet: "): step for step in steps}


def failed(steps: dict[str, Step]) -> list[str]:
    return [name for name, step in steps.items() if step.holds is False]


async def test_a_wallets_whole_life_is_walked_through_the_proxy_and_nothing_stays(
    db_dsn: str, db: Connection, tmp_path: Path
) -> None:
    async with town(db_dsn, tmp_path) as there:
        before = await counts(db)
        steps = await walked(there)
        assert failed(steps) == []
        assert [name for name, step in steps.items() if step.holds is None] == ["push"]  # a throw-away authority
        assert f"asks at {there.proxy.url}/wallet/" in steps["link"].found
        methods = [request.partition("/v1/")[0] for request in there.proxy.seen]
        assert methods[1] == "POST /wallet"
        assert "DELETE /wallet" in methods
        assert {name: n for name, n in (await counts(db)).items() if n != before[name]} in ({}, {"pass_tags": 1})


@pytest.mark.parametrize(
    ("known", "sentence"),
    [(True, "the push was taken"), (False, "Apple does not know the device, as it must be")],
)
async def test_the_push_of_the_change_arrives_at_apple(db_dsn: str, tmp_path: Path, known: bool, sentence: str) -> None:
    async with standin(tmp_path) as apple:
        if not known:
            apple.orders.shares["BadDeviceToken"] = 1.0
        services = {"apns__base_url": apple.url, "apns__ca_file": str(apple.ca_file)}
        async with town(db_dsn, tmp_path, home=apple_home.home(), **services) as there:
            steps = await walked(there)
        (push, *_) = apple.seen
    assert steps["push"].found.startswith(sentence)
    assert failed(steps) == []
    assert push.headers["apns-topic"] == there.ground.desk.pass_type_id
    assert steps["news"].holds


async def test_an_apple_that_believes_our_certificate_nothing_is_told(
    db_dsn: str, db: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_wallet, "_PUSH_S", 1.0)
    async with standin(tmp_path) as apple:
        apple.orders.shares["BadCertificate"] = 1.0
        services = {"apns__base_url": apple.url, "apns__ca_file": str(apple.ca_file)}
        async with town(db_dsn, tmp_path, home=apple_home.home(), **services) as there:
            steps = await walked(there)
    assert failed(steps) == ["push"]  # nothing stands on it: the wallet asks by itself
    assert "BadCertificate" in steps["push"].found
    assert not await db.fetchval("SELECT count(*) FROM deliveries")


WRONG = {
    "drops_authorization": ("register", "asked directly at http://127.0.0.1:"),
    "drops_condition": ("unchanged", "If-Modified-Since does not arrive"),
    "drops_modified": ("fetch", "without a Last-Modified"),
    "drops_host": ("link", "the proxy must hand on the Host header"),
    "types_text": ("link", "served as text/plain, so that phones show a page of signs"),
    "moves_path": ("link", "the path was changed on the way"),
    "redirects": ("link", "it sends on to https://www.kairos.example, and phones lose their token"),
    "refuses_post": ("register", "this method is not let through"),
    "forbids": ("link", "a filter in between refuses it"),
    "caches": ("news", "a cache answers in Kairos' place"),
    "says_unchanged": ("fetch", "says 304 although the pass changed"),
    "is_alone": ("link", "the proxy answers, and does not reach Kairos"),
    "is_another": ("link", "served as text/html"),
    "answers_everybody": ("fetch", "with a wrong token answers 200 where 401 should come"),
    "lives_elsewhen": ("clock", " s behind the database's"),
    "cuts": ("link", "broke off in the middle"),
    "spoils": ("link", "no wallet takes the file"),
    "drops_listing": ("list", "answers with no list of serial numbers"),
}


async def test_each_thing_that_a_proxy_does_wrong_fails_its_step_with_a_sentence(
    db_dsn: str, db: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_wallet, "_CHANGE_S", 0.5)
    assert set(WRONG) == FAULTS
    async with town(db_dsn, tmp_path) as there:
        found = {fault: await walked(there, fault) for fault in WRONG}
        left = await db.fetchval("SELECT count(*) FROM passes") + await db.fetchval(
            "SELECT count(*) FROM registrations"
        )
    told = {fault: (failed(steps) or ["nothing"])[0] for fault, steps in found.items()}
    assert told == {fault: step for fault, (step, _) in WRONG.items()}
    for fault, (step, sentence) in WRONG.items():
        assert sentence in found[fault][step].found, fault
    assert left == 0
    assert found["drops_authorization"]["list"].found == "not tried: it stands on one that failed"
    assert failed(found["lives_elsewhen"]) == ["clock"]  # nothing stands on it: the walk went on
    assert found["lives_elsewhen"]["unregister"].holds


async def test_what_is_wrong_with_the_address_itself_is_told(db_dsn: str, tmp_path: Path) -> None:
    async with town(db_dsn, tmp_path) as there:

        async def first(**changes: Any) -> str:
            steps = await walked(there, **changes)
            return steps["link"].found

        def reached_at(url: str) -> Any:
            return _with_url(there, url)

        assert "authority that phones know" in await first(trust=ssl.create_default_context())
        assert "nobody answers at 127.0.0.1:1" in await first(settings=reached_at("https://127.0.0.1:1"))
        other = await first(settings=reached_at(there.proxy.url.replace("127.0.0.1", "localhost")))
        assert "TLS with localhost" in other


def _with_url(there: Town, url: str) -> Any:
    settings = there.ground.settings
    return msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, public_url=url))


async def test_a_doctor_whose_secrets_are_others_says_so(db_dsn: str, tmp_path: Path) -> None:
    async with town(db_dsn, tmp_path) as there:
        strange = open_keyring(tmp_path / "strange", now=there.ground.clock.now() - timedelta(days=1))
        strange.rotate(Kind.SEAL, now=there.ground.clock.now())
        steps = await walked(there, secrets=strange)
    assert (
        "is a link unknown there: the server there works with another database, or with other secrets"
        in steps["link"].found
    )


async def test_a_token_that_is_believed_nowhere_is_told_apart_from_a_header_that_is_dropped(
    db_dsn: str, tmp_path: Path
) -> None:
    async with town(db_dsn, tmp_path) as there:
        steps = await walked(there, "drops_authorization", server="")
        assert "Either the proxy drops the Authorization header" in steps["register"].found
        assert "With --server" in steps["register"].found
        steps = await walked(there, "drops_authorization", server="http://127.0.0.1:1")
        assert "could not be seen: nobody answers" in steps["register"].found
        async with proxying(there.tls) as deaf:  # a second wrong proxy in the place of Kairos itself
            deaf.to, deaf.faults = there.street.url, {"drops_authorization"}
            steps = await walked(there, "drops_authorization", server=deaf.url)
        assert "neither (401): the server there works with another database" in steps["register"].found


async def test_without_https_the_walk_is_made_and_says_what_phones_would_miss(db_dsn: str, tmp_path: Path) -> None:
    async with town(db_dsn, tmp_path, server__public_url="") as there:
        steps = await walked(there)
        assert failed(steps) == []
        assert "phones would never ask" in steps["link"].found


async def test_a_house_that_nobody_can_reach_is_not_walked_through(db_dsn: str, tmp_path: Path) -> None:
    async with town(db_dsn, tmp_path) as there:
        ground = {name: getattr(there.ground, name) for name in Ground.__slots__}
        (step,) = await examine_wallet(Ground(**(ground | {"server": "", "settings": _with_url(there, "")})))
    assert step.holds is None
    assert "set server.public_url" in step.found
