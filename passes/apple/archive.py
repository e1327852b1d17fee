"""The zip around a pass: stored, in a fixed order, without directory entries; and the .pkpasses bundle.

Archives are only written here, never read. PNG files do not shrink any more, and a pass.json of 2 kB is not worth the
time: stored files let the images be laid down once per template, with their hashes and checksums.
Format: PKWARE APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end).
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from passes.errors import BundleError

MAX_BUNDLE_PASSES = 10
MAX_BUNDLE_BYTES = 150_000_000
_VERSION = 20  # "2.0 to extract": the oldest that every reader takes
# What never changes bears the oldest time that a zip can say, so that its bytes are the same in every process.
_EPOCH = (0, (1 << 5) | 1)


@dataclass(frozen=True, slots=True)
class Packed:
    """Files laid down once: their local records, their rows for the directory, and their part of manifest.json."""

    records: bytes
    directory: bytes
    count: int
    hashes: Mapping[str, str]


def pack(files: Mapping[str, bytes]) -> Packed:
    """Lay down files that are the same in every pass, in the order of their names."""
    names = sorted(files)
    records, directory = _write([(name, files[name]) for name in names], offset=0, stamp=_EPOCH)
    return Packed(records, directory, len(names), {name: sha1(files[name]) for name in names})


def assemble(constant: Packed, files: Iterable[tuple[str, bytes]], *, at: datetime) -> bytes:
    """A zip of what was laid down before and then `files` in their order, dated `at` (UTC, even seconds)."""
    own = list(files)
    records, directory = _write(own, offset=len(constant.records), stamp=_dos(at))
    body = constant.records + records
    rows = constant.directory + directory
    count = constant.count + len(own)
    return body + rows + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(rows), len(body), 0)


def bundle(passes: Sequence[bytes], *, at: datetime) -> bytes:
    """A .pkpasses file of 1 to 10 passes (MIME `application/vnd.apple.pkpasses`); BundleError outside that."""
    if not 1 <= len(passes) <= MAX_BUNDLE_PASSES:
        raise BundleError("bundle.count", "passes", f"a bundle holds 1 to {MAX_BUNDLE_PASSES} passes")
    if sum(map(len, passes)) > MAX_BUNDLE_BYTES:
        raise BundleError("bundle.bytes", "passes", f"a bundle holds at most {MAX_BUNDLE_BYTES} bytes")
    named = ((f"{number:02}.pkpass", data) for number, data in enumerate(passes, start=1))
    return assemble(pack({}), named, at=at)


def sha1(data: bytes) -> str:
    """The hash that manifest.json holds of a file. SHA-1 is Apple's word; the signature over it is SHA-256."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _write(files: Sequence[tuple[str, bytes]], *, offset: int, stamp: tuple[int, int]) -> tuple[bytes, bytes]:
    records: list[bytes] = []
    directory: list[bytes] = []
    for name, data in files:
        raw = name.encode("ascii")
        common = struct.pack("<5H3I2H", _VERSION, 0, 0, *stamp, zlib.crc32(data), len(data), len(data), len(raw), 0)
        record = b"PK\x03\x04" + common + raw + data
        # Made on Unix (3), a plain file that all may read: what unzip then writes.
        row = struct.pack("<4sBB26s3H2I", b"PK\x01\x02", _VERSION, 3, common, 0, 0, 0, 0o100644 << 16, offset)
        records.append(record)
        directory.append(row + raw)
        offset += len(record)
    return b"".join(records), b"".join(directory)


def _dos(at: datetime) -> tuple[int, int]:
    utc = at.astimezone(UTC)
    if not 1980 <= utc.year <= 2107:
        return _EPOCH
    return (utc.hour << 11) | (utc.minute << 5) | (utc.second // 2), ((utc.year - 1980) << 9) | (
        utc.month << 5
    ) | utc.day
