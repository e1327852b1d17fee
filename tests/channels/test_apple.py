"""Apple's answers, all of those that Apple documents, and what no Apple would say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.channels.apple import OURS, OUTCOMES, Postbox, receipt_from, request_for, tls_for
from server.channels.base import Outcome, Receipt
from server.channels.conversation import Answer, Lost, Request
from server.errors import Misconfigured
from tests.apple_home import Heard
from tests.tls import Authority

NOW = datetime(2026, 11, 3, 8, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)

DOCUMENTED = """
400 BadCollapseId refused
400 BadDeviceToken gone
400 BadExpirationDate refused
400 BadMessageId refused
400 BadPriority refused
400 BadTopic later
400 DeviceTokenNotForTopic later
400 DuplicateHeaders refused
400 IdleTimeout later
400 InvalidPushType refused
400 MissingDeviceToken refused
400 MissingTopic later
400 PayloadEmpty refused
400 TopicDisallowed later
403 BadCertificate later
403 BadCertificateEnvironment later
403 BadEnvironmentKeyIdInToken later
403 ExpiredProviderToken later
403 Forbidden later
403 InvalidProviderToken later
403 MissingProviderToken later
403 UnrelatedKeyIdInToken later
404 BadPath refused
405 MethodNotAllowed refused
410 ExpiredToken gone
410 Unregistered gone
413 PayloadTooLarge refused
429 TooManyProviderTokenUpdates later
429 TooManyRequests later
500 InternalServerError later
503 ServiceUnavailable later
503 Shutdown later
"""
"""Apple's table "Response error strings", with what must come of each."""


def answer(status: int, body: object = None, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {":status": str(status), **{k.replace("_", "-"): v for k, v in headers.items()}}, content)


@pytest.mark.parametrize("line", DOCUMENTED.strip().splitlines())
def test_each_reason_that_apple_documents_is_known(line: str) -> None:
    status, reason, outcome = line.split()
    receipt = receipt_from(answer(int(status), {"reason": reason}), now=NOW)
    assert (receipt.outcome, receipt.reason) == (Outcome(outcome), reason)
    assert reason in OUTCOMES


def test_no_mistake_of_our_own_set_up_gives_up_a_token() -> None:
    for reason in OURS:
        for status in (400, 403, 410, 429):
            receipt = receipt_from(answer(status, {"reason": reason}), now=NOW)
            assert receipt.outcome is Outcome.LATER
            assert receipt.retry_after_s is not None


def test_success_is_success_whatever_the_body_says() -> None:
    for body in (b"", b"\xff", {"reason": "BadDeviceToken"}):
        assert receipt_from(answer(200, body), now=NOW) == Receipt(Outcome.SENT, "ok")


def test_since_when_a_token_is_dead_is_told_to_the_millisecond() -> None:
    receipt = receipt_from(answer(410, {"reason": "Unregistered", "timestamp": 1_793_692_920_123}), now=NOW)
    assert receipt.outcome is Outcome.GONE
    assert receipt.gone_since == datetime.fromtimestamp(1_793_692_920, UTC) + timedelta(milliseconds=123)


@pytest.mark.parametrize("wrong", [None, "1", 1.5, True, -1, 0, 10**18, [1], {}])
def test_a_time_that_is_none_is_left_out(wrong: object) -> None:
    receipt = receipt_from(answer(410, {"reason": "Unregistered", "timestamp": wrong}), now=NOW)
    assert (receipt.outcome, receipt.gone_since) == (Outcome.GONE, None)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [("7", 7.0), ("Tue, 03 Nov 2026 08:02:30 GMT", 30.0), ("99999", 3600.0), ("soon", None), ("-1", None)],
)
def test_the_services_own_wish_to_wait_is_passed_on(text: str, wait_s: float | None) -> None:
    for status, reason in ((429, "TooManyRequests"), (503, "ServiceUnavailable")):
        assert receipt_from(answer(status, {"reason": reason}, retry_after=text), now=NOW).retry_after_s == wait_s


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "sent"), (302, "refused"), (400, "refused"), (403, "later"), (410, "gone"), (429, "later"), (500, "later"),
     (502, "later"), (599, "later"), (0, "refused")],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"reason":7}', b'{"reason":"ab\\u0000 token=ab12"}', b"[" * 5000])
def test_a_body_that_is_none_of_apples_is_judged_by_its_status_and_not_repeated(
    status: int, outcome: str, body: bytes
) -> None:
    receipt = receipt_from(answer(status, body), now=NOW)
    assert receipt.outcome is Outcome(outcome)
    assert receipt.reason in ("ok", f"status {status}")


@given(st.integers(0, 999), st.binary(max_size=80), st.text(max_size=20))
def test_every_answer_makes_a_receipt(status: int, body: bytes, wait: str) -> None:
    receipt = receipt_from(Answer(status, {"retry-after": wait}, body), now=NOW)
    assert (receipt.outcome is Outcome.SENT) == (status == 200)
    assert receipt.reason.isascii()
    assert len(receipt.reason) <= 100
    assert receipt.retry_after_s is None or 0 <= receipt.retry_after_s < float("inf")


@pytest.mark.parametrize(
    "address", ["", "cXyz:APA91b-x", "../x", "a b", "ä" * 8, "a?b", "a#b", "x" * 401, "a\r\nb", "a/b"]
)
def test_an_address_that_is_none_of_apples_is_not_sent_anywhere(address: str) -> None:
    assert request_for(address, {}, {}, b"{}") is None


def test_an_address_of_apples_is_part_of_the_path() -> None:
    request = request_for("ab" * 32, {"a": "b"}, {"c": "d"}, b"{}")
    assert request == Request("/3/device/" + "ab" * 32, {"a": "b"}, {"c": "d"}, b"{}")


class Line:
    """A client that answers what it was told to."""

    def __init__(self, *results: Answer | Lost) -> None:
        self.results, self.timeouts = list(results), []

    async def ask(self, request: Request, *, timeout_s: float) -> Answer:
        self.timeouts.append(timeout_s)
        result = self.results.pop(0)
        if isinstance(result, Lost):
            raise result
        return result

    async def close(self) -> None:
        """Nothing is open."""


SOME = Request("/3/device/ab", {}, {}, b"{}")


def postbox(log: Heard, shift: timedelta = timedelta(0)) -> Postbox:
    return Postbox("apns", timeout_s=9.0, shift=shift, log=log)


async def test_nothing_is_sent_that_nobody_wants_any_more() -> None:
    line = Line(answer(200), answer(200))
    box = postbox(Heard())
    assert (await box.send(line, SOME, until=NOW, now=NOW)).outcome is Outcome.REFUSED
    assert line.timeouts == []
    await box.send(line, SOME, until=NOW + 3 * SECOND, now=NOW)
    await box.send(line, SOME, until=NOW + timedelta(hours=1), now=NOW)
    assert line.timeouts == [3.0, 9.0]


async def test_an_address_of_nobodys_is_gone_without_a_word_to_apple() -> None:
    line = Line()
    receipt = await postbox(Heard()).send(line, None, until=NOW + SECOND, now=NOW)
    assert receipt.outcome is Outcome.GONE


async def test_a_lost_connection_is_a_receipt() -> None:
    line = Line(Lost("pause after failures", unseen=True, retry_after_s=4.0))
    receipt = await postbox(Heard()).send(line, SOME, until=NOW + SECOND, now=NOW)
    assert receipt == Receipt(Outcome.LATER, "pause after failures", retry_after_s=4.0)


async def test_what_is_our_own_mistake_is_said_loudly_and_once_a_minute() -> None:
    log = Heard()
    box = postbox(log)
    for second in range(150):
        line = Line(answer(403, {"reason": "InvalidProviderToken"}))
        await box.send(line, SOME, until=NOW + timedelta(hours=1), now=NOW + second * SECOND)
    assert [each["reason"] for each in log.said] == ["InvalidProviderToken"] * 3
    assert "apns.key_id" in str(log.said[0]["look_at"])
    await box.send(Line(answer(400, {"reason": "TopicDisallowed"})), SOME, until=NOW + timedelta(hours=1), now=NOW)
    assert len(log.said) == 4
    await box.send(Line(answer(503, {"reason": "Shutdown"})), SOME, until=NOW + timedelta(hours=1), now=NOW)
    assert len(log.said) == 4


@pytest.mark.parametrize(
    ("reason", "hint"), [("TLS: TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate"), ("Connection refused", "network")]
)
async def test_a_line_that_fails_is_said_loudly(reason: str, hint: str) -> None:
    log = Heard()
    line = Line(Lost(reason, unseen=True))
    assert (await postbox(log).send(line, SOME, until=NOW + SECOND, now=NOW)).outcome is Outcome.LATER
    assert log.said[0]["reason"] == reason
    assert hint in str(log.said[0]["look_at"])


async def test_apples_times_are_told_by_the_houses_clock() -> None:
    """A recorded Monday may be played on any day: what Apple says of now must not be a week away."""
    shift = timedelta(days=7)
    gone = answer(410, {"reason": "Unregistered", "timestamp": int(NOW.timestamp() * 1000)})
    box = postbox(Heard(), shift)
    assert box.apples(NOW + shift) == NOW
    receipt = await box.send(Line(gone), SOME, until=NOW + shift + SECOND, now=NOW + shift)
    assert receipt.gone_since == NOW + shift


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"^apns\.ca_file: .*gone\.pem"):
        tls_for(str(tmp_path / "gone.pem"))
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(Misconfigured, match=r"^apns\.ca_file: .*no\.pem"):
        tls_for(str(tmp_path / "no.pem"))
    files = Authority(tmp_path).client("client", "pass.example")
    other = Authority(tmp_path, "Other").client("other", "pass.example")
    tls_for(str(files.ca), certificate=files.certificate, key=files.key)
    with pytest.raises(Misconfigured, match=r"client\.pem: .*other\.key\.pem"):
        tls_for("", certificate=files.certificate, key=other.key)
