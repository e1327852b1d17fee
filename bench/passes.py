"""Signed .pkpass files per second, beside what openssl signs at all, and whether anybody waits for them.

Claimed: a whole pass (document, strings, manifest, CMS signature, zip) by `Template.build` reaches at least 85 % of the
signatures per second of `openssl speed rsa2048` on one core; two threads reach at least 1.7 times one thread; ten times
what npm's passkit-generator builds; and pings beside a burst of signatures wait at most 1.5 times as long (p99) as
beside the same burst unsigned.

Measured: the same pass with another serial each time, with the signature that Wallet asks for; `key.sign` is the RSA
signature alone as the library asks for it, so the ceiling of everything above it. openssl runs between our rounds. By
processor time, so that whoever else is busy on the machine disturbs neither; and by the clock, with one and two processes
of openssl beside one and two threads of ours, which share a process and its GIL: where two processes of openssl do not
reach 1.7 times one, the two processors are one core's, and no thread can.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from bench import bursts, passkit
from bench.coupons import NOW, authority, coupon, template, whole
from bench.process import house
from bench.table import goal, micro, options, per_call_s, ratio, show
from passes.apple.authority import Authority
from passes.apple.template import Template
from passes.model import Pass
from passes.testing import check

SERIALS = 500
"""So many passes are thought up before the clock runs: writing them down is their caller's work."""

OPENSSL, SIGN = "openssl speed rsa2048", "key.sign alone"
SMALL, WHOLE = "Template.build, a small coupon", "Template.build, a whole one"
ONE, TWO = "Template.build, one thread", "Template.build, two threads"
OPENSSL_ONE, OPENSSL_TWO = "openssl speed rsa2048, one process", "openssl speed rsa2048, two processes"


def openssl(*options_of: str) -> float:
    """Ask `openssl speed` for its signatures per second: it takes a second for each of four operations.

    It counts processor time unless `-elapsed` is among the options.
    """
    command = ["openssl", "speed", "-seconds", "1", *options_of, "rsa2048"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    row = re.search(r"^rsa\s+2048 bits\s+\S+\s+\S+\s+([\d.]+)", told, re.MULTILINE)
    assert row is not None, told
    return float(row[1])


def builder(made: Template, write: Callable[[str], Pass]) -> Callable[[], bytes]:
    """Give what builds the next of some hundred passes that differ in their serials."""
    each = itertools.cycle([write(f"0198a1c2-7d3e-7a10-b4c5-{number:012}") for number in range(SERIALS)])
    return lambda: made.build(next(each), signed_at=NOW)


def in_threads(made: Template, count: int, *, for_s: float) -> float:
    """Build small coupons in so many threads for so long; gives passes per second."""
    done, begun = [0] * count, time.perf_counter()

    def work(number: int) -> None:
        build = builder(made, coupon)
        while time.perf_counter() - begun < for_s:
            for _ in range(10):
                build()
            done[number] += 10

    running = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(done) / (time.perf_counter() - begun)


def by_processor_time(made: Template, *, rounds: int, for_s: float) -> dict[str, list[float]]:
    """Measure one core in turns: signatures or passes per second of processor time, by name."""
    key, padding, digest = made.credentials.key, PKCS1v15(), SHA256()
    ours: dict[str, Callable[[], object]] = {
        SIGN: lambda: key.sign(bytes(107), padding, digest),
        SMALL: builder(made, coupon),
        WHOLE: builder(made, whole),
    }
    rates: dict[str, list[float]] = {OPENSSL: [], **{name: [] for name in ours}}
    for _ in range(rounds):
        rates[OPENSSL].append(openssl())
        for name, work in ours.items():
            rates[name].append(1 / per_call_s(work, for_s=for_s, clock=time.process_time))
    return rates


def by_the_clock(made: Template, *, rounds: int, for_s: float) -> dict[str, list[float]]:
    """Measure one and two at a time, in turns: per second by the clock, by name."""
    rates: dict[str, list[float]] = {name: [] for name in (OPENSSL_ONE, ONE, OPENSSL_TWO, TWO)}
    for _ in range(rounds):
        rates[OPENSSL_ONE].append(openssl("-elapsed"))
        rates[ONE].append(in_threads(made, 1, for_s=for_s))
        rates[TWO].append(in_threads(made, 2, for_s=for_s))
        rates[OPENSSL_TWO].append(openssl("-elapsed", "-multi", "2"))
    return rates


def rows_of(rates: Mapping[str, list[float]], reference: str) -> list[list[str]]:
    """Tell each as a row: per second, microseconds each, share of the reference."""
    return [
        [
            name,
            f"{statistics.median(found):,.0f}",
            micro(1 / statistics.median(found)),
            f"{ratio(found, rates[reference]):.2f}",
        ]
        for name, found in rates.items()
    ]


def tell_signing(made: Template, *, rounds: int, for_s: float) -> list[float]:
    """Measure and print what a pass costs; gives the small coupon's rates for the next table."""
    cpu = by_processor_time(made, rounds=rounds, for_s=for_s)
    sizes = [f"{len(made.build(write('0' * 36), signed_at=NOW)):,}" for write in (coupon, whole)]
    heads = ["by processor time", "per second", "µs each", "of openssl"]
    note = f"the small coupon's file has {sizes[0]} bytes, the whole one's {sizes[1]}"
    show(f"Apple passes on one core, {rounds} rounds of {for_s} s each", heads, rows_of(cpu, OPENSSL), note)
    clock = by_the_clock(made, rounds=rounds, for_s=for_s)
    heads = ["by the clock", "per second", "µs each", "of openssl"]
    twice, possible = ratio(clock[TWO], clock[ONE]), ratio(clock[OPENSSL_TWO], clock[OPENSSL_ONE])
    note = f"two threads build {twice:.2f} times what one builds; two processes of openssl sign {possible:.2f} times"
    show(f"One and two at a time, {rounds} rounds of {for_s} s each", heads, rows_of(clock, OPENSSL_ONE), note)
    goal("passes: of openssl's signatures, by processor time", ratio(cpu[SMALL], cpu[OPENSSL]), ">=", 0.85)
    goal("passes: a whole coupon, of openssl's signatures", ratio(cpu[WHOLE], cpu[OPENSSL]), ">=", 0.85)
    goal("passes: two threads of one", twice, ">=", 1.7)
    return cpu[SMALL]


def tell_passkit(own: Authority, ours: list[float], *, for_s: float) -> None:
    """Measure and print passkit-generator beside ours, by processor time."""
    with passkit.installed() as folder:
        if folder is None:
            print("\npasskit-generator is not measured: there is no node, no npm, or no registry to install it from")
            return
        theirs = [passkit.build(folder, own, for_s=for_s) for _ in ours]
    rates = {"Template.build": ours, "passkit-generator 3.6.1": [each.per_cpu_second for each in theirs]}
    findings = [finding.code for finding in check(theirs[-1].sample)]
    heads = ["by processor time", "per second", "µs each", "of ours"]
    note = f"the checker's findings about its last pass: {', '.join(findings) or 'none'}"
    show("npm's passkit-generator, the same coupon", heads, rows_of(rates, "Template.build"), note)
    goal("passes: times passkit-generator's", ratio(ours, rates["passkit-generator 3.6.1"]), ">=", 10)


async def tell_bursts(*, rounds: int, for_s: float) -> None:
    """Measure and print how long pings wait beside signatures."""
    async with house() as (folder, server):
        heard = await bursts.measure(folder, server.dsn, rounds=rounds, for_s=for_s)
    heads = ["", "pings/s", "p50 ms", "p99 ms", "fetched/s", "not 200"]
    show(f"Pings beside passes, {rounds} rounds of {for_s} s each", heads, bursts.rows_of(heard))
    p99 = {name: bursts.p99s(heard, name) for name in heard}
    print(f"p99 beside signatures: {ratio(p99['signed'], p99['alone']):.2f} times that of pings alone")
    goal("passes: p99 of pings beside signatures, of that beside reads", ratio(p99["signed"], p99["read"]), "<=", 1.5)


def main() -> None:
    """Run."""
    asked = options("passes beside openssl's signatures, passkit-generator, and pings that must not wait").parse_args()
    rounds, for_s = asked.rounds or (1 if asked.quick else 4), 0.5 if asked.quick else 1.5
    own = authority()
    ours = tell_signing(template(own), rounds=rounds, for_s=for_s)
    tell_passkit(own, ours, for_s=for_s)
    asyncio.run(tell_bursts(rounds=rounds, for_s=for_s if asked.quick else 3.0))


if __name__ == "__main__":
    main()
