"""What pages say: the same words with the same gaps in both languages, every one used; what they ship of others is as it came."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from server.web.languages import LANGUAGES, catalogue
from tests.house.tree import ROOT

WEB = ROOT / "server" / "web"
NAMES = sorted(path.stem for path in (WEB / "words").glob("*.toml"))
VENDOR = WEB / "static" / "vendor"
VENDORED = tomllib.loads((VENDOR / "vendored.toml").read_text("utf-8"))
METHODS = {name for name in dir(dict) if not name.startswith("_")}
USES = "\n".join(
    path.read_text("utf-8")
    for folder, pattern in (("templates", "*.html"), ("static/js", "**/*.js"), (".", "*.py"), ("screens", "*.py"))
    for path in (WEB / folder).glob(pattern)
)
WHOLE = set(re.findall(r"[A-Za-z0-9_]+", USES))


def gaps(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w*\}", text))


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_say_the_same_things_with_the_same_gaps(name: str) -> None:
    words = catalogue(name)
    assert set(tomllib.loads((WEB / "words" / f"{name}.toml").read_text("utf-8"))) == set(LANGUAGES)
    assert {key: gaps(text) for key, text in words["en"].items()} == {
        key: gaps(text) for key, text in words["de"].items()
    }
    assert not {key for key, text in words["de"].items() if not text.strip()}
    assert not METHODS & set(words["en"]), "a template would find the dictionary's own method"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "common"])
def test_every_word_is_used(name: str) -> None:
    """A key is used as a whole, or made of a part that is written out (`say(`state_${…}`)`) and what the server names."""

    def is_used(key: str) -> bool:
        parts = key.split("_")
        starts = ["_".join(parts[:n]) + "_" for n in range(1, len(parts))]
        ends = ["_" + "_".join(parts[n:]) for n in range(1, len(parts))]
        return (
            key in WHOLE
            or any(f"{start}$" in USES or f"{start}{{" in USES for start in starts)
            or any(f"}}{end}" in USES for end in ends)
        )

    assert not [key for key in catalogue(name)["en"] if not is_used(key)]


def test_what_others_wrote_is_what_they_published() -> None:
    told = {f"{name}/{file}": told for name, of in VENDORED.items() for file, told in of["sha256"].items()}
    there = [path for path in VENDOR.rglob("*") if path.is_file() and path.name != "vendored.toml"]
    assert {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in there
    } == told


@pytest.mark.parametrize("name", sorted(VENDORED))
def test_each_of_them_comes_with_its_licence(name: str) -> None:
    assert VENDORED[name]["licence"] in {"MIT", "ISC", "BSD-2-Clause", "0BSD", "Apache-2.0"}
    assert "copyright" in (VENDOR / name / "LICENSE.txt").read_text("utf-8").lower()


def test_scripts_of_pages_set_text_and_never_markup() -> None:
    markup = re.compile(
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function|setHTML)\b|javascript:"
    )
    found = [
        f"{path.relative_to(WEB)}:{number}"
        for path in sorted((WEB / "static").glob("js/**/*.js"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if markup.search(line) and "return node.innerHTML" not in line
    ]
    assert found == []


def test_templates_have_no_script_style_or_handler_of_their_own() -> None:
    def wrong(text: str) -> list[str]:
        return re.findall(r"<style|\sstyle=|\son\w+=|\|\s*safe\b|<script(?![^>]*(?:src=|application/json))", text)

    found = {path.name: wrong(path.read_text("utf-8")) for path in (WEB / "templates").glob("*.html")}
    assert not {name: each for name, each in found.items() if each}


def test_scripts_and_sheets_are_as_short_as_the_rest() -> None:
    own = [
        path for path in (WEB / "static").rglob("*") if path.suffix in (".js", ".css") and VENDOR not in path.parents
    ]
    long = {
        str(path.relative_to(WEB)): n for path in own if (n := len(Path(path).read_text("utf-8").splitlines())) > 300
    }
    assert not long
