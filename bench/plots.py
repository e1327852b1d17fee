"""Draw what the benches kept: each goal beside what was reached, and how things grow.

    KAIROS_BENCH_FILE=/tmp/bench.jsonl python -m bench.fences        # and the others: each appends its lines
    python -m bench.plots /tmp/bench.jsonl docs/speed                # needs: pip install matplotlib

Of a goal or a line that was measured more than once the last one counts. The pictures are SVG: small, and the same file
for the same figures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MET, MISSED = "#2a7f62", "#c0562f"


def lines_of(text: str, key: str) -> list[dict[str, Any]]:
    """Give the last line of each name, in the order of the first."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for line in map(json.loads, filter(None, text.splitlines())):
        if key in line:
            found[line[key], line.get("label", "")] = line
    return list(found.values())


def share_of(goal: Mapping[str, Any]) -> float:
    """Tell how much of a goal was reached: 1 is met exactly, 2 twice as good."""
    reached, asked = float(goal["reached"]), float(goal["asked"])
    if goal["better"] == ">=":
        return reached / asked
    return asked / reached if reached else 100.0


def draw_goals(goals: Iterable[Mapping[str, Any]], target: Path) -> None:
    """Draw a bar for each goal, on a scale where 1 is the goal."""
    from matplotlib import pyplot

    rows = list(goals)[::-1]
    shares = [share_of(each) for each in rows]
    figure, axes = pyplot.subplots(figsize=(9, 0.36 * len(rows) + 1.2), layout="constrained")
    bars = axes.barh([each["goal"] for each in rows], shares, color=[MET if each >= 1 else MISSED for each in shares])
    texts = [
        f"{each['reached']:.3g}{each['unit']} ({'≥' if each['better'] == '>=' else '≤'} {each['asked']:.3g}{each['unit']})"
        for each in rows
    ]
    axes.bar_label(bars, texts, padding=3, fontsize=8)
    axes.axvline(1, color="#333", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(min([0.05, *shares]) * 0.8, max([2.0, *shares]) * 8)
    axes.set_xlabel("share of the goal that was reached (logarithmic; 1: met)")
    axes.tick_params(axis="y", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, target)


def draw_curves(curves: Iterable[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Draw a picture for each name, a line for each label."""
    from matplotlib import pyplot

    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for each in curves:
        by_name.setdefault(each["curve"], []).append(each)
    made = []
    for name, lines in by_name.items():
        figure, axes = pyplot.subplots(figsize=(6, 3.4), layout="constrained")
        for line in lines:
            axes.plot(*zip(*line["points"], strict=True), marker="o", label=line["label"])
        axes.set(xscale="log", xlabel=lines[0]["x"], ylabel=lines[0]["y"], title=name)
        axes.set_ylim(0, 1.25 * max(value for line in lines for _, value in line["points"]))
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        made.append(folder / f"{name.replace(' ', '-')}.svg")
        _save(figure, made[-1])
    return made


def _save(figure: Any, target: Path) -> None:
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "kairos"
    figure.savefig(target, metadata={"Date": None})


def main() -> None:
    """Draw."""
    if len(sys.argv) != 3:
        sys.exit("usage: python -m bench.plots FILE FOLDER")
    try:
        import matplotlib
    except ImportError:
        sys.exit("the drawings need matplotlib: pip install matplotlib")
    matplotlib.use("svg")
    text, folder = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    draw_goals(lines_of(text, "goal"), folder / "goals.svg")
    for each in [folder / "goals.svg", *draw_curves(lines_of(text, "curve"), folder)]:
        print(each)


if __name__ == "__main__":
    main()
