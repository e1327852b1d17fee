"""The manifest, compared both ways."""

from __future__ import annotations

import hashlib
import json

import pytest

from passes.testing.manifest import check_manifest

FILES = {"pass.json": b"{}", "icon.png": b"png"}
HASHES = {name: hashlib.sha1(data, usedforsecurity=False).hexdigest() for name, data in FILES.items()}


def codes(manifest: object, **files: bytes) -> set[str]:
    raw = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return {finding.code for finding in check_manifest({**FILES, "manifest.json": raw, "signature": b"x", **files})}


def test_a_manifest_of_all_files_is_taken() -> None:
    assert codes(HASHES) == set()


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        ({"pass.json": HASHES["pass.json"]}, "manifest.unlisted"),
        ({**HASHES, "logo.png": HASHES["icon.png"]}, "manifest.absent"),
        ({**HASHES, "icon.png": HASHES["pass.json"]}, "manifest.hash"),
        ({**HASHES, "icon.png": HASHES["icon.png"].upper()}, "manifest.form"),
        ({**HASHES, "icon.png": hashlib.sha256(b"png").hexdigest()}, "manifest.form"),
        ({**HASHES, "icon.png": None}, "manifest.form"),
        ({**HASHES, "signature": HASHES["icon.png"]}, "manifest.itself"),
        ({**HASHES, "manifest.json": HASHES["icon.png"]}, "manifest.itself"),
        ([], "json.object"),
        (b"{", "json.syntax"),
        (json.dumps(HASHES)[:-1].encode() + b', "icon.png": "' + HASHES["icon.png"].encode() + b'"}', "json.duplicate"),
    ],
)
def test_a_broken_manifest_is_refused_by_its_own_code(manifest: object, code: str) -> None:
    assert codes(manifest) == {code}


def test_a_missing_manifest_is_left_to_the_reader_of_the_archive() -> None:
    assert check_manifest(FILES) == []
