"""The life of one coupon in both wallets, as customer, counter and marketer see it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from passes.apple.archive import bundle
from passes.google.objects import changes, class_body, kind_of, message_body, object_body
from passes.google.rotating import read_code, rotating_barcode, step_at, step_of, totp, without_secret
from passes.google.save_link import Entry, save_link
from passes.model import DateStyle, Field, Location, Pass, Role, arrange
from passes.styles import STYLES
from passes.testing import check
from tests.passes.google.discovery import objections
from tests.passes.google.samples import ISSUER, account, design, opened
from tests.passes.samples import NOW, SERVICE, TOKEN, coupon, template, unzipped, verified

SECRET = bytes(range(20))
UNTIL = NOW + timedelta(hours=2)


def issued(style: str = "coupon") -> Pass:
    """A reward as the shop words it: what, until when, where, under which terms; the style says where it stands."""
    fields = arrange(
        STYLES[style],
        {
            Role.HEADLINE: (Field("reward", "Kaffee aufs Haus", "HEUTE", change_message="Neu: %@"),),
            Role.DEADLINE: (Field("until", UNTIL, "BIS", date_style=DateStyle.NONE, time_style=DateStyle.SHORT),),
            Role.PLACE: (Field("place", "Marktplatz 3", "WO"),),
            Role.SMALL_PRINT: (Field("terms", "Einer je Kundin und Tag.", "BEDINGUNGEN"),),
        },
    )
    return coupon(style=style, fields=fields, localisations={"en": {"HEUTE": "TODAY", "BIS": "UNTIL"}})


def test_the_same_reward_becomes_a_good_pass_of_every_style() -> None:
    for style in STYLES:
        pkpass = template().build(issued(style), signed_at=NOW)
        assert check(pkpass) == []
        assert verified(pkpass)


def test_an_update_keeps_serial_and_token_and_changes_what_the_banner_shows() -> None:
    first = issued()
    larger = replace(first.fields.primary[0], value="Kaffee und Kuchen aufs Haus")
    second = replace(first, fields=replace(first.fields, primary=(larger,)))
    before, after = (
        json.loads(unzipped(template().build(one, signed_at=NOW + late))["pass.json"])
        for one, late in ((first, timedelta(0)), (second, timedelta(minutes=5)))
    )
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"coupon"}
    assert after["coupon"]["primaryFields"][0]["changeMessage"] == "Neu: %@"
    assert (after["serialNumber"], after["authenticationToken"]) == (first.serial, TOKEN)
    assert after["webServiceURL"] == SERVICE


def test_a_redeemed_coupon_is_void_and_comes_up_nowhere_any_more() -> None:
    used = replace(issued(), voided=True, locations=(), beacons=(), max_distance=None, barcodes=())
    pkpass = template().build(used, signed_at=NOW + timedelta(hours=1))
    document = json.loads(unzipped(pkpass)["pass.json"])
    assert document["voided"] is True
    assert {"locations", "beacons", "barcodes", "maxDistance"}.isdisjoint(document)
    assert check(pkpass) == []
    assert verified(pkpass, at=NOW + timedelta(hours=1))


def test_a_coupon_follows_its_customer_to_the_ten_nearest_shops() -> None:
    shops = tuple(Location(48.4 + number / 100, 9.99, relevant_text=f"Shop {number}") for number in range(10))
    pkpass = template().build(replace(issued(), locations=shops), signed_at=NOW)
    assert [place["relevantText"] for place in json.loads(unzipped(pkpass)["pass.json"])["locations"]] == [
        f"Shop {number}" for number in range(10)
    ]
    assert check(pkpass) == []


def test_a_family_gets_its_coupons_in_one_file() -> None:
    built = [template().build(replace(issued(), serial=f"serial-{number}"), signed_at=NOW) for number in range(3)]
    inside = unzipped(bundle(built, at=NOW))
    assert list(inside.values()) == built
    assert all(check(pkpass) == [] for pkpass in inside.values())


def test_a_coupon_at_google_is_inserted_linked_patched_and_told_about() -> None:
    own, pass_ = design(language="de", translations={}), issued()
    shared = class_body(own, issuer_id=ISSUER)
    body = object_body(pass_, own, issuer_id=ISSUER)
    link = save_link(account(), [Entry(kind_of(pass_.style), body, shared)], now=NOW)
    assert opened(link.url.rsplit("/", 1)[1])[1]["payload"]["offerObjects"][0]["id"] == body["id"]

    used = object_body(replace(pass_, voided=True), own, issuer_id=ISSUER)
    assert changes(body, used, notify=True) == {"state": "COMPLETED", "notifyPreference": "NOTIFY_ON_UPDATE"}

    told = message_body(message_id="m1", header="Eingelöst", body="Bis morgen!", notify=False)
    for name, said in (("OfferClass", shared), ("OfferObject", body), ("OfferObject", used)):
        assert objections(name, said) == []
    assert objections("AddMessageRequest", told) == []


def test_a_rotating_code_is_taken_once_and_its_picture_is_worth_nothing() -> None:
    rotating = rotating_barcode(prefix="1.k1.0198a1c2", key=SECRET)
    body = object_body(issued(), design(), issuer_id=ISSUER, rotating=rotating)
    link = save_link(account(), [Entry("offer", body)], now=NOW)
    assert link.insert_first
    assert SECRET.hex().upper() not in json.dumps(opened(link.url.rsplit("/", 1)[1])[1])
    assert SECRET.hex().upper() not in json.dumps(without_secret(body))

    on_the_phone = body["rotatingBarcode"]["valuePattern"].replace("{totp_value_0}", totp(SECRET, step_at(NOW)))
    scanned = read_code(on_the_phone)
    assert scanned is not None
    assert scanned.prefix == "1.k1.0198a1c2"
    taken = {step_of(scanned.value, key=SECRET, now=NOW + timedelta(seconds=2))}
    assert step_of(scanned.value, key=SECRET, now=NOW + timedelta(seconds=25)) in taken
    assert step_of(scanned.value, key=SECRET, now=NOW + timedelta(seconds=90)) is None
