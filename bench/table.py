"""Rounds that take turns, medians, the table at the end, and the goals beside what was reached.

With KAIROS_BENCH_FILE in the environment every goal and every curve is also appended there as a line of JSON: what
`bench.plots` draws.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import psutil


def options(description: str) -> argparse.ArgumentParser:
    """Begin a bench's command line: all have `--quick` and `--rounds`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs")
    parser.add_argument("--rounds", type=int, default=0, help="how often each is measured; 0 is the bench's own choice")
    return parser


def machine() -> str:
    """Say where and when this was measured, and how busy the machine was beside it."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    memory = psutil.virtual_memory().total / 2**30
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return f"{when}; {os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}; load {load}"


def per_call_s(work: Callable[[], object], *, for_s: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """Time one call (s): calls until the time is over, the clock read once for every few of them.

    What waits for nobody may be timed by `time.process_time`, which does not count what others took of the processor.
    """
    begun = clock()
    work()
    once = max(clock() - begun, 1e-7)
    batch, count = max(1, int(for_s / 50 / once)), 0
    begun = clock()
    while (spent := clock() - begun) < for_s:
        for _ in range(batch):
            work()
        count += batch
    return spent / count


def in_turns(
    work: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    for_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time several things in turns, each round beginning with another one: seconds per call, by name."""
    names = list(work)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            found[name].append(per_call_s(work[name], for_s=for_s, clock=clock))
    return found


def ratio(mine: Sequence[float], theirs: Sequence[float]) -> float:
    """Give the median over the rounds of mine / theirs: what both had to bear in a round cancels out."""
    return statistics.median(one / other for one, other in zip(mine, theirs, strict=True))


def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *notes: str) -> None:
    """Print a table: first column to the left, figures to the right."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    print(f"\n{title}\n{machine()}")
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = [cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in
                 enumerate(zip(row, widths, strict=True))]  # fmt: skip
        print("  ".join(cells).rstrip())
    for note in notes:
        print(note)


def goal(name: str, reached: float, better: Literal[">=", "<="], asked: float, *, unit: str = "") -> bool:
    """Print what was meant beside what came out, and tell whether it is met."""
    met = reached >= asked if better == ">=" else reached <= asked
    words = f"{reached:.3g}{unit}, meant {'at least' if better == '>=' else 'at most'} {asked:.3g}{unit}"
    print(f"goal: {name}: {words}: {'met' if met else 'MISSED'}")
    _keep({"goal": name, "reached": reached, "better": better, "asked": asked, "unit": unit})
    return met


def curve(name: str, label: str, points: Mapping[float, float], *, x: str, y: str) -> None:
    """Keep a line of a drawing: how something grows with a size."""
    _keep({"curve": name, "label": label, "x": x, "y": y, "points": sorted(points.items())})


def _keep(line: Mapping[str, object]) -> None:
    target = os.environ.get("KAIROS_BENCH_FILE")
    if target:
        with Path(target).open("a") as file:
            file.write(json.dumps({**line, "machine": machine()}) + "\n")


def micro(seconds: float) -> str:
    """Write a time in microseconds."""
    value = seconds * 1e6
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
