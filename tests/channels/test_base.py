"""What all ways out share."""

from __future__ import annotations

import re
from uuid import UUID

from server.channels.base import Subscription, collapse_id

KIM = UUID("0198c000-0000-7000-8000-000000000001")
ALEX = UUID("0198c000-0000-7000-8000-000000000002")


def test_two_moments_of_one_offer_for_one_customer_have_one_collapse_id() -> None:
    assert collapse_id("coffee", KIM) == collapse_id("coffee", KIM)


def test_another_offer_or_another_customer_has_another() -> None:
    assert len({collapse_id("coffee", KIM), collapse_id("tea", KIM), collapse_id("coffee", ALEX)}) == 3


def test_a_collapse_id_fits_every_service() -> None:
    """APNs: at most 64 bytes; Web Push topics (RFC 8030 §5.4): at most 32 characters of base64url, cut there."""
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", collapse_id("ä" * 64, KIM))


def test_an_address_is_in_no_repr() -> None:
    said = repr(Subscription("https://push.example/secret", b"public", b"hidden"))
    assert "secret" not in said
    assert "hidden" not in said
