"""The checker as a whole: good passes pass, and each broken one is named by its own code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import passes.testing
from passes.images import default_images, plain_png
from passes.model import Pass
from passes.testing import Finding, check
from tests.passes.samples import (
    GREEN,
    NOW,
    coupon,
    edited,
    good,
    load_template,
    sealed,
    strip,
    template,
    ticket,
    unzipped,
    verified,
    zipped,
)
from tests.passes.testing import test_bundle, test_document, test_fields, test_relevance
from tests.passes.testing.broken import BROKEN
from tests.passes.testing.forged import FORGED

WHOLE = {**BROKEN, **FORGED}
BARE = Pass("1", "generic", "Membership")
GOOD = {
    "coupon": good,
    "bare": lambda: template().build(BARE, signed_at=NOW),
    "voided": lambda: template().build(coupon(voided=True), signed_at=NOW),
    "store card": lambda: template().build(coupon(style="store_card"), signed_at=NOW),
    "ticket": lambda: template().build(ticket(), signed_at=NOW),
    "generic": lambda: template().build(coupon(style="generic"), signed_at=NOW),
    "with a strip": lambda: (
        template().with_images({**default_images(GREEN), "strip.png": strip()}).build(coupon(), signed_at=NOW)
    ),
    "with a German logo": lambda: (
        template()
        .with_images({**default_images(GREEN), "de.lproj/logo.png": plain_png(160, 50, GREEN)})
        .build(coupon(), signed_at=NOW)
    ),
    "later": lambda: template().build(coupon(), signed_at=NOW + timedelta(days=200)),
    "without texts in Latin": lambda: template().build(coupon(logo_text="コーヒー ☕"), signed_at=NOW),
}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_said_about_a_good_pass_and_openssl_agrees(name: str) -> None:
    pkpass = GOOD[name]()
    assert check(pkpass) == []
    assert verified(pkpass)


def test_nothing_is_said_about_a_pass_that_was_zipped_and_hashed_by_others() -> None:
    assert check(sealed(unzipped(good()))) == []


def test_plain_http_is_taken_only_where_it_is_allowed() -> None:
    stand_in = coupon(web_service_url="http://127.0.0.1:8080/wallet/")
    pkpass = load_template(allow_http=True).build(stand_in, signed_at=NOW)
    assert check(pkpass, allow_http=True) == []
    assert [finding.code for finding in check(pkpass)] == ["web_service.url"]


def test_a_finding_names_its_code_the_place_and_a_sentence() -> None:
    pkpass = edited(lambda document: document["coupon"]["backFields"][0].pop("value"))
    assert check(pkpass) == [Finding("field.no_value", "coupon.backFields[0].value", "is missing")]


def test_several_mistakes_are_all_named() -> None:
    files = unzipped(good())
    del files["icon.png"], files["icon@2x.png"], files["signature"]
    codes = {finding.code for finding in check(zipped(files))}
    assert codes == {"missing.signature", "image.icon", "manifest.absent"}


def test_every_cut_of_a_pass_is_answered_with_a_finding_and_never_with_an_exception() -> None:
    whole = template().with_images({"icon.png": plain_png(29, 29, GREEN)}).build(BARE, signed_at=NOW)
    for end in range(0, len(whole), 7):
        assert check(whole[:end])


def test_every_changed_byte_in_a_file_of_the_pass_is_found() -> None:
    whole = template().with_images({"icon.png": plain_png(29, 29, GREEN)}).build(BARE, signed_at=NOW)
    for name, data in unzipped(whole).items():
        start = whole.index(data)
        for position in range(start, start + len(data), 11):
            changed = bytearray(whole)
            changed[position] ^= 0x21
            assert check(bytes(changed)), (name, position)


def codes_of_the_checker() -> Iterator[str]:
    """Every code as a pattern, read from the source: `f"required.{key}"` becomes `required\\..+`."""
    for path in Path(passes.testing.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            code, prefix = node.args[0], {"Finding": "", "_said": "signature."}.get(node.func.id)
            if prefix is not None and isinstance(code, ast.Constant):
                yield re.escape(f"{prefix}{code.value}")
            elif prefix is not None and isinstance(code, ast.JoinedStr) and path.name != "signature.py":
                yield "".join(re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in code.values)


# The builders of others read the clock of this machine, which may lie outside the certificate's life.
CLOCK = {"signature.time"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", WHOLE)
def test_a_pass_that_is_broken_in_one_way_is_refused_by_the_codes_of_that(name: str) -> None:
    codes, make = WHOLE[name]
    found = {finding.code for finding in check(make())}
    assert found - CLOCK == codes - CLOCK
    assert found >= codes


def test_every_code_of_the_checker_has_a_broken_pass_and_there_are_more_than_fifty() -> None:
    tables = (
        test_bundle.BROKEN,
        test_document.BROKEN,
        test_fields.BROKEN,
        test_relevance.BROKEN,
        test_relevance.BROKEN_TICKET,
    )
    said = {code for table in tables for code, _ in table.values()}
    said |= {code for codes, _ in WHOLE.values() for code in codes}
    patterns = set(codes_of_the_checker())
    assert len(patterns) > 100
    assert not sorted(pattern for pattern in patterns if not any(re.fullmatch(pattern, code) for code in said))
    assert len(WHOLE) + sum(map(len, tables)) > 150
