"""The zip around a pass: stored, in a fixed order, without directory entries; and the .pkpasses bundle.

Archives are only written here, never read. PNG files do not shrink any more, and a pass.json of 2 kB is not worth the
time: stored files let the images be laid down once per template, with their hashes and checksums.
Format: PKWARE APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zlib import crc32

from passes.errors import BundleError

MAX_BUNDLE_PASSES = 10
MAX_BUNDLE_BYTES = 150_000_000
_VERSION = 20  # "2.0 to extract": the oldest that every reader takes
# What never changes bears the oldest time that a zip can say, so that its bytes are the same in every process.
_EPOCH = (0, (1 << 5) | 1)

_COMMON = struct.Struct("<5H3I2H")
_ROW = struct.Struct("<4sBB26s3H2I")
_END = struct.Struct("<4s4H2IH")


@dataclass(frozen=True, slots=True)
class Packed:
    """Files laid down once: their local records, their rows for the directory, and their hashes by name.

    `listed` is what manifest.json says of them: `"icon.png":"<40 hex digits>",…`, without braces.
    """

    records: bytes
    directory: bytes
    count: int
    hashes: Mapping[str, str]
    listed: str


def pack(files: Mapping[str, bytes]) -> Packed:
    """Lay down files that are the same in every pass, in the order of their names (ASCII)."""
    names = sorted(files)
    records, directory, _ = _write([(name, files[name]) for name in names], offset=0, stamp=_EPOCH)
    hashes = {name: sha1(files[name]) for name in names}
    return Packed(b"".join(records), b"".join(directory), len(names), hashes, listed(hashes))


def listed(hashes: Mapping[str, str]) -> str:
    """The inside of a manifest.json: names and hashes, neither of which has a character that JSON would escape."""
    return ",".join([f'"{name}":"{digest}"' for name, digest in hashes.items()])


def assemble(constant: Packed, files: Iterable[tuple[str, bytes]], *, at: datetime) -> bytes:
    """A zip of what was laid down before and then `files` in their order, dated `at` (UTC, even seconds)."""
    own = list(files)
    records, rows, size = _write(own, offset=len(constant.records), stamp=_dos(at))
    count = constant.count + len(own)
    length = len(constant.directory) + sum(map(len, rows))
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, length, size, 0)
    return b"".join((constant.records, *records, constant.directory, *rows, end))


def bundle(passes: Sequence[bytes], *, at: datetime) -> bytes:
    """A .pkpasses file of 1 to 10 .pkpass files, 150 MB at most, dated `at`; BundleError outside that.

    Apple's page: "Distributing and updating a pass". MIME type: `template.BUNDLE_MEDIA_TYPE`.
    """
    if not 1 <= len(passes) <= MAX_BUNDLE_PASSES:
        raise BundleError("bundle.count", "passes", f"a bundle holds 1 to {MAX_BUNDLE_PASSES} passes")
    if sum(map(len, passes)) > MAX_BUNDLE_BYTES:
        raise BundleError("bundle.bytes", "passes", f"a bundle holds at most {MAX_BUNDLE_BYTES} bytes")
    for index, data in enumerate(passes):
        if not data.startswith(b"PK\x03\x04"):
            raise BundleError("bundle.pass", f"passes[{index}]", "is a whole .pkpass file")
    named = ((f"{number:02}.pkpass", data) for number, data in enumerate(passes, start=1))
    return assemble(pack({}), named, at=at)


def sha1(data: bytes) -> str:
    """The hash that manifest.json holds of a file. SHA-1 is Apple's word; the signature over it is SHA-256."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _write(
    files: Sequence[tuple[str, bytes]], *, offset: int, stamp: tuple[int, int]
) -> tuple[list[bytes], list[bytes], int]:
    """The parts of the local records, the parts of the directory, and where the records end (bytes)."""
    records: list[bytes] = []
    directory: list[bytes] = []
    time, date = stamp
    for name, data in files:
        raw, size = name.encode("ascii"), len(data)
        common = _COMMON.pack(_VERSION, 0, 0, time, date, crc32(data), size, size, len(raw), 0)
        records += (b"PK\x03\x04", common, raw, data)
        # Made on Unix (3), a plain file that all may read: what unzip then writes.
        directory += (_ROW.pack(b"PK\x01\x02", _VERSION, 3, common, 0, 0, 0, 0o100644 << 16, offset), raw)
        offset += 30 + len(raw) + size
    return records, directory, offset


def _dos(at: datetime) -> tuple[int, int]:
    """A time as a zip has it: (time, date), two seconds a step, in UTC."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    if not 1980 <= utc.year <= 2107:
        return _EPOCH
    time = utc.hour << 11 | utc.minute << 5 | utc.second // 2
    return time, utc.year - 1980 << 9 | utc.month << 5 | utc.day
