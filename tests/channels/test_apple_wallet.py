"""Word to wallets, under the certificate that signs the passes: made by the throw-away authority, checked by a stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from yarl import URL

from passes.apple.authority import Authority, throwaway_authority
from server.channels.apple import tls_for
from server.channels.apple_wallet import AppleWallet, Identity, headers_for, payload_for
from server.channels.base import Outcome, Stir
from server.channels.connection import Patience
from server.channels.http2 import Http2
from server.errors import Unavailable
from tests.apple_home import Heard
from tests.channels.lines import TOKEN, until
from tests.standins.apns import Apns

NOW = datetime.now(UTC)  # noqa: DTZ005, RUF100  certificates and expirations are checked by the real clock
PASS_TYPE = "pass.example.coupon"


@pytest.fixture(scope="module")
def authorities() -> list[Authority]:
    """Two, as if the certificate had been replaced by one of the same type."""
    return [
        throwaway_authority(pass_type_id=PASS_TYPE, team_id="TEAM123456", organization="Kairos", now=NOW)
        for _ in range(2)
    ]


@pytest.fixture
def identities(authorities: list[Authority], tmp_path: Path) -> list[Identity]:
    found = []
    for number, own in enumerate(authorities):
        certificate, key = tmp_path / f"{number}.pem", tmp_path / f"{number}.key.pem"
        certificate.write_bytes(own.certificate)
        key.write_bytes(own.key)
        found.append(Identity(PASS_TYPE, certificate, key, number))
    return found


@pytest.fixture
async def apple(authorities: list[Authority], tmp_path: Path) -> AsyncIterator[Apns]:
    trusted = tmp_path / "clients.pem"
    trusted.write_bytes(b"".join(own.wwdr for own in authorities))
    async with Apns(client_ca=trusted) as standin:
        yield standin


class Shown:
    """Who is shown at the moment; None: nobody can be."""

    def __init__(self, identity: Identity | None) -> None:
        self.identity = identity

    def __call__(self, now: datetime) -> Identity:
        if self.identity is None:
            raise Unavailable("the certificate has ended", code="cannot_sign")
        return self.identity


def wallet(apple: Apns, shown: Shown, log: Heard | None = None) -> AppleWallet:
    def open_(identity: Identity) -> Http2:
        tls = tls_for(str(apple.ca_file), certificate=identity.certificate, key=identity.key)
        return Http2(URL(apple.url), tls=tls, patience=Patience(streams=100, pause_s=60))

    return AppleWallet(shown, open_, timeout_s=60, log=log or Heard())


def stir() -> Stir:
    return Stir(id=uuid4(), expires_at=NOW + timedelta(hours=1))


def test_the_push_says_nothing_but_that_there_is_something() -> None:
    one = stir()
    shared, once = headers_for(one, PASS_TYPE, ends=one.expires_at)
    assert shared == {"apns-topic": PASS_TYPE, "apns-push-type": "background", "apns-priority": "5"}
    assert once == {"apns-id": str(one.id), "apns-expiration": str(int(one.expires_at.timestamp()))}
    assert payload_for(one) == b"{}"


async def test_the_passes_certificate_lets_us_in_and_its_type_is_the_topic(
    apple: Apns, identities: list[Identity]
) -> None:
    own, one = wallet(apple, Shown(identities[0])), stir()
    receipt = await own.send(one, TOKEN, now=NOW)
    assert (receipt.outcome, receipt.reason) == (Outcome.SENT, "ok")
    (seen,) = apple.seen
    assert (seen.token, seen.body, seen.headers["apns-topic"]) == (TOKEN, b"{}", PASS_TYPE)
    assert seen.headers["apns-id"] == str(one.id)
    assert "authorization" not in seen.headers
    await own.close()


async def test_dead_tokens_and_those_of_other_wallets_are_gone(apple: Apns, identities: list[Identity]) -> None:
    own = wallet(apple, Shown(identities[0]))
    apple.orders.gone[TOKEN] = 1_793_692_920_000
    assert (await own.send(stir(), TOKEN, now=NOW)).gone_since == datetime.fromtimestamp(1_793_692_920, UTC)
    assert (await own.send(stir(), "not-hex", now=NOW)).reason == "BadDeviceToken"
    assert apple.counts() == {"Unregistered": 1, "BadDeviceToken": 1}
    android = await own.send(stir(), "dXyz:APA91bHun4MxP5egoKMwt2KZFBaFUH", now=NOW)
    assert android.outcome is Outcome.GONE
    assert len(apple.seen) == 2  # Apple has heard nothing of that one
    await own.close()


async def test_another_types_certificate_gives_up_no_token(apple: Apns, identities: list[Identity]) -> None:
    log = Heard()
    first = identities[0]
    own = wallet(apple, Shown(Identity("pass.example.other", first.certificate, first.key, 0)), log)
    receipt = await own.send(stir(), TOKEN, now=NOW)
    assert (receipt.outcome, receipt.reason) == (Outcome.LATER, "TopicDisallowed")
    assert [each["way"] for each in log.said] == ["apple_wallet"]
    await own.close()


async def test_a_certificate_that_takes_over_opens_a_connection_and_what_is_under_way_ends_on_the_old_one(
    apple: Apns, identities: list[Identity]
) -> None:
    shown = Shown(identities[0])
    own = wallet(apple, shown)
    await own.send(stir(), TOKEN, now=NOW)
    apple.orders.delay_s = 0.1
    under_way = asyncio.ensure_future(own.send(stir(), TOKEN, now=NOW))
    await asyncio.sleep(0)
    shown.identity = identities[1]
    receipts = [await own.send(stir(), TOKEN, now=NOW), await under_way]
    assert {receipt.outcome for receipt in receipts} == {Outcome.SENT}
    assert sorted(seen.connection for seen in apple.seen) == [1, 1, 2]
    await until(lambda: len(apple.open) == 1)  # the old one has been closed
    assert (await own.send(stir(), TOKEN, now=NOW)).outcome is Outcome.SENT
    assert apple.connections == 2
    await own.close()


async def test_without_a_certificate_updates_wait_and_it_is_said(apple: Apns, identities: list[Identity]) -> None:
    shown, log = Shown(None), Heard()
    own = wallet(apple, shown, log)
    assert (await own.send(stir(), TOKEN, now=NOW)).outcome is Outcome.LATER
    assert log.said[0]["look_at"] == "the certificate has ended"
    shown.identity = identities[0]
    assert (await own.send(stir(), TOKEN, now=NOW)).outcome is Outcome.SENT
    await own.close()


async def test_a_certificate_that_is_not_trusted_is_refused_at_the_handshake_and_said(
    authorities: list[Authority], identities: list[Identity], tmp_path: Path
) -> None:
    trusted, log = tmp_path / "first.pem", Heard()
    trusted.write_bytes(authorities[0].wwdr)
    async with Apns(client_ca=trusted) as apple:
        own = wallet(apple, Shown(identities[1]), log)
        receipt = await own.send(stir(), TOKEN, now=NOW)
        assert receipt.outcome is Outcome.LATER
        assert log.said
        assert apple.seen == []
        await own.close()


async def test_nobody_is_reached_where_everything_is_right(apple: Apns, identities: list[Identity]) -> None:
    own = wallet(apple, Shown(identities[0]))
    assert (await own.reach(uuid4(), now=NOW)).reason == "BadDeviceToken"
    await own.close()
