"""A mapping that never changes, of which a changed one shares nearly everything with the old.

Keys lie in some thousand small dicts by their hash. `changed` copies the few that it touches and the two rows that lead
to them, so that one entry among a million costs microseconds, and who still reads the old mapping reads one state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, ValuesView
from typing import Any, Final, Generic, Self, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

SHARDS: Final = 4093
"""A prime, so that neighbouring keys fall apart; at a million entries a shard holds some 250."""

BITS: Final = 6
WIDTH: Final = 1 << BITS
"""Shards in a row, and about as many rows: the square root, so that both copies are short."""

Rows = tuple[tuple[dict[K, V], ...], ...]

_NONE: Final[dict[Any, Any]] = {}
_BARE: Final[Rows[Any, Any]] = ((_NONE,) * WIDTH,) * WIDTH


class Sharded(Mapping[K, V], Generic[K, V]):
    """An immutable mapping, in shards.

    `rows` is there for whoever asks so often that a call would count: shard `hash(key) % SHARDS` lies in row
    `number >> BITS` at `number & (WIDTH - 1)`. It is only to be read.
    """

    __slots__ = ("_count", "rows")

    def __init__(self, rows: Rows[K, V] = _BARE, count: int = 0) -> None:
        """Hold rows of shards with so many entries in all."""
        self.rows, self._count = rows, count

    @classmethod
    def of(cls, entries: Iterable[tuple[K, V]]) -> Self:
        """Make one of entries; of two with one key the later stands."""
        shards: list[dict[K, V]] = [{} for _ in range(WIDTH * WIDTH)]
        for key, value in entries:
            shards[hash(key) % SHARDS][key] = value
        kept = [shard or _NONE for shard in shards]
        rows = tuple(tuple(kept[start : start + WIDTH]) for start in range(0, len(kept), WIDTH))
        return cls(rows, sum(map(len, shards)))

    def changed(self, put: Mapping[K, V], drop: Iterable[K] = ()) -> Self:
        """Give a mapping with entries dropped and put; a key that is not there is no error."""
        if not self._count and len(put) >= SHARDS:
            return type(self).of(put.items())
        rows: list[Any] = list(self.rows)
        count = self._count
        fresh: set[int] = set()
        for key in drop:
            shard = _own(rows, hash(key) % SHARDS, fresh)
            count -= len(shard)
            shard.pop(key, None)
            count += len(shard)
        for key, value in put.items():
            shard = _own(rows, hash(key) % SHARDS, fresh)
            count -= len(shard)
            shard[key] = value
            count += len(shard)
        for number in {shard >> BITS for shard in fresh}:
            rows[number] = tuple(rows[number])
        return type(self)(tuple(rows), count)

    def __getitem__(self, key: K) -> V:
        """Give the value of a key; raises KeyError."""
        number = hash(key) % SHARDS
        return self.rows[number >> BITS][number & (WIDTH - 1)][key]

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, /, default: V | D) -> V | D: ...
    def get(self, key: K, /, default: Any = None) -> Any:
        """Give the value of a key, or the default."""
        number = hash(key) % SHARDS
        return self.rows[number >> BITS][number & (WIDTH - 1)].get(key, default)

    def __contains__(self, key: object) -> bool:
        """Tell whether there is such a key."""
        number = hash(key) % SHARDS
        return key in self.rows[number >> BITS][number & (WIDTH - 1)]

    def __iter__(self) -> Iterator[K]:
        """Give every key, in no order."""
        return (key for row in self.rows for shard in row for key in shard)

    def __len__(self) -> int:
        """Count the entries."""
        return self._count

    def values(self) -> ValuesView[V]:
        """Give every value, in the order of the keys."""
        return _Values(self)


class _Values(ValuesView[V]):
    """The values, without looking each key up."""

    _mapping: Sharded[Any, V]

    def __iter__(self) -> Iterator[V]:
        return (value for row in self._mapping.rows for shard in row for value in shard.values())


def _own(rows: list[Any], number: int, fresh: set[int]) -> dict[Any, Any]:
    """Give a shard that this change may write to; its row is a list until the change is over."""
    row = rows[number >> BITS]
    if number in fresh:
        shard: dict[Any, Any] = row[number & (WIDTH - 1)]
        return shard
    if type(row) is tuple:
        row = rows[number >> BITS] = list(row)
    fresh.add(number)
    shard = row[number & (WIDTH - 1)] = dict(row[number & (WIDTH - 1)])
    return shard
