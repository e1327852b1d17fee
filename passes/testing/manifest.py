"""manifest.json holds the SHA-1 of every file but itself and the signature: all of them, and no other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from passes.testing.finding import Finding, read_object

_HASH = re.compile(r"[0-9a-f]{40}")


def check_manifest(files: Mapping[str, bytes]) -> list[Finding]:
    """Compare both ways; nothing to say where the manifest is missing, which the archive's reader has said."""
    raw = files.get("manifest.json")
    if raw is None:
        return []
    manifest, findings = read_object("manifest.json", raw)
    if manifest is None:
        return findings
    for name in ("manifest.json", "signature"):
        if name in manifest:
            findings.append(Finding("manifest.itself", name, "does not belong into the manifest"))
    hashed = {name: data for name, data in files.items() if name not in ("manifest.json", "signature")}
    for name, data in hashed.items():
        if name not in manifest:
            findings.append(Finding("manifest.unlisted", name, "is not in the manifest"))
        elif not isinstance(manifest[name], str) or not _HASH.fullmatch(manifest[name]):
            findings.append(Finding("manifest.form", name, "its hash is not SHA-1 in 40 lower-case hex digits"))
        elif manifest[name] != hashlib.sha1(data, usedforsecurity=False).hexdigest():
            findings.append(Finding("manifest.hash", name, "is not the file that was hashed"))
    absent = set(manifest) - set(hashed) - {"manifest.json", "signature"}
    findings += [
        Finding("manifest.absent", name, "is in the manifest but not in the archive") for name in sorted(absent)
    ]
    return findings
