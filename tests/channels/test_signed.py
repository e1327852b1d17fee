"""Signatures and secrets, judged by the reference libraries' own vector."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.channels.signed import read_secret, sign, write_secret


def test_the_standards_own_example_is_signed_as_there() -> None:
    """The vector of the Standard Webhooks' reference libraries."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert secret is not None
    signed = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=1, max_size=64))
def test_a_secret_is_read_back(secret: bytes) -> None:
    assert read_secret(write_secret(secret)) == secret


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_?", "whsec_a", "secret"])
def test_what_is_no_secret_is_none(text: str) -> None:
    assert read_secret(text) is None
