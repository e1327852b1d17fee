"""What a wallet would give up on is named; what it takes is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from multidict import CIMultiDict

from server.commands.doctor_read import read_clock, read_list, read_modified, read_pass, read_push, read_service
from server.commands.doctor_step import Failed
from server.commands.doctor_why import Answer
from server.store.examination import Pushed
from tests.passes import samples

NOW = samples.NOW
DATE = "Mon, 02 Mar 2026 08:30:00 GMT"
PKPASS = {"Content-Type": "application/vnd.apple.pkpass"}


def answer(status: int = 200, body: bytes = b"", headers: Any = None) -> Answer:
    return Answer("GET https://k.example/p/…", status, CIMultiDict(headers or {}), body)


def test_a_whole_file_is_read() -> None:
    document = read_pass(answer(body=samples.good(), headers=PKPASS), pass_type=samples.PASS_TYPE)
    assert document["serialNumber"] == samples.coupon().serial


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (answer(502), "answers 502 where 200 should come"),
        (answer(body=samples.good()), "is served as nothing"),
        (answer(body=samples.good(), headers={"Content-Type": "application/zip"}), "is served as application/zip"),
        (answer(body=samples.good()[:-30], headers=PKPASS), "no wallet takes the file: "),
        (answer(body=samples.edited(lambda d: d.pop("description")), headers=PKPASS), "description"),
    ],
)
def test_a_file_that_no_wallet_takes_is_told(given: Answer, sentence: str) -> None:
    with pytest.raises(Failed) as caught:
        read_pass(given, pass_type=samples.PASS_TYPE)
    assert sentence in str(caught.value)


def test_a_pass_of_another_type_is_told() -> None:
    with pytest.raises(
        Failed, match=r"is of type pass\.de\.kaffeeklatsch\.coupon, and these settings are for pass\.x\.y"
    ):
        read_pass(answer(body=samples.good(), headers=PKPASS), pass_type="pass.x.y")


def test_a_pass_names_where_to_ask() -> None:
    named = {"webServiceURL": "https://k.example/wallet/"}
    assert read_service(named, public="https://k.example") == "https://k.example/wallet/"
    assert read_service({}, public="http://127.0.0.1:8080") is None
    with pytest.raises(Failed, match=r"names https://k\.example/wallet/ .* started with another server\.public_url"):
        read_service(named, public="https://other.example")
    with pytest.raises(Failed, match=r"started without server\.public_url, https://k\.example here"):
        read_service({}, public="https://k.example")


def test_a_list_is_read_and_nothing_else_is_one() -> None:
    listed = read_list(answer(body=b'{"serialNumbers": ["a"], "lastUpdated": "7"}'))
    assert listed is not None
    assert (listed.serials, listed.tag) == (["a"], "7")
    assert read_list(answer(204)) is None
    for body in (b"{}", b"<html>", b'{"serialNumbers": [], "lastUpdated": 7}'):
        with pytest.raises(Failed, match="no list of serial numbers"):
            read_list(answer(body=body))
    with pytest.raises(Failed, match="answers 404 where 200 or 204 should come"):
        read_list(answer(404))


@pytest.mark.parametrize("off", [-120, -1, 0, 119])
def test_clocks_that_agree(off: int) -> None:
    assert read_clock(DATE, now=NOW - timedelta(seconds=off)) == "agrees with the database's"


@pytest.mark.parametrize(("off", "words"), [(121, "121 s ahead of"), (-3600, "3600 s behind")])
def test_clocks_that_do_not(off: int, words: str) -> None:
    with pytest.raises(Failed, match=words):
        read_clock(DATE, now=NOW - timedelta(seconds=off))


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 02 Mar 2026 08:30:00"])
def test_without_a_date_there_is_nothing_to_compare(date: str | None) -> None:
    assert read_clock(date, now=NOW) is None


def test_a_change_moves_last_modified() -> None:
    given = answer(headers={"last-modified": DATE})
    assert read_modified(given, before=NOW - timedelta(seconds=1)) == DATE
    with pytest.raises(Failed, match="as it was before the change"):
        read_modified(given, before=NOW + timedelta(milliseconds=5))
    for headers in ({}, {"Last-Modified": "now"}):
        with pytest.raises(Failed, match="without a Last-Modified"):
            read_modified(answer(headers=headers), before=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("pushed", "words"),
    [
        (Pushed("delivered", None), "the push was taken"),
        (Pushed("suppressed", "gone"), "certificate and topic are right"),
    ],
)
def test_a_push_that_apple_took_or_knew_nobody_for_is_good(pushed: Pushed, words: str) -> None:
    assert words in read_push(pushed, seconds=20)


@pytest.mark.parametrize(
    ("pushed", "words"),
    [
        (None, "no push was written 20 s after"),
        (Pushed("queued", "network"), "still waiting after 20 s (network): is APNs reached"),
        (Pushed("leased", None), "still waiting"),
        (Pushed("dead", "DeviceTokenNotForTopic"), "came to nothing: dead, DeviceTokenNotForTopic"),
        (Pushed("expired", None), "came to nothing: expired, no reason"),
    ],
)
def test_a_push_that_went_nowhere_is_told(pushed: Pushed | None, words: str) -> None:
    with pytest.raises(Failed) as caught:
        read_push(pushed, seconds=20)
    assert words in str(caught.value)
