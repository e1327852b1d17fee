"""Other people's mathematics, which ours is measured against: imported by whoever asks, for it costs a process up to a second."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


def stats() -> Any:
    """Give SciPy's statistics, the dearest."""
    from scipy import stats as found

    return found


class Poisson:
    """SciPy's Poisson distribution, from its special functions: they are there at once and answer numbers at once."""

    def __init__(self, rate: float) -> None:
        """So many are expected."""
        self._rate, self._special = rate, _special()

    def pmf(self, k: Any) -> Any:
        """How likely exactly so many are."""
        return np.exp(self._special.xlogy(k, self._rate) - self._special.gammaln(k + 1) - self._rate)

    def cdf(self, k: int) -> float:
        """How likely at most so many are."""
        return float(self._special.pdtr(k, self._rate))

    def sf(self, k: int) -> float:
        """How likely more than so many are."""
        return float(self._special.pdtrc(k, self._rate))


@cache
def _special() -> Any:
    from scipy import special

    return special
