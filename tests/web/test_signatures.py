"""Requests that another system signs, by the `standardwebhooks` of PyPI: each counts once, in whatever process it arrives."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from standardwebhooks import Webhook as Judge

from server.pipeline.rules import Rules
from server.store import keys
from server.store.pool import Pool
from server.wallet.keyring import Keyring, open_keyring
from server.web.access import ACCESS, Kind
from server.web.body import BODY_METHODS
from server.web.doors import all_doors
from server.web.signatures import (
    HEADERS,
    SignatureInvalid,
    SignatureMissing,
    SignatureStale,
    check,
    read_claimed,
)
from server.web.visitor import Signer
from tests.web.authors import PROGRAMME
from tests.web.serving import Answered, Served, serving, settings_with

MODULES = ("keys", "crm", "segments", "external_sends", "customer_imports", "purchases")
SECRET = b"a secret of thirty-two bytes, or so"
NOW = datetime(2026, 11, 3, 7, 30, tzinfo=UTC)
BODY = b'{"locale": "de-DE"}'
WINDOW = timedelta(minutes=5)


class Clock:
    """The machine's, as the database's is here; `shift` as in test mode."""

    def __init__(self, shift: timedelta = timedelta(0)) -> None:
        self.shift = shift

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


class Sender(NamedTuple):
    """Another system: the server it calls, its token, and the standard's own library with its secret."""

    served: Served
    token: str
    judge: Judge

    async def call(self, method: str, path: str, body: Any = None, **how: Any) -> Answered:
        """Send a request that is signed, unless `headers` say something else."""
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        media = "text/csv" if path.endswith("/import") else "application/json"
        signed = how.get("headers", self.headers(data, **{k: v for k, v in how.items() if k in ("id", "at")}))
        key = {"Idempotency-Key": how["key"]} if "key" in how else {}
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": media} | signed | key
        return await self.served.call(method, path, data=io.BytesIO(data), headers=given)

    def headers(self, data: bytes, *, id: str | None = None, at: datetime | None = None) -> dict[str, str]:  # noqa: A002
        """Sign."""
        identifier, at = id or f"msg_{uuid4()}", at or datetime.now(UTC)
        signature = self.judge.sign(identifier, at, data.decode())
        return dict(zip(HEADERS, (identifier, str(int(at.timestamp())), signature), strict=True))


@contextlib.asynccontextmanager
async def opened(pool: Pool, keyring: Keyring, *, shift_s: float = 0.0) -> AsyncIterator[Served]:
    """A house of its own on the database: two of them share nothing in memory, as two processes do not."""
    rules = Rules(pool, PROGRAMME)
    await rules.refresh()
    settings = settings_with(limits__requests_per_minute=10**6, clock_shift_s=shift_s)
    doors, clock = all_doors(MODULES), Clock(timedelta(seconds=shift_s))
    async with serving(doors, settings, pool, table=ACCESS, secrets=keyring, clock=clock, rules=rules) as served:
        yield served


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return open_keyring(tmp_path_factory.mktemp("keys"), now=datetime.now(UTC))


@pytest.fixture(scope="module")
async def house(shared_pool: Pool, keyring: Keyring) -> AsyncIterator[Served]:
    async with opened(shared_pool, keyring) as served:
        yield served


async def admits(served: Served, pool: Pool, **wanted: Any) -> Any:
    """Have an admin make a key."""
    async with pool.acquire() as db:
        admin = await keys.create(db, kind="admin")
    assert admin is not None
    headers = {"Authorization": f"Bearer {admin.token}"}
    return await served.call("POST", "/v1/keys", json={"kind": "crm"} | wanted, headers=headers)


@pytest.fixture(scope="module")
async def sender(house: Served, shared_pool: Pool) -> Sender:
    made = (await admits(house, shared_pool, signed=True, name="loyalty backend")).json
    return Sender(house, made["token"], Judge(made["secret"]))


def told(answered: Answered) -> tuple[int, str]:
    return answered.status, answered.json["code"]


ASKED: dict[tuple[str, str], tuple[str, Any, int]] = {
    ("PUT", "/v1/customers/{external_id}"): ("/v1/customers/C-1", {}, 200),
    ("POST", "/v1/segments"): ("/v1/segments", {"name": "regulars"}, 201),
    ("POST", "/v1/external-sends"): ("/v1/external-sends", {"external_id": "C-1", "channel": "email"}, 201),
    ("POST", "/v1/external-sends/batch"): (
        "/v1/external-sends/batch",
        {"sends": [{"external_id": "C-1", "channel": "email", "id": "letter"}]},
        200,
    ),
    ("POST", "/v1/customers/import"): ("/v1/customers/import", b"external_id\nC-2\n", 200),
    ("POST", "/v1/customers/{external_id}/events"): (
        "/v1/customers/C-1/events",
        {"events": [{"id": "e-1", "name": "parcel-delivered", "at": "2026-11-03T07:31:00Z"}]},
        200,
    ),
    ("POST", "/v1/purchases"): ("/v1/purchases", {"external_id": "C-1", "amount": {"minor": 5, "currency": "EUR"}}, 201),
}  # fmt: skip
"""A request for every door that another system may change something through."""


def test_every_door_of_other_systems_is_asked_below() -> None:
    assert set(ASKED) == {
        route for route, access in ACCESS.items() if Kind.CRM in access.principals and route[0] in BODY_METHODS
    }


@pytest.mark.parametrize("route", ASKED, ids=" ".join)
async def test_at_every_door_a_signed_message_counts_once_and_an_unsigned_one_never(
    sender: Sender, route: tuple[str, str]
) -> None:
    await sender.call("PUT", "/v1/customers/C-1", {})
    (method, _), (path, body, status) = route, ASKED[route]
    assert told(await sender.call(method, path, body, headers={}, key=str(uuid4()))) == (401, "signature_missing")
    forged = await sender.call(method, path, body, headers=sender.headers(b"other"), key=str(uuid4()))
    assert told(forged) == (401, "signature_invalid")
    assert forged.headers["WWW-Authenticate"]
    first = await sender.call(method, path, body, id=f"msg {path}".replace(" ", "_"), key=str(uuid4()))
    assert first.status == status, first.body
    again = await sender.call(method, path, body, id=f"msg {path}".replace(" ", "_"), key=str(uuid4()))
    assert told(again) == (409, "signature_replayed")


async def test_of_one_message_in_two_houses_at_once_one_counts(
    sender: Sender, keyring: Keyring, shared_pool: Pool
) -> None:
    async with opened(shared_pool, keyring) as other:
        there = sender._replace(served=other)
        headers = sender.headers(BODY)
        calls = [each.call("PUT", "/v1/customers/C-3", BODY, headers=headers) for each in (sender, there) * 12]
        answers = await asyncio.gather(*calls)
    assert sorted(each.status for each in answers) == [200] + [409] * 23


async def test_what_came_to_nothing_may_be_sent_again_under_its_id(sender: Sender, shared_pool: Pool) -> None:
    wrong = {"time_zone": "Mars/Olympus"}
    assert (await sender.call("PUT", "/v1/customers/C-4", wrong, id="msg_4")).status == 422
    assert told(await sender.call("POST", "/v1/customers/C-5/events", ASKED[_EVENTS][1], id="msg_5"))[0] == 404
    assert (await sender.call("PUT", "/v1/customers/C-4", {}, id="msg_4")).status == 200
    assert (await sender.call("PUT", "/v1/customers/C-5", {}, id="msg_5")).status == 200
    assert told(await sender.call("PUT", "/v1/customers/C-4", {}, id="msg_4")) == (409, "signature_replayed")


_EVENTS = ("POST", "/v1/customers/{external_id}/events")


async def test_a_retry_under_an_idempotency_key_signs_anew_and_is_given_its_answer_again(sender: Sender) -> None:
    await sender.call("PUT", "/v1/customers/C-1", {})
    body = ASKED["POST", "/v1/purchases"][1]
    first = await sender.call("POST", "/v1/purchases", body, key="order-1", id="msg_a")
    retry = await sender.call("POST", "/v1/purchases", body, key="order-1", id="msg_b")
    assert (first.status, retry.status, retry.body) == (201, 201, first.body)
    assert retry.headers["Idempotent-Replayed"] == "true"
    for identifier in ("msg_a", "msg_b"):
        heard = await sender.call("POST", "/v1/purchases", body, key="order-1", id=identifier)
        assert told(heard) == (409, "signature_replayed")


async def test_a_refusal_that_is_kept_under_its_key_spends_the_message_too(sender: Sender) -> None:
    await sender.call("PUT", "/v1/customers/C-1", {})
    body = ASKED["POST", "/v1/purchases"][1] | {"order_id": "W-1"}
    assert (await sender.call("POST", "/v1/purchases", body, key="w-1")).status == 201
    known = await sender.call("POST", "/v1/purchases", body, key="w-2", id="msg_w")
    assert told(known) == (409, "purchase_known")
    assert told(await sender.call("POST", "/v1/purchases", body, key="w-2", id="msg_w")) == (409, "signature_replayed")


async def test_an_old_message_and_one_of_a_clock_that_is_ahead_are_told_so(sender: Sender) -> None:
    for minutes in (-6, 6):
        at = datetime.now(UTC) + timedelta(minutes=minutes)
        stale = await sender.call("PUT", "/v1/customers/C-1", {}, at=at)
        assert told(stale) == (401, "signature_stale")
        assert "300 s are allowed" in stale.json["detail"]


async def test_nobody_but_a_signed_key_is_asked_for_signatures(house: Served, shared_pool: Pool) -> None:
    made = (await admits(house, shared_pool)).json
    assert "secret" not in made
    plain = Sender(house, made["token"], Judge("bm90aGluZw=="))
    for headers in ({}, dict.fromkeys(HEADERS, "x")):
        assert (await plain.call("PUT", "/v1/customers/C-6", {}, headers=headers)).status == 200


async def test_a_secret_of_another_key_signs_nothing(house: Served, sender: Sender, shared_pool: Pool) -> None:
    made = (await admits(house, shared_pool, signed=True)).json
    crossed = sender._replace(judge=Judge(made["secret"]))
    assert told(await crossed.call("PUT", "/v1/customers/C-1", {})) == (401, "signature_invalid")


async def test_what_is_larger_than_a_megabyte_is_signed_whole(sender: Sender) -> None:
    table = b"external_id\n" + b"C-7\n" * 300_000  # more rows than are taken: what is asked here comes before that
    assert (await sender.call("POST", "/v1/customers/import", table)).status == 422
    headers = sender.headers(table[:-1])
    refused = await sender.call("POST", "/v1/customers/import", table, headers=headers)
    assert told(refused) == (401, "signature_invalid")


async def test_a_day_that_is_moved_for_tests_moves_no_other_systems_clock(
    sender: Sender, shared_pool: Pool, keyring: Keyring
) -> None:
    async with opened(shared_pool, keyring, shift_s=7200.0) as moved:
        there = sender._replace(served=moved)
        assert (await there.call("PUT", "/v1/customers/C-1", {})).status == 200


async def test_a_secret_that_nobody_can_open_any_more_lets_nobody_in(
    sender: Sender, shared_pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lost = open_keyring(tmp_path_factory.mktemp("others"), now=datetime.now(UTC))
    async with opened(shared_pool, lost) as served:
        assert (await sender._replace(served=served).call("PUT", "/v1/customers/C-1", {})).status == 503


async def test_the_list_says_which_keys_are_signed_and_tells_no_secret(
    house: Served, sender: Sender, shared_pool: Pool
) -> None:
    answered = await admits(house, shared_pool, signed=True)
    async with shared_pool.acquire() as db:
        admin = await keys.create(db, kind="admin")
    assert admin is not None
    listed = await house.call("GET", "/v1/keys?limit=3", headers={"Authorization": f"Bearer {admin.token}"})
    assert [each["signed"] for each in listed.json["items"]] == [False, True, False]
    assert answered.json["secret"].encode() not in listed.body
    assert repr(Signer(uuid4(), b"sealed")).count("sealed") == 0


# ---- What needs no house


JUDGE = Judge(SECRET)
SIGNED = dict(zip(HEADERS, ("msg_1", str(int(NOW.timestamp())), JUDGE.sign("msg_1", NOW, BODY.decode())), strict=True))


def checked(body: bytes = BODY, *, now: datetime = NOW, secret: bytes = SECRET, **changes: str) -> None:
    headers = SIGNED | {name.replace("_", "-"): value for name, value in changes.items()}
    check(read_claimed(headers.items()), body, secret=secret, now=now, window=WINDOW)


def test_what_the_standards_own_library_signs_holds() -> None:
    checked()
    checked(webhook_signature=f"v1a,xyz v1,AAAA {SIGNED['webhook-signature']}")
    claimed = read_claimed((name.upper(), value) for name, value in SIGNED.items())
    assert (claimed.id, claimed.timestamp) == ("msg_1", SIGNED["webhook-timestamp"])
    assert claimed == read_claimed(SIGNED.items())


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_id": "msg_2"},
        {"webhook_id": "msg.1"},
        {"webhook_id": ""},
        {"webhook_id": "m" * 256},
        {"webhook_id": "msg_1\x00"},
        {"webhook_id": "mßg"},
        {"webhook_timestamp": str(int(NOW.timestamp()) + 1)},
        {"webhook_timestamp": f"0{int(NOW.timestamp())}"},
        {"webhook_timestamp": f"+{int(NOW.timestamp())}"},
        {"webhook_timestamp": "1e9"},
        {"webhook_timestamp": "٣"},
        {"webhook_timestamp": "9" * 4000},
        {"webhook_timestamp": NOW.isoformat()},
        {"webhook_signature": ""},
        {"webhook_signature": "v1,"},
        {"webhook_signature": "v1"},
        {"webhook_signature": SIGNED["webhook-signature"].removeprefix("v1,")},
        {"webhook_signature": SIGNED["webhook-signature"].replace("v1,", "v2,")},
        {"webhook_signature": SIGNED["webhook-signature"].replace("v1,", "v1a,")},
        {"webhook_signature": SIGNED["webhook-signature"][:-2]},
        {"webhook_signature": "v1,é\udcff"},
        {"webhook_signature": f"{'v1,AAAA ' * 8}{SIGNED['webhook-signature']}"},
        {"body": BODY + b" "},
        {"body": b""},
        {"secret": SECRET[:-1]},
    ],
    ids=str,
)
def test_whatever_else_is_signed_or_said_does_not_hold(changes: Any) -> None:
    with pytest.raises(SignatureInvalid):
        checked(**changes)


def test_each_header_is_there_once() -> None:
    for name in HEADERS:
        for headers in ([pair for pair in SIGNED.items() if pair[0] != name], [*SIGNED.items(), (name, "x")]):
            with pytest.raises(SignatureMissing):
                read_claimed(headers)


@pytest.mark.parametrize("seconds", [-301, 301, -86_400, 10**9])
def test_a_message_is_good_for_five_minutes_before_and_after(seconds: int) -> None:
    checked(now=NOW + timedelta(seconds=300))
    checked(now=NOW - timedelta(seconds=300))
    with pytest.raises(SignatureStale):
        checked(now=NOW + timedelta(seconds=seconds))


def test_a_forgery_is_not_told_that_it_is_stale() -> None:
    with pytest.raises(SignatureInvalid):
        checked(now=NOW + timedelta(days=1), webhook_signature="v1,AAAA")
