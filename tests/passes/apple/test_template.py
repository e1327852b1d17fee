"""A template reads once and signs often; each pass is judged by openssl and by the checker."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from passes.apple.template import BUNDLE_MEDIA_TYPE, MEDIA_TYPE
from passes.errors import CertificateError, ContentError, ImageError, PassError
from passes.images import default_images, plain_png
from passes.styles import STYLES
from passes.testing import check
from tests.passes.samples import (
    GREEN,
    NOW,
    PASS_TYPE,
    coupon,
    good,
    load_template,
    strip,
    template,
    ticket,
    unzipped,
    verified,
)

IMAGES = default_images(GREEN)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_pass_of_every_style_is_verified_by_openssl_and_has_no_finding(style: str) -> None:
    pkpass = template().build(coupon(style=style), signed_at=NOW)
    assert verified(pkpass)
    assert check(pkpass) == []
    assert STYLES[style].apple in json.loads(unzipped(pkpass)["pass.json"])


def test_the_same_pass_at_the_same_time_gives_the_same_bytes_from_any_template() -> None:
    assert load_template(now=NOW + timedelta(days=3)).build(coupon(), signed_at=NOW) == good()


def test_another_time_changes_the_signature_and_nothing_that_was_hashed() -> None:
    early, late = unzipped(good()), unzipped(template().build(coupon(), signed_at=NOW + timedelta(seconds=1)))
    assert {name for name in early if early[name] != late[name]} == {"signature"}


def test_every_serial_has_a_signature_of_its_own() -> None:
    other = unzipped(template().build(coupon(serial="2"), signed_at=NOW))
    assert not verified(good(), manifest=other["manifest.json"])
    assert verified(good(), manifest=other["manifest.json"], signature=other["signature"])


def test_the_images_of_the_template_are_in_the_pass() -> None:
    assert {name: data for name, data in unzipped(good()).items() if name.endswith(".png")} == IMAGES


def test_an_offers_own_images_leave_the_first_template_as_it_was() -> None:
    with_strip = template().with_images({**IMAGES, "strip.png": strip()})
    pkpass = with_strip.build(coupon(), signed_at=NOW)
    assert unzipped(pkpass)["strip.png"] == strip()
    assert (check(pkpass), verified(pkpass)) == ([], True)
    assert template().build(coupon(), signed_at=NOW) == good()


def test_translations_become_a_folder_per_language() -> None:
    files = unzipped(template().build(coupon(localisations={"en": {"A": "B"}, "de": {"A": "C"}}), signed_at=NOW))
    assert files["en.lproj/pass.strings"] == b'"A" = "B";\n'
    assert files["de.lproj/pass.strings"] == b'"A" = "C";\n'
    assert "de.lproj/pass.strings" in json.loads(files["manifest.json"])


def test_images_that_fit_one_style_only_are_refused_for_the_others() -> None:
    tickets = template().with_images({**IMAGES, "background.png": plain_png(180, 220, GREEN)})
    assert check(tickets.build(ticket(), signed_at=NOW)) == []
    with pytest.raises(ImageError) as caught:
        tickets.build(coupon(), signed_at=NOW)
    assert (caught.value.code, caught.value.field) == ("image.foreign", "background.png")


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"pass_type_id": "de.kaffeeklatsch"}, ContentError, "issuer.pass_type"),
        ({"pass_type_id": "pass.kaffeeklatsch"}, ContentError, "issuer.pass_type"),
        ({"team_id": "klatsch234"}, ContentError, "issuer.team"),
        ({"team_id": "KLATSCH23"}, ContentError, "issuer.team"),
        ({"organization": " "}, ContentError, "text.empty"),
        ({"images": {}}, ImageError, "image.missing"),
        ({"images": {**IMAGES, "logo.png": b"GIF89a"}}, ImageError, "image.signature"),
        ({"images": {**IMAGES, "../logo.png": IMAGES["logo.png"]}}, ImageError, "image.name"),
        ({"images": {**IMAGES, "banner.png": IMAGES["logo.png"]}}, ImageError, "image.foreign"),
        ({"certificate": b""}, CertificateError, "certificate.unreadable"),
        ({"now": NOW + timedelta(days=500)}, CertificateError, "certificate.expired"),
    ],
)
def test_a_template_that_could_not_work_is_not_loaded(
    changes: dict[str, Any], kind: type[PassError], code: str
) -> None:
    with pytest.raises(kind) as caught:
        load_template(**changes)
    assert caught.value.code == code


@pytest.mark.parametrize("days", [-1, 397])
def test_nothing_is_signed_outside_the_life_of_the_certificate(days: int) -> None:
    with pytest.raises(CertificateError) as caught:
        template().build(coupon(), signed_at=NOW + timedelta(days=days))
    assert (caught.value.code, caught.value.field) == ("certificate.time", "signed_at")


def test_the_life_ends_with_that_of_the_certificate() -> None:
    begins, ends = template().signer.life
    assert (begins, ends) == (NOW - timedelta(hours=1), template().credentials.expiries["certificate"])
    assert (
        check(template().build(coupon(), signed_at=ends)) == check(template().build(coupon(), signed_at=begins)) == []
    )


def test_a_signing_time_has_a_zone() -> None:
    with pytest.raises(ContentError) as caught:
        template().build(coupon(), signed_at=NOW.replace(tzinfo=None))
    assert (caught.value.code, caught.value.field) == ("date.zone", "signed_at")


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(ContentError) as caught:
        template().build(coupon(style="boarding_pass"), signed_at=NOW)
    assert caught.value.code == "style.unknown"


def test_plain_http_for_updates_must_be_asked_for() -> None:
    stand_in = coupon(web_service_url="http://127.0.0.1:8080/wallet/")
    with pytest.raises(ContentError):
        template().build(stand_in, signed_at=NOW)
    assert check(load_template(allow_http=True).build(stand_in, signed_at=NOW), allow_http=True) == []


def test_several_threads_sign_with_one_template() -> None:
    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda n: template().build(coupon(serial=str(n)), signed_at=NOW), range(40)))
    assert built == [template().build(coupon(serial=str(n)), signed_at=NOW) for n in range(40)]
    assert all(check(pkpass) == [] for pkpass in built)


def test_no_token_is_in_what_is_printed() -> None:
    assert "token" not in repr(coupon()).lower()


def test_the_media_types_are_apples() -> None:
    assert (MEDIA_TYPE, BUNDLE_MEDIA_TYPE) == ("application/vnd.apple.pkpass", "application/vnd.apple.pkpasses")


def test_neither_the_key_nor_the_images_are_in_what_is_printed() -> None:
    printed = repr(template())
    assert PASS_TYPE in printed
    assert "PNG" not in printed
    assert "PrivateKey" not in printed
    assert len(printed) < 2_000


def test_a_template_tells_when_its_certificates_end() -> None:
    late = load_template(now=NOW + timedelta(days=380)).credentials
    assert late.expiries["certificate"] == NOW + timedelta(days=396, hours=-1)
    assert [warning.split()[0] for warning in late.warnings] == ["certificate"]
    assert template().credentials.warnings == ()


def test_a_signature_is_of_the_time_it_was_asked_for_not_of_the_loading() -> None:
    pkpass = load_template(now=NOW + timedelta(days=1)).build(coupon(), signed_at=NOW + timedelta(days=2))
    assert verified(pkpass, at=NOW + timedelta(days=2))
    assert check(pkpass) == []
    assert b"260304083000Z" in unzipped(pkpass)["signature"]
