"""The zip is read by Python's own zipfile, which shares no line with ours."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from passes.apple.archive import MAX_BUNDLE_BYTES, assemble, bundle, pack, sha1
from passes.errors import BundleError
from tests.passes.samples import NOW, good

IMAGES = {"logo.png": b"logo", "icon.png": b"icon", "de.lproj/logo.png": b""}
OWN = [("pass.json", b"{}"), ("manifest.json", b"[]"), ("signature", bytes(range(256)))]


def infos(data: bytes) -> list[zipfile.ZipInfo]:
    return zipfile.ZipFile(io.BytesIO(data)).infolist()


def test_a_reader_of_zips_finds_nothing_wrong() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.pkpass"
        path.write_bytes(assemble(pack(IMAGES), OWN, at=NOW))
        arguments = [sys.executable, "-m", "zipfile", "-t", str(path)]
        done = subprocess.run(arguments, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, b"Done testing")


def test_the_files_are_stored_plain_and_readable_for_all() -> None:
    for info in infos(assemble(pack(IMAGES), OWN, at=NOW)):
        assert (info.compress_type, info.file_size) == (zipfile.ZIP_STORED, info.compress_size)
        assert (info.create_system, info.external_attr >> 16) == (3, 0o100644)
        assert (info.flag_bits, info.extra, info.comment) == (0, b"", b"")


def test_nothing_stands_before_between_or_behind_the_files() -> None:
    data = assemble(pack(IMAGES), OWN, at=NOW)
    files = IMAGES | dict(OWN)
    names = sum(map(len, files))
    # A local header has 30 bytes, a row of the directory 46, its end 22: APPNOTE 4.3.7, 4.3.12, 4.3.16.
    assert len(data) == sum(map(len, files.values())) + 2 * names + len(files) * (30 + 46) + 22


def test_the_files_stand_in_a_fixed_order_without_directories() -> None:
    names = [info.filename for info in infos(assemble(pack(IMAGES), OWN, at=NOW))]
    assert names == ["de.lproj/logo.png", "icon.png", "logo.png", "pass.json", "manifest.json", "signature"]


def test_every_file_comes_out_as_it_went_in() -> None:
    with zipfile.ZipFile(io.BytesIO(assemble(pack(IMAGES), OWN, at=NOW))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == IMAGES | dict(OWN)


def test_the_order_in_which_images_are_given_changes_nothing() -> None:
    turned = dict(reversed(IMAGES.items()))
    assert assemble(pack(turned), OWN, at=NOW) == assemble(pack(IMAGES), OWN, at=NOW)


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (datetime(2026, 3, 2, 8, 30, 31, tzinfo=UTC), (2026, 3, 2, 8, 30, 30)),
        (datetime(2026, 3, 2, 0, 30, tzinfo=timezone(timedelta(hours=1))), (2026, 3, 1, 23, 30, 0)),
        (datetime(1979, 12, 31, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2107, 12, 31, 23, 59, 59, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_the_time_is_the_one_handed_in(at: datetime, written: tuple[int, ...]) -> None:
    stamps = {info.filename: info.date_time for info in infos(assemble(pack(IMAGES), OWN, at=at))}
    assert stamps["pass.json"] == written
    assert stamps["icon.png"] == (1980, 1, 1, 0, 0, 0)


def test_the_hash_is_the_one_of_openssl() -> None:
    done = subprocess.run(["openssl", "sha1", "-r"], input=b"icon", capture_output=True, timeout=20, check=True)
    assert done.stdout.split()[0].decode() == sha1(b"icon") == pack(IMAGES).hashes["icon.png"]


def test_a_bundle_holds_whole_passes() -> None:
    with zipfile.ZipFile(io.BytesIO(bundle([good()] * 10, at=NOW))) as archive:
        assert archive.namelist() == [f"{number:02}.pkpass" for number in range(1, 11)]
        assert {hashlib.sha256(archive.read(name)).digest() for name in archive.namelist()} == {
            hashlib.sha256(good()).digest()
        }


@pytest.mark.parametrize("count", [0, 11])
def test_a_bundle_holds_one_to_ten_passes(count: int) -> None:
    with pytest.raises(BundleError) as caught:
        bundle([good()] * count, at=NOW)
    assert caught.value.code == "bundle.count"


def test_a_bundle_has_an_end_of_its_bytes() -> None:
    with pytest.raises(BundleError) as caught:
        bundle([bytes(MAX_BUNDLE_BYTES // 2 + 1)] * 2, at=NOW)
    assert caught.value.code == "bundle.bytes"


def test_a_bundle_holds_passes_and_nothing_else() -> None:
    with pytest.raises(BundleError) as caught:
        bundle([good(), b"%PDF-1.7"], at=NOW)
    assert (caught.value.code, caught.value.field) == ("bundle.pass", "passes[1]")


def test_an_archive_may_hold_what_differs_alone() -> None:
    assert [info.filename for info in infos(assemble(pack({}), OWN, at=NOW))] == [name for name, _ in OWN]
