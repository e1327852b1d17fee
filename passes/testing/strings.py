"""The translations: <language>.lproj/pass.strings, lines of "text" = "translation"; in UTF-8 or UTF-16."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

from passes.testing.finding import Finding

_FOLDER = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*\.lproj")
_ENTRY = re.compile(r'\s*(?:/\*.*?\*/\s*|//[^\n]*\n\s*)*"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*)"\s*;', re.DOTALL)
_REST = re.compile(r"\s*(?:/\*.*?\*/\s*|//[^\n]*(?:\n\s*|$))*", re.DOTALL)


def check_strings(files: Mapping[str, bytes]) -> list[Finding]:
    """Look at every folder of the pass and at every pass.strings in it."""
    findings: list[Finding] = []
    for folder in sorted({name.split("/", 1)[0] for name in files if "/" in name}):
        if not _FOLDER.fullmatch(folder):
            findings.append(Finding("language.folder", folder, "is not a folder <language>.lproj"))
    for name, data in sorted(files.items()):
        if name.endswith(".strings"):
            findings += _check_file(name, data)
    return findings


def _check_file(name: str, data: bytes) -> list[Finding]:
    if name.rsplit("/", maxsplit=1)[-1] != "pass.strings" or name.count("/") != 1:
        return [Finding("language.file", name, "translations stand in <language>.lproj/pass.strings")]
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        return [Finding("language.encoding", name, "is neither UTF-8 nor UTF-16")]
    seen: set[str] = set()
    findings = []
    position = 0
    while match := _ENTRY.match(text, position):
        if match[1] in seen:
            findings.append(Finding("language.duplicate", name, "translates a text twice"))
        seen.add(match[1])
        position = match.end()
    if not _REST.fullmatch(text, position):
        findings.append(Finding("language.syntax", name, 'has a line that is not "text" = "translation";'))
    return findings
