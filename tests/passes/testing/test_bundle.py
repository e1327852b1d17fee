"""Bundles: ours are good, and each that is broken is named by its own code."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from passes.apple.archive import bundle
from passes.testing.bundle import check_bundle
from tests.passes.samples import NOW, coupon, edited, good, template, zipped


def second() -> bytes:
    return template().build(coupon(serial="2"), signed_at=NOW)


def damaged() -> bytes:
    whole = bytearray(bundle([good(), second()], at=NOW))
    whole[whole.index(b'"formatVersion"')] ^= 1
    return bytes(whole)


def huge() -> bytes:
    """A row of the directory (APPNOTE 4.3.12) that promises more than it holds: nothing is unpacked to find out."""
    whole = bytearray(zipped({"01.pkpass": b"x"}))
    row = whole.index(b"PK\x01\x02")
    whole[row + 24 : row + 28] = (150_000_001).to_bytes(4, "little")
    return bytes(whole)


BROKEN: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a PDF": ("bundle.unreadable", lambda: b"%PDF-1.7"),
    "nothing at all": ("bundle.count", lambda: zipped({})),
    "eleven passes": ("bundle.count", lambda: zipped({f"{number:02}.pkpass": b"" for number in range(11)})),
    "a bomb": ("bundle.large", huge),
    "a pass without its ending": ("bundle.name", lambda: zipped({"01.zip": good()})),
    "a pass in a folder": ("bundle.name", lambda: zipped({"passes/01.pkpass": good()})),
    "a pass with a changed byte": ("bundle.damaged", damaged),
    "the same pass twice": ("bundle.same", lambda: bundle([good(), good()], at=NOW)),
    "an update beside what it replaces": (
        "bundle.same",
        lambda: bundle([good(), template().build(coupon(voided=True), signed_at=NOW)], at=NOW),
    ),
    "a pass that is broken itself": (
        "style.none",
        lambda: bundle([second(), edited(lambda document: document.pop("coupon"))], at=NOW),
    ),
}


def test_a_bundle_of_ours_has_no_finding() -> None:
    assert check_bundle(bundle([good(), second()], at=NOW)) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_bundle_is_refused_by_its_own_code_alone(name: str) -> None:
    code, make = BROKEN[name]
    assert {finding.code for finding in check_bundle(make())} == {code}


def test_a_finding_names_the_pass_in_the_bundle() -> None:
    _, make = BROKEN["a pass that is broken itself"]
    assert [finding.where for finding in check_bundle(make())] == ["02.pkpass: pass.json"]


def test_what_is_no_pass_is_named_once() -> None:
    assert [finding.code for finding in check_bundle(zipped({"01.pkpass": b"", "02.pkpass": b""}))] == [
        "zip.unreadable",
        "zip.unreadable",
    ]


def test_plain_http_is_taken_where_it_is_allowed() -> None:
    stand_in = edited(lambda document: document.update(webServiceURL="http://127.0.0.1/"))
    assert check_bundle(bundle([stand_in], at=NOW), allow_http=True) == []
    assert [finding.code for finding in check_bundle(bundle([stand_in], at=NOW))] == ["web_service.url"]
