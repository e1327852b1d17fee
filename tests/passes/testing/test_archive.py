"""The zip of a pass, broken in one way at a time."""

from __future__ import annotations

import io
import zipfile

import pytest

from passes.testing import check
from passes.testing.archive import MAX_FILES, read_archive
from tests.passes.samples import good, sealed, unzipped, zipped


def codes(pkpass: bytes) -> set[str]:
    return {finding.code for finding in read_archive(pkpass)[1]}


def with_entry(name: str, data: bytes = b"") -> bytes:
    buffer = io.BytesIO(good())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def test_what_is_no_zip_is_refused() -> None:
    assert codes(b"") == codes(b"PK\x03\x04") == codes(b"%PDF-1.7") == {"zip.unreadable"}


def test_a_good_pass_is_read_whole() -> None:
    files, findings = read_archive(good())
    assert findings == []
    assert files == unzipped(good())


@pytest.mark.parametrize("name", ["pass.json", "manifest.json", "signature"])
def test_each_needed_file_is_missed(name: str) -> None:
    files = unzipped(good())
    del files[name]
    assert f"missing.{name.removesuffix('.json')}" in {finding.code for finding in check(zipped(files))}


def test_a_folder_around_the_files_is_refused() -> None:
    assert codes(zipped({f"coupon.pass/{name}": data for name, data in unzipped(good()).items()})) == {"zip.folder"}


def test_a_directory_entry_is_refused() -> None:
    assert codes(with_entry("de.lproj/")) == {"zip.directory"}


@pytest.mark.parametrize("name", ["../pass.json", "/etc/passwd", "de.lproj\\pass.strings"])
def test_a_path_out_of_the_pass_is_refused(name: str) -> None:
    assert codes(with_entry(name)) == {"zip.path"}


@pytest.mark.parametrize("name", [".DS_Store", "__MACOSX/._pass.json", "de.lproj/.DS_Store"])
def test_what_a_desktop_leaves_behind_is_refused(name: str) -> None:
    assert codes(with_entry(name)) == {"zip.litter"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_in_the_archive_twice_is_refused() -> None:
    assert codes(with_entry("pass.json", b"{}")) == {"zip.duplicate"}


def test_an_unusual_compression_is_refused() -> None:
    assert codes(zipped(unzipped(good()), method=zipfile.ZIP_LZMA)) == {"zip.method"}


def test_an_encrypted_file_is_refused() -> None:
    encrypted = bytearray(zipped({"pass.json": b"{}", "manifest.json": b"{}", "signature": b""}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + offset] |= 1
    assert codes(bytes(encrypted)) == {"zip.encrypted", "missing.pass"}


def test_a_file_with_a_wrong_checksum_is_refused() -> None:
    whole = bytearray(good())
    whole[whole.index(b'"formatVersion"')] ^= 1
    assert codes(bytes(whole)) == {"zip.damaged", "missing.pass"}


def test_bytes_before_the_first_file_are_refused() -> None:
    assert codes(b"#!/bin/sh\n" + good()) == {"zip.start"}


def test_a_bomb_is_not_unpacked() -> None:
    files, findings = read_archive(zipped({"pass.json": bytes(30_000_000)}))
    assert files == {}
    assert [finding.code for finding in findings] == ["zip.large"]


def test_a_crowd_of_files_is_not_unpacked() -> None:
    assert codes(zipped({str(number): b"" for number in range(MAX_FILES + 1)})) == {"zip.large"}


def test_a_foreign_file_is_no_matter_of_the_archive_but_of_the_pass() -> None:
    pkpass = sealed({**unzipped(good()), "readme.txt": b"hello"})
    assert codes(pkpass) == set()
    assert [finding.code for finding in check(pkpass)] == ["image.name"]
