"""Who we are to browsers' services, judged by a reading of RFC 8292 that shares no line with ours."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.channels.vapid import LIFE, MOST, RENEW, Vapid, new_key
from server.errors import Misconfigured
from tests.standins.webpush import bytes_of, wrong_with_vapid

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
KEY = new_key()
ORIGIN = "https://push.example"


def vapid(subject: str = "mailto:push@brand.example") -> Vapid:
    return Vapid(KEY, subject=subject, setting="web_push.key_file")


def wrong(header: str, *, origin: str = ORIGIN, now: datetime = NOW) -> str:
    return wrong_with_vapid(header, audience=origin, bound_to=vapid().public, now=now.timestamp())


def claims(header: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(bytes_of(header.split(".")[1]))
    return found


def test_the_token_is_good_for_one_service_and_for_less_than_a_day() -> None:
    header = vapid().authorization(ORIGIN, now=NOW)
    assert wrong(header) == ""
    assert wrong(header, origin="https://other.example") == "not for this service"
    assert wrong(header, now=NOW + LIFE) == "over, or good for too long"
    assert claims(header)["sub"] == "mailto:push@brand.example"
    assert "sub" not in claims(vapid("").authorization(ORIGIN, now=NOW))


def test_the_public_key_is_as_browsers_take_it() -> None:
    assert len(base64.urlsafe_b64decode(vapid().public + "=")) == 65
    assert vapid().public == vapid().public != Vapid(new_key(), subject="", setting="").public


def test_a_token_is_made_anew_in_time_and_kept_until_then() -> None:
    one = vapid()
    first = one.authorization(ORIGIN, now=NOW)
    assert one.authorization(ORIGIN, now=NOW + RENEW - timedelta(seconds=1)) == first
    later = one.authorization(ORIGIN, now=NOW + RENEW)
    assert later != first
    assert wrong(later, now=NOW + RENEW) == ""
    early = (
        NOW + RENEW - timedelta(hours=13)
    )  # a clock that was set back: for a service this is good for more than a day
    assert wrong(later, now=early) == "over, or good for too long"
    assert wrong(one.authorization(ORIGIN, now=early), now=early) == ""


def test_of_services_without_end_only_so_many_tokens_are_kept() -> None:
    one = vapid()
    first = one.authorization("https://0.example", now=NOW)
    for number in range(1, MOST + 1):
        one.authorization(f"https://{number}.example", now=NOW)
    assert one.authorization("https://0.example", now=NOW) != first  # ES256 draws anew each time
    assert len(one._tokens) == MOST


def test_what_is_no_key_for_es256_is_refused_by_the_settings_name() -> None:
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    wrongs = [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ec.generate_private_key(ec.SECP384R1()).private_bytes(*plain),
        rsa.generate_private_key(65537, 2048).private_bytes(*plain),
    ]
    for each in wrongs:
        with pytest.raises(Misconfigured, match=r"^web_push\.key_file: is not") as caught:
            Vapid(each, subject="", setting="web_push.key_file")
        assert caught.value.__cause__ is None


def test_neither_key_nor_token_is_in_the_repr() -> None:
    assert repr(vapid()).startswith("<server.channels.vapid.Vapid object")
