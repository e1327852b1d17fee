"""Our passes as Google gets them, judged by Google's own description, openssl and this file's arithmetic."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from passes.google.save_link import MAX_JWT
from server.model.look import Dress
from server.model.pass_ import Benefit, Line, PassState
from server.store.ids import new_id
from server.wallet.codes import read_code, read_scan
from server.wallet.google import Known, digests_of, of_kind, titles_of
from tests.google_scene import NOW, OFFER, WORDS, a_pass, payload_of, the_issuer, unsigned
from tests.passes.google.discovery import NAMES, objections
from tests.standins.google import ISSUER

TABLE = "google_objects"


async def link_of(issuer: Any, pass_: Any, known: Known | None = None) -> str | None:
    found = await issuer.links([pass_], {OFFER: WORDS}, {pass_.serial: known or Known()}, now=NOW)
    return found.get(pass_.serial)


@pytest.mark.parametrize("kind", ["offer", "loyalty", "generic"])
@pytest.mark.parametrize("lean", [True, False])
def test_google_has_nothing_against_class_and_object(tmp_path: Path, kind: str, lean: bool) -> None:
    issuer, _ = the_issuer(tmp_path, logo_url="https://kairos.example/logo.png")
    card = a_pass().card
    pass_ = a_pass(
        card=replace(
            card,
            dress=Dress(google=kind, background="#145a3c"),  # type: ignore[arg-type]
            lines=(Line("line1", "back", "GOOD TO KNOW", "With oat milk, too"),),
            terms="Once a day",
        ),
        benefit=Benefit("points", points=40),
        uses_total=3,
        uses_left=2,
    )
    class_, object_ = issuer.class_of(pass_, WORDS, now=NOW, lean=lean), issuer.object_of(pass_, now=NOW, lean=lean)
    assert objections(f"{NAMES[kind]}Class", class_) == []
    assert objections(f"{NAMES[kind]}Object", object_) == []
    assert object_["classId"] == class_["id"]
    assert object_["id"] == f"{ISSUER}.{pass_.serial}"
    assert class_["id"] == f"{ISSUER}.{OFFER}" + ("" if kind == "offer" else f".{kind}")


def test_the_object_shows_the_code_the_end_the_places_and_nothing_of_the_customer(tmp_path: Path) -> None:
    issuer, keyring = the_issuer(tmp_path)
    pass_ = a_pass()
    body = issuer.object_of(pass_, now=NOW)
    assert read_code(body["barcode"]["value"], keyring=keyring, now=NOW) == pass_.serial
    assert body["validTimeInterval"]["end"]["date"] == "2026-11-23T10:00:00Z"
    assert body["merchantLocations"] == [
        {"latitude": spot.point.lat, "longitude": spot.point.lon} for spot in pass_.card.near
    ]
    text = json.dumps(body)
    assert str(pass_.customer_id) not in text
    assert {module["id"] for module in body["textModulesData"]} == {"worth", "place", "stores"}


@pytest.mark.parametrize(
    ("state", "there"),
    [
        (PassState.ACTIVE, "ACTIVE"),
        (PassState.REDEEMED, "COMPLETED"),
        (PassState.EXPIRED, "EXPIRED"),
        (PassState.VOIDED, "INACTIVE"),
    ],
)
def test_each_state_has_its_word_and_what_is_over_comes_up_nowhere(
    tmp_path: Path, state: PassState, there: str
) -> None:
    issuer, _ = the_issuer(tmp_path)
    body = issuer.object_of(a_pass(state=state), now=NOW)
    assert body["state"] == there
    assert ("merchantLocations" in body) == (state is PassState.ACTIVE)


def test_a_pass_past_its_end_is_expired_before_any_job_has_said_so(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path)
    assert issuer.object_of(a_pass(), now=NOW + timedelta(hours=2))["state"] == "EXPIRED"


def test_the_class_speaks_the_offers_languages_unless_a_title_names_somebody() -> None:
    assert titles_of(a_pass(), WORDS) == ("Coffee on us", "en-US", {"de-DE": "Kaffee aufs Haus"})
    personal = WORDS._replace(titles={"en-US": "For you, {{ customer.first_name | default: 'you' }}"})
    assert titles_of(a_pass(), personal) == ("One on us", "en", {"de": "Einmal aufs Haus"})
    assert titles_of(a_pass(), WORDS._replace(titles={}))[0] == "One on us"
    assert titles_of(a_pass(), WORDS._replace(fallback="fr-FR"))[1] == "de-DE"


def test_the_class_names_the_callback_where_google_can_reach_it(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path)
    assert "callbackOptions" not in issuer.class_of(a_pass(), WORDS, now=NOW)
    public, _ = the_issuer(tmp_path, public_url="https://kairos.example/")
    for lean in (True, False):
        body = public.class_of(a_pass(), WORDS, now=NOW, lean=lean)
        assert body["callbackOptions"] == {"url": "https://kairos.example/wallet/google/callback"}
    assert issuer.calls_back  # in test mode a stand-in calls by itself
    issuer, _ = the_issuer(tmp_path, callback=False)
    assert not issuer.calls_back


@pytest.mark.parametrize("logo_url", ["", "https://assets.kairos.example/brand/logo-512.png"])
async def test_a_short_pass_travels_whole_in_its_link_and_openssl_knows_the_account(
    tmp_path: Path, logo_url: str
) -> None:
    issuer, keyring = the_issuer(tmp_path, public_url="https://kairos.example", logo_url=logo_url)
    pass_ = a_pass()
    url = await link_of(issuer, pass_)
    assert url is not None
    assert len(url.rsplit("/", 1)[1]) <= MAX_JWT
    payload = payload_of(url)
    [class_], [object_] = payload["offerClasses"], payload["offerObjects"]
    assert objections("OfferClass", class_) == objections("OfferObject", object_) == []
    assert read_code(object_["barcode"]["value"], keyring=keyring, now=NOW) == pass_.serial
    assert object_["state"] == "ACTIVE"
    assert not issuer.must_insert(pass_, WORDS, now=NOW)


async def test_a_pass_that_google_has_is_named_and_a_class_that_it_has_stays_at_home(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path)
    pass_ = a_pass()
    names = {"id": issuer.object_id(pass_.serial), "classId": issuer.class_id(pass_)}
    url = await link_of(issuer, pass_, Known(kind="offer"))
    assert url is not None
    assert unsigned(url) == {"offerObjects": [names]}
    url = await link_of(issuer, pass_, Known(class_there=True))
    assert url is not None
    assert set(unsigned(url)) == {"offerObjects"}


async def test_an_object_stays_of_its_kind_whatever_its_offer_says_by_now(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path)
    pass_ = a_pass()
    changed = replace(pass_, card=replace(pass_.card, dress=Dress(google="generic")))
    url = await link_of(issuer, changed, Known(kind="offer"))
    assert url is not None
    assert unsigned(url) == {
        "offerObjects": [{"id": issuer.object_id(pass_.serial), "classId": issuer.class_id(pass_)}]
    }
    assert of_kind(changed, "offer") == pass_


async def test_what_is_too_long_changes_or_is_never_called_back_must_be_inserted(tmp_path: Path) -> None:
    card = a_pass().card
    lines = tuple(Line(f"line{n}", "auxiliary", "GOOD TO KNOW", "x" * 200) for n in range(3))
    long = a_pass(card=replace(card, lines=lines))
    issuer, _ = the_issuer(tmp_path)
    wordy = WORDS._replace(titles={f"{a}{b}": "x" * 120 for a in "abcdef" for b in "abc"}, fallback="aa")
    assert issuer.must_insert(long, wordy, now=NOW)
    assert not issuer.must_insert(a_pass(), WORDS, now=NOW)
    for changes in ({"rotating": True}, {"callback": False}):
        other, _ = the_issuer(tmp_path, **changes)
        assert other.must_insert(a_pass(), WORDS, now=NOW)


async def test_only_what_can_be_used_has_a_link_and_each_is_signed_once(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path)
    pass_ = a_pass()
    assert await link_of(issuer, replace(pass_, state=PassState.REDEEMED)) is None
    assert await link_of(issuer, replace(pass_, valid_until=NOW)) is None
    first = await link_of(issuer, pass_)
    again = await issuer.links([pass_], {}, {}, now=NOW + timedelta(minutes=1))  # nothing to write it from, nor needed
    assert again[pass_.serial] == first
    changed = replace(pass_, modified_at=NOW + timedelta(seconds=1))
    with pytest.raises(KeyError):
        await issuer.links([changed], {}, {}, now=NOW)


async def test_a_loyalty_card_without_a_logo_has_no_link(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path)
    card = replace(a_pass().card, dress=Dress(google="loyalty"))
    assert await link_of(issuer, a_pass(card=card)) is None


def test_a_changing_barcode_names_the_pass_and_the_name_alone_is_no_code(tmp_path: Path) -> None:
    issuer, keyring = the_issuer(tmp_path, rotating=True)
    pass_ = a_pass()
    sealed = issuer.new_secret(pass_.serial, table=TABLE, now=NOW)
    assert sealed is not None
    key = issuer.open_secret(sealed, serial=pass_.serial, table=TABLE, now=NOW)
    assert key is not None
    assert len(key) == 20
    body = issuer.object_of(pass_, now=NOW, secret=key)
    assert objections("OfferObject", body) == []
    assert "barcode" not in body
    rotating = body["rotatingBarcode"]
    assert rotating["totpDetails"]["parameters"] == [{"key": key.hex().upper(), "valueLength": 8}]
    name = rotating["valuePattern"].removesuffix(".{totp_value_0}")
    assert read_scan(name, keyring=keyring, now=NOW) is None
    assert read_scan(f"{name}.12345678", keyring=keyring, now=NOW) == (pass_.serial, "12345678")
    assert issuer.open_secret(sealed, serial=new_id(), table=TABLE, now=NOW) is None
    assert the_issuer(tmp_path)[0].new_secret(pass_.serial, table=TABLE, now=NOW) is None


async def test_the_secret_is_in_no_link(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path, rotating=True)
    pass_ = a_pass()
    url = await link_of(issuer, pass_, Known(kind="offer"))
    assert url is not None
    assert set(unsigned(url)["offerObjects"][0]) == {"id", "classId"}


def test_linked_objects_are_named_in_full(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path)
    card = new_id()
    body = issuer.object_of(a_pass(), now=NOW, linked=[card])
    assert body["linkedObjectIds"] == [f"{ISSUER}.{card}"]
    assert objections("OfferObject", body) == []


@pytest.mark.parametrize(
    "text", ["", "x", f"{ISSUER}.", f"{ISSUER}.x", f"{ISSUER}.{'0' * 36}", "1.{serial}", "{serial}"]
)
def test_names_of_objects_that_are_not_ours_name_nothing(tmp_path: Path, text: str) -> None:
    issuer, _ = the_issuer(tmp_path)
    serial = new_id()
    assert issuer.serial_of(text.format(serial=serial)) is None
    assert issuer.serial_of(issuer.object_id(serial)) == serial


def test_digests_tell_what_changed_and_nothing_else(tmp_path: Path) -> None:
    issuer, _ = the_issuer(tmp_path)
    pass_ = a_pass()
    before = digests_of(issuer.object_of(pass_, now=NOW))
    after = digests_of(issuer.object_of(replace(pass_, state=PassState.REDEEMED), now=NOW))
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"state", "merchantLocations"}
    body = issuer.object_of(pass_, now=NOW)
    assert body["barcode"]["value"] not in json.dumps(before)
