"""Every question of a report: each grouping with every choice of filters, beside those that bench.reports asks by name.

Most have no cut that is made for them. They are told as a whole: how many take how long, and which ones take longest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from server.store import reports
from server.store.cube import SUMS, Filters

WORDS: Final = {"channel": "push", "placement": "card", "variant": "card", "weather": "rain"}
DRAWN: Final = ("decided", "redeemed", "control")


class Asking(NamedTuple):
    """A question: by which columns, what alone, and which sums."""

    keys: tuple[str, ...]
    filters: Filters = Filters()
    sums: tuple[str, ...] = SUMS

    @property
    def money(self) -> bool:
        """Whether sums by currency are told, too."""
        return len(self.keys) < 2


GROUPINGS: Final[Mapping[str, Asking]] = {
    **{f"by {by}": Asking(keys) for by, keys in reports.KEYS.items()},
    "heat map": Asking(("weekday", "local_hour")),
    "trend": Asking(("offer_id", "local_day"), sums=DRAWN),
}


def every(
    offers: Mapping[str, tuple[UUID, ...] | None], places: Mapping[str, UUID | None]
) -> Iterator[tuple[str, Asking]]:
    """Give all questions by name: these offers or places or none, and none, one or more of the words."""
    choices = [names for size in range(len(WORDS) + 1) for names in itertools.combinations(WORDS, size)]
    for (name, asking), (offer, ids), (place, at), words in itertools.product(
        GROUPINGS.items(), offers.items(), places.items(), choices
    ):
        filters = Filters(offer_id=ids, place_id=at, **{word: WORDS[word] for word in words})
        yield " ".join(each for each in (name, offer, place, *words) if each), asking._replace(filters=filters)
