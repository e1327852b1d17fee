"""How much memory the machine or the container has, and how much of it the embedded PostgreSQL keeps pages in."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""What a container may use (control groups, version 2 and 1); "max" is no limit."""

_SHARE: Final = 4
_LEAST_MB: Final = 128
_MOST_MB: Final = 8192


def available(limits: tuple[Path, ...] = _LIMITS) -> int:
    """Tell how much memory there is for this process and its like: the machine's, or what its container is held to (bytes)."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in limits:
        with contextlib.suppress(OSError, ValueError):
            found.append(int(path.read_text("ascii")))
    return min(found)


def buffers_mb(memory: int) -> int:
    """Give the buffers for a server that shares so much memory (bytes) with Kairos, in MB.

    A quarter, as https://www.postgresql.org/docs/current/runtime-config-resource.html advises, within bounds: less than 128 is
    PostgreSQL's own default, and above 8192 the kernel's cache does as well.
    """
    return max(_LEAST_MB, min(_MOST_MB, memory // _SHARE // 2**20))
