"""A .pkpasses file read as a stranger would: a zip of passes, each good by itself, no two of them the same.

Apple's page: "Distributing and updating a pass". A pass is named by its type and serial; the same pair again replaces it.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib

from passes.testing import check
from passes.testing.finding import Finding

MOST_PASSES = 10
MOST_BYTES = 150_000_000


def check_bundle(pkpasses: bytes, *, allow_http: bool = False) -> list[Finding]:
    """Every finding about the bundle and about each pass in it (`02.pkpass: coupon.primaryFields[0].key`); never raises."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(pkpasses))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, RuntimeError, OSError, EOFError):
        return [Finding("bundle.unreadable", "pkpasses", "is not a zip archive")]
    if not 1 <= len(entries) <= MOST_PASSES:
        return [Finding("bundle.count", "pkpasses", f"holds {len(entries)} passes, not 1 to {MOST_PASSES}")]
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        return [Finding("bundle.large", "pkpasses", f"unpacks to more than {MOST_BYTES} bytes")]
    findings: list[Finding] = []
    known: dict[tuple[str, str], str] = {}
    for entry in entries:
        name = entry.filename
        if not name.endswith(".pkpass") or "/" in name:
            findings.append(Finding("bundle.name", name, "is not a file like 01.pkpass at the top"))
            continue
        try:
            pkpass = archive.read(entry)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError):
            findings.append(Finding("bundle.damaged", name, "cannot be unpacked whole"))
            continue
        findings += [
            Finding(said.code, f"{name}: {said.where}", said.message) for said in check(pkpass, allow_http=allow_http)
        ]
        same = known.setdefault(_name_of(pkpass, otherwise=name), name)
        if same != name:
            findings.append(Finding("bundle.same", name, f"has the type and serial of {same}, which it would replace"))
    return findings


def _name_of(pkpass: bytes, *, otherwise: str) -> tuple[str, str]:
    """The pair that names a pass; the file's own name where it cannot be read, which `check` has said."""
    try:
        with zipfile.ZipFile(io.BytesIO(pkpass)) as archive:
            document = json.loads(archive.read("pass.json"))
        return str(document["passTypeIdentifier"]), str(document["serialNumber"])
    except Exception:
        return "", otherwise
