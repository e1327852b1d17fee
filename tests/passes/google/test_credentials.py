"""The service account proves itself: openssl verifies each JWT."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passes.errors import GoogleError
from passes.google.credentials import SCOPE, assertion, read_service_account, read_token, sign_jwt, token_request
from tests.passes.google.samples import EMAIL, TOKEN_URI, account, key_file, opened
from tests.passes.samples import NOW

SECONDS = int(NOW.timestamp())


def test_openssl_takes_the_assertion_and_its_times_are_whole_numbers() -> None:
    header, claims = opened(assertion(account(), now=NOW + timedelta(milliseconds=900)))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims == {"iss": EMAIL, "scope": SCOPE, "aud": TOKEN_URI, "iat": SECONDS, "exp": SECONDS + 3600}


def test_a_stand_in_for_the_token_address_is_address_and_audience() -> None:
    _, claims = opened(assertion(account(), now=NOW, scope="other", token_url="http://127.0.0.1:9/token"))
    assert (claims["aud"], claims["scope"]) == ("http://127.0.0.1:9/token", "other")


def test_texts_outside_ascii_survive_the_signing() -> None:
    assert opened(sign_jwt(account(), {"title": "Kaffee für zwei ☕"}))[1] == {"title": "Kaffee für zwei ☕"}


def test_the_form_is_the_one_of_rfc_7523() -> None:
    form = token_request("a.b-_.c")
    assert form == b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b-_.c"


def test_a_token_is_not_used_in_its_last_minutes() -> None:
    token = read_token(b'{"access_token": "ya29.x", "expires_in": 3599, "token_type": "Bearer"}', now=NOW)
    assert token.value == "ya29.x"
    assert token.until == NOW + timedelta(seconds=3599 - 300)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error": "invalid_grant"}',
        b'{"access_token": "x"}',
        b'{"access_token": 7, "expires_in": 3599}',
        b'{"access_token": "x", "expires_in": "3599"}',
        b'{"access_token": "x", "expires_in": 1e999}',
        b'{"access_token": "x", "expires_in": 99999999999999999999}',
    ],
)
def test_an_answer_without_a_token_is_refused(raw: bytes) -> None:
    with pytest.raises(GoogleError) as caught:
        read_token(raw, now=NOW)
    assert caught.value.code == "google.token"


def elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "google.account"),
        (b"[]", "google.account"),
        (key_file(client_email=None), "google.account"),
        (key_file(token_uri=""), "google.account"),
        (key_file(private_key=1), "google.account"),
        (key_file(private_key="secret"), "google.account_key"),
        (key_file(private_key=elliptic()), "google.account_key"),
    ],
)
def test_what_is_no_service_account_is_refused_and_not_repeated(raw: bytes, code: str) -> None:
    with pytest.raises(GoogleError) as caught:
        read_service_account(raw)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_the_key_is_not_in_what_is_printed() -> None:
    assert repr(account()) == f"ServiceAccount(email='{EMAIL}', key_id='k1', token_uri='{TOKEN_URI}')"
