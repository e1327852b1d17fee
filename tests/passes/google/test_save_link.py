"""The link that saves a pass: whole while it is short, by name when it is not."""

from __future__ import annotations

from typing import Any

import pytest

from passes.errors import GoogleError
from passes.google.objects import class_body, kind_of, object_body
from passes.google.rotating import rotating_barcode
from passes.google.save_link import MAX_JWT, Entry, save_link
from passes.model import Field, Fields, Pass
from passes.styles import STYLES
from tests.passes.google.discovery import NAMES, objections, schemas
from tests.passes.google.samples import EMAIL, ISSUER, account, design, opened
from tests.passes.samples import NOW, coupon

BARE = design(hero=None, details=None, fine_print=None, translations={}, locations=(), logo=None)


def entry(style: str = "coupon", *, serial: str = "1", whole: bool = True, **options: Any) -> Entry:
    own = design(style=style, hero=None, details=None, fine_print=None, translations={}, locations=())
    body = object_body(Pass(serial, style, "x"), own, issuer_id=ISSUER, **options)
    return Entry(kind_of(style), body, class_body(own, issuer_id=ISSUER) if whole else None)


def payload_of(url: str) -> dict[str, Any]:
    assert url.startswith("https://pay.google.com/gp/v/save/")
    header, claims = opened(url.removeprefix("https://pay.google.com/gp/v/save/"))
    assert header["alg"] == "RS256"
    assert (claims["iss"], claims["aud"], claims["typ"]) == (EMAIL, "google", "savetowallet")
    assert claims["iat"] == int(NOW.timestamp())
    payload: dict[str, Any] = claims["payload"]
    return payload


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_short_pass_travels_whole_with_its_class(style: str) -> None:
    one = entry(style)
    link = save_link(account(), [one], now=NOW)
    assert not link.insert_first
    assert payload_of(link.url) == {f"{one.kind}Classes": [one.class_body], f"{one.kind}Objects": [one.object_body]}
    assert set(payload_of(link.url)) <= set(schemas()["Resources"]["properties"])


def test_a_long_pass_is_named_only_and_must_be_inserted_first() -> None:
    fields = Fields(back=(Field("terms", "One a day. " * 150),))
    body = object_body(coupon(fields=fields), design(), issuer_id=ISSUER)
    link = save_link(account(), [Entry("offer", body, class_body(design(), issuer_id=ISSUER))], now=NOW)
    assert link.insert_first
    assert payload_of(link.url) == {"offerObjects": [{"id": body["id"], "classId": body["classId"]}]}
    assert len(link.url) < 1_000


@pytest.mark.parametrize("size", range(620, 760, 10))
def test_no_link_is_longer_than_is_safe(size: int) -> None:
    body = object_body(Pass("1", "coupon", "x", Fields(back=(Field("a", "x" * size),))), BARE, issuer_id=ISSUER)
    link = save_link(account(), [Entry("offer", body)], now=NOW)
    assert len(link.url.rsplit("/", 1)[1]) <= MAX_JWT
    assert (payload_of(link.url)["offerObjects"] == [body]) is not link.insert_first


def test_a_secret_of_a_rotating_barcode_never_travels_in_a_link() -> None:
    one = entry(rotating=rotating_barcode(prefix="1.k1.abc", key=bytes(range(20))))
    link = save_link(account(), [one], now=NOW)
    assert link.insert_first
    assert payload_of(link.url) == {"offerObjects": [{"id": f"{ISSUER}.1", "classId": f"{ISSUER}.coffee-2026"}]}


def test_several_passes_share_a_link_and_their_class() -> None:
    link = save_link(account(), [entry(serial="1"), entry(serial="2", whole=False), entry(serial="3")], now=NOW)
    payload = payload_of(link.url)
    assert [body["id"].rsplit(".", 1)[1] for body in payload["offerObjects"]] == ["1", "2", "3"]
    assert len(payload.get("offerClasses", [])) == (0 if link.insert_first else 1)


def test_passes_of_two_kinds_share_a_link() -> None:
    link = save_link(account(), [entry(whole=False), entry("generic", whole=False)], now=NOW)
    assert set(payload_of(link.url)) == {"offerObjects", "genericObjects"}
    for kind in ("offer", "generic"):
        assert objections(f"{NAMES[kind]}Object", payload_of(link.url)[f"{kind}Objects"][0]) == []


def test_the_sites_of_the_button_are_named() -> None:
    link = save_link(account(), [entry()], now=NOW, origins=["https://kairos.example"])
    assert opened(link.url.rsplit("/", 1)[1])[1]["origins"] == ["https://kairos.example"]


def test_nothing_too_much_and_unknown_kinds_are_refused() -> None:
    many = [entry(serial=f"{number:040}", whole=False) for number in range(30)]
    for entries, code in (
        ([], "google.empty"),
        (many, "google.long"),
        ([Entry("voucher", {"id": "1", "classId": "2"})], "google.kind"),
    ):
        with pytest.raises(GoogleError) as caught:
            save_link(account(), entries, now=NOW)
        assert caught.value.code == code
