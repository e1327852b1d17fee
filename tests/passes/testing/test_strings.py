"""The translations of a pass."""

from __future__ import annotations

import codecs

import pytest

from passes.testing.strings import check_strings

ENTRY = '"TODAY" = "HEUTE";\n'


def codes(**files: bytes | str) -> set[str]:
    named = {name.replace("__", "/"): data.encode() if isinstance(data, str) else data for name, data in files.items()}
    return {finding.code for finding in check_strings(named)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        ENTRY,
        '/* said by "marketing" */\n' + ENTRY + "// the end",
        '"a \\"quoted\\" word"="ein \\"Wort\\"" ;"b"\n=\n"c\\n";',
        ("\ufeff" + ENTRY),
    ],
)
def test_good_translations_are_taken(text: str) -> None:
    assert codes(**{"de.lproj/pass.strings": text}) == set()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-8-sig"])
def test_both_encodings_of_apple_are_taken(encoding: str) -> None:
    assert codes(**{"pt-BR.lproj/pass.strings": '"a" = "ã";'.encode(encoding)}) == set()


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("de.lproj/pass.strings", '"TODAY" = "HEUTE"\n', "language.syntax"),
        ("de.lproj/pass.strings", "TODAY = HEUTE;", "language.syntax"),
        ("de.lproj/pass.strings", '"TODAY" = "HEUTE;\n', "language.syntax"),
        ("de.lproj/pass.strings", ENTRY + ENTRY, "language.duplicate"),
        ("de.lproj/Localizable.strings", ENTRY, "language.file"),
        ("pass.strings", ENTRY, "language.file"),
        ("de/pass.strings", ENTRY, "language.folder"),
        ("deutsch1.lproj/pass.strings", ENTRY, "language.folder"),
    ],
)
def test_broken_translations_are_refused_by_their_own_code(name: str, text: str, code: str) -> None:
    assert codes(**{name: text}) == {code}


def test_another_encoding_is_refused() -> None:
    assert codes(**{"de.lproj/pass.strings": '"a" = "ä";'.encode("latin-1")}) == {"language.encoding"}
    assert codes(**{"de.lproj/pass.strings": codecs.BOM_UTF16_LE + b"\x00"}) == {"language.encoding"}
