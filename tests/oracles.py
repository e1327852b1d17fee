"""Other people's mathematics, which ours is measured against."""

from __future__ import annotations

from typing import Any


def stats() -> Any:
    """Give SciPy's statistics: imported by whoever asks, for it costs each process of a run a second."""
    from scipy import stats as found

    return found
