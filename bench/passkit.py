"""npm's passkit-generator beside us: installed into a temporary folder by the bench itself, driven by `passkit.mjs`."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.coupons import BRAND, CODE, GREEN, PASS_TYPE, TEAM, UNTIL
from passes.apple.authority import Authority
from passes.images import default_images
from passes.times import w3c

INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "passkit-generator@3.6.1")
SCRIPT = Path(__file__).with_name("passkit.mjs")


class Built(NamedTuple):
    """How many it built, by the clock and by processor time (1/s), and the last one."""

    per_second: float
    per_cpu_second: float
    sample: bytes


@contextlib.contextmanager
def installed() -> Iterator[Path | None]:
    """Install it; None where there is no node, no npm, or no registry to be reached."""
    with tempfile.TemporaryDirectory(prefix="kairos-passkit-") as folder:
        target = Path(folder)
        (target / "package.json").write_text('{"private": true}')
        shutil.copy(SCRIPT, target)
        try:
            subprocess.run(INSTALL, cwd=target, check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError):
            yield None
            return
        yield target


def build(folder: Path, own: Authority, *, for_s: float) -> Built:
    """Build the small coupon for so long, in a process of its own."""
    images = {name: base64.b64encode(data).decode() for name, data in default_images(GREEN).items()}
    keys = {"certificate": own.certificate.decode(), "key": own.key.decode(), "wwdr": own.wwdr.decode()}
    about = {"brand": BRAND, "passType": PASS_TYPE, "team": TEAM, "until": w3c(UNTIL), "code": CODE}
    given = json.dumps({**keys, **about, "images": images, "seconds": for_s})
    run = subprocess.run(
        ["node", SCRIPT.name], cwd=folder, input=given, capture_output=True, text=True, check=True, timeout=60
    )
    said = json.loads(run.stdout)
    sample = base64.b64decode(said["sample"])
    return Built(said["count"] / said["elapsed_s"], said["count"] / said["cpu_s"], sample)
