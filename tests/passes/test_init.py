"""What the library promises as a whole: bytes in, bytes out, and two readings of Apple's rules that agree."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import passes
from passes.errors import PassError
from passes.google.objects import kind_of, object_body
from passes.model import Pass
from passes.testing import check
from tests.passes.google.discovery import NAMES, objections
from tests.passes.google.samples import ISSUER, design
from tests.passes.samples import NOW, good, template, unzipped, verified
from tests.passes.strategies import GOOD, ODD

FOLDER = Path(passes.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
FORBIDDEN = {
    "asyncio",
    "socket",
    "ssl",
    "http",
    "urllib",
    "os",
    "pathlib",
    "time",
    "random",
    "secrets",
    "uuid",
    "logging",
}
THIRD_PARTY = {"cryptography"}
# One process, no deadline: the figures of a busy machine say nothing about a pass.
MANY = settings(max_examples=250, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
STRING = re.compile(r'"((?:[^"\\]|\\.)*)" = "((?:[^"\\]|\\.)*)";\n', re.DOTALL)


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_file_reaches_for_the_network_the_disk_the_clock_or_chance(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & FORBIDDEN
    assert "server" not in roots


def test_the_library_needs_cryptography_and_nothing_else() -> None:
    import sys

    roots = {name.split(".")[0] for path in FILES for name in imported(path)}
    assert roots - set(sys.stdlib_module_names) - {"passes"} == THIRD_PARTY


def test_nothing_asks_what_time_it_is() -> None:
    asked = re.compile(r"\.(now|utcnow|today)\(")
    assert not [path.name for path in FILES if asked.search(path.read_text())]


def test_the_checker_shares_no_code_with_the_builder() -> None:
    readers = {name for path in (FOLDER / "testing").glob("*.py") for name in imported(path)}
    own = {name for name in readers if name.startswith("passes")}
    assert own
    assert all(name == "passes.testing" or name.startswith("passes.testing.") for name in own)


@MANY
@given(ODD)
def test_whatever_the_builder_lets_through_the_checker_has_nothing_against(pass_: Pass) -> None:
    try:
        pkpass = template().build(pass_, signed_at=NOW)
    except PassError as error:
        event(error.code)
        return
    event("built")
    assert check(pkpass) == []


@MANY
@given(GOOD)
def test_a_good_pass_is_built_and_says_what_was_put_in_also_in_other_languages(pass_: Pass) -> None:
    files = unzipped(template().build(pass_, signed_at=NOW))
    document = json.loads(files["pass.json"])
    assert (document["serialNumber"], document["description"]) == (pass_.serial, pass_.description)
    assert document.get("logoText") == pass_.logo_text
    style = next(document[name] for name in ("coupon", "storeCard", "eventTicket", "generic") if name in document)
    for section, fields in pass_.fields:
        written = style.get(f"{section.value}Fields", [])
        assert [(one["key"], one["value"], one.get("label")) for one in written] == [
            (one.key, one.value, one.label) for one in fields
        ]

    for language, strings in pass_.localisations.items():
        text = files[f"{language}.lproj/pass.strings"].decode()
        assert {unquoted(key): unquoted(value) for key, value in STRING.findall(text)} == strings


@settings(MANY, max_examples=25)
@given(GOOD)
def test_openssl_takes_every_pass_that_is_built(pass_: Pass) -> None:
    assert verified(template().build(pass_, signed_at=NOW))


@settings(MANY, max_examples=150)
@given(ODD)
def test_google_has_nothing_against_whatever_is_not_refused(pass_: Pass) -> None:
    try:
        body = object_body(pass_, design(style=pass_.style), issuer_id=ISSUER)
    except PassError as error:
        event(error.code)
        return
    event("built")
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert objections(f"{NAMES[kind_of(pass_.style)]}Object", body) == []


@MANY
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_answered_with_a_finding(data: bytes) -> None:
    assert check(data)
    assert check(b"PK\x03\x04" + data)


@MANY
@given(st.data())
def test_a_pass_with_any_bytes_written_over_is_answered_and_never_crashes_the_checker(data: st.DataObject) -> None:
    changed = bytearray(good())
    start = data.draw(st.integers(0, len(changed) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=8))
    changed[start : start + len(patch)] = patch
    check(bytes(changed))
    assert check(good()) == []


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), text, flags=re.DOTALL)
