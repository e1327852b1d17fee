"""The zip of a pass: its files at the top, each once, nothing that a desktop left behind."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable

from passes.testing.finding import Finding

MAX_UNPACKED = 20_000_000  # a pass with every image at @3x stays below 3 MB
MAX_FILES = 500
NEEDED = ("pass.json", "manifest.json", "signature")


def read_archive(pkpass: bytes) -> tuple[dict[str, bytes], list[Finding]]:
    """The files by name, and what is wrong with the zip; no files where it should not be unpacked."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(pkpass))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, RuntimeError, OSError, EOFError):
        return {}, [Finding("zip.unreadable", "pkpass", "is not a zip archive")]
    if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        return {}, [Finding("zip.large", "pkpass", "unpacks to more than a pass can be")]
    findings = (
        [] if pkpass.startswith(b"PK\x03\x04") else [Finding("zip.start", "pkpass", "does not begin with a file")]
    )
    files: dict[str, bytes] = {}
    for entry in entries:
        findings += _check_entry(entry)
        if entry.is_dir() or entry.flag_bits & 1:
            continue
        if entry.filename in files:
            findings.append(Finding("zip.duplicate", entry.filename, "is in the archive twice"))
        try:
            files[entry.filename] = archive.read(entry)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError):
            findings.append(Finding("zip.damaged", entry.filename, "cannot be unpacked whole"))
    return files, findings + _check_top(files)


def _check_entry(entry: zipfile.ZipInfo) -> list[Finding]:
    name = entry.filename
    findings = []
    if entry.is_dir():
        findings.append(Finding("zip.directory", name, "is a directory entry"))
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        findings.append(Finding("zip.path", name, "is not a path inside the pass"))
    if name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] in (".DS_Store", "Thumbs.db"):
        findings.append(Finding("zip.litter", name, "was left behind by a desktop"))
    if entry.flag_bits & 1:
        findings.append(Finding("zip.encrypted", name, "is encrypted"))
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        findings.append(Finding("zip.method", name, "is neither stored nor deflated"))
    return findings


def _check_top(files: Iterable[str]) -> list[Finding]:
    names = set(files)
    if "pass.json" not in names and any(name.endswith("/pass.json") for name in names):
        return [Finding("zip.folder", "pass.json", "lies in a folder, not at the top of the archive")]
    return [
        Finding(f"missing.{name.removesuffix('.json')}", name, "is not in the archive")
        for name in NEEDED
        if name not in names
    ]
