"""Signed .pkpass files per second, beside what openssl signs at all.

Claimed: a whole pass (document, strings, manifest, PKCS #7 signature, zip) by `Template.build` reaches at least 85 % of
the signatures per second of `openssl speed rsa2048` on one core, and two threads reach at least 1.7 times one thread.

Measured: the same pass with another serial each time, with the signature that Wallet asks for; openssl runs between our
rounds. By processor time, so that whoever else is busy on the machine disturbs neither; and by the clock, with one and
two processes of openssl beside one and two threads of ours, which share a process and its GIL.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

from bench.table import goal, options, ratio, show
from passes.apple.authority import throwaway_authority
from passes.apple.template import Template
from passes.images import default_images
from passes.model import Barcode, DateStyle, Field, Fields, Pass

NOW = datetime(2026, 11, 3, 8, 2, tzinfo=UTC)
PASS_TYPE, TEAM, BRAND = "pass.example.coupon", "KAIROS1234", "Kairos"


def template() -> Template:
    """Load a template with a throw-away authority's certificate."""
    own = throwaway_authority(pass_type_id=PASS_TYPE, team_id=TEAM, organization=BRAND, now=NOW)
    return Template.load(
        certificate=own.certificate,
        key=own.key,
        wwdr=own.wwdr,
        images=default_images((20, 90, 60)),
        pass_type_id=PASS_TYPE,
        team_id=TEAM,
        organization=BRAND,
        now=NOW,
    )


def coupon() -> Pass:
    """Write the coupon that all passes are made of."""
    return Pass(
        serial="0",
        style="coupon",
        description="Coffee on us",
        fields=Fields(
            primary=(Field("offer", "Coffee on us", label="At Marktplatz"),),
            auxiliary=(Field("until", NOW, label="Until", date_style=DateStyle.SHORT, time_style=DateStyle.SHORT),),
            back=(Field("terms", "One small coffee, until 11 o'clock.", label="Terms"),),
        ),
        barcodes=(Barcode("04050305030503050305030503050305030503050305030503"),),
    )


def ours(made: Template, *, threads: int, for_s: float) -> tuple[float, float]:
    """Build passes in so many threads for so long; gives passes per second, and per second of processor time."""
    counts, whole = [0] * threads, coupon()
    begun, cpu = time.perf_counter(), time.process_time()
    end = begun + for_s

    def work(number: int) -> None:
        while time.perf_counter() < end:
            for _ in range(10):
                counts[number] += 1
                made.build(replace(whole, serial=f"{number}-{counts[number]}"), signed_at=NOW)

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(counts) / (time.perf_counter() - begun), sum(counts) / (time.process_time() - cpu)


def openssl(*options_of: str) -> float:
    """Ask `openssl speed` for its signatures per second: it takes a second for each of four operations.

    It counts processor time unless `-elapsed` is among the options.
    """
    command = ["openssl", "speed", "-seconds", "1", *options_of, "rsa2048"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    row = re.search(r"^rsa\s+2048 bits\s+\S+\s+\S+\s+([\d.]+)", told, re.MULTILINE)
    assert row is not None, told
    return float(row[1])


def main() -> None:
    """Run."""
    asked = options("passes beside openssl's signatures").parse_args()
    rounds, for_s = asked.rounds or (1 if asked.quick else 5), 0.7 if asked.quick else 2.0
    made = template()
    size = len(made.build(coupon(), signed_at=NOW))
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        one, one_cpu = ours(made, threads=1, for_s=for_s)
        two, _ = ours(made, threads=2, for_s=for_s)
        for name, rate in {
            "openssl speed rsa2048, per second of processor time": openssl(),
            "Template.build, per second of processor time": one_cpu,
            "openssl speed rsa2048, one process": openssl("-elapsed"),
            "Template.build, one thread": one,
            "openssl speed rsa2048, two processes": openssl("-elapsed", "-multi", "2"),
            "Template.build, two threads": two,
        }.items():
            rates.setdefault(name, []).append(rate)
    by_cpu, _, by_clock, single, _, _ = rates
    rows = [
        [
            name,
            f"{statistics.median(found):,.0f}",
            f"{ratio(found, rates[by_cpu if 'processor' in name else by_clock]):.2f}",
        ]
        for name, found in rates.items()
    ]
    twice = ratio(rates["Template.build, two threads"], rates[single])
    show(
        f"Apple passes of {size:,} bytes, {rounds} rounds of {for_s} s each",
        ["", "per second", "of openssl"],
        rows,
        f"two threads build {twice:.2f} times what one builds",
    )
    goal(
        "passes: of openssl's signatures, by processor time",
        ratio(rates["Template.build, per second of processor time"], rates[by_cpu]),
        ">=",
        0.85,
    )
    goal("passes: two threads of one", twice, ">=", 1.7)


if __name__ == "__main__":
    main()
