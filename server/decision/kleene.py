"""Kleene's strong logic of three truths: what is not known can neither show an offer nor be denied into a yes.

Source: S. C. Kleene, Introduction to Metamathematics (1952), §64.
"""

from __future__ import annotations

from collections.abc import Iterable

from server.decision.finding import Truth


def all_of(truths: Iterable[Truth]) -> Truth:
    """Holds where all hold, fails where one fails, else unknown."""
    whole = Truth.HOLDS
    for truth in truths:
        if truth is Truth.FAILS:
            return truth
        if truth is Truth.UNKNOWN:
            whole = truth
    return whole


def any_of(truths: Iterable[Truth]) -> Truth:
    """Holds where one holds, fails where all fail, else unknown."""
    whole = Truth.FAILS
    for truth in truths:
        if truth is Truth.HOLDS:
            return truth
        if truth is Truth.UNKNOWN:
            whole = truth
    return whole


def negated(truth: Truth) -> Truth:
    """Turn yes and no round; unknown stays unknown."""
    if truth is Truth.UNKNOWN:
        return truth
    return Truth.FAILS if truth is Truth.HOLDS else Truth.HOLDS


def truth_of(holds: bool) -> Truth:
    """Say a plain yes or no as a truth."""
    return Truth.HOLDS if holds else Truth.FAILS
