"""Every column that holds sealed values, and how each is read and written anew under another key.

Rule 1: COLUMNS names every column `…_sealed`; a test compares it with the database's own catalogue.
Rule 2: a value is replaced only where it still is what was read: whoever wrote meanwhile wrote under the newer key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from server.model.ids import bucket_of
from server.store.pool import Connection


class Column(NamedTuple):
    """A column: the table's name in the seal's context, and the statements that read some buckets of it and write it anew.

    $1 the first bucket, $2 the one after the last, $3 the ids of the keys that are to go; and for writing ids and the buckets
    they carry, values as they were, new values.
    """

    table: str
    read: str
    write: str


COLUMNS: Final[Mapping[str, Column]] = {
    "passes.token_sealed": Column(
        "passes",
        "SELECT serial AS id, token_sealed AS sealed FROM passes"
        " WHERE bucket >= $1 AND bucket < $2 AND get_byte(token_sealed, 0) = ANY ($3::integer[])",
        "UPDATE passes t SET token_sealed = new.sealed"
        " FROM unnest($1::smallint[], $2::uuid[], $3::bytea[], $4::bytea[]) AS new (bucket, id, was, sealed)"
        " WHERE t.bucket = new.bucket AND t.serial = new.id AND t.token_sealed = new.was",
    ),
    "google_objects.totp_sealed": Column(
        "google_objects",
        "SELECT serial AS id, totp_sealed AS sealed FROM google_objects"
        " WHERE bucket >= $1 AND bucket < $2 AND get_byte(totp_sealed, 0) = ANY ($3::integer[])",
        "UPDATE google_objects t SET totp_sealed = new.sealed"
        " FROM unnest($1::smallint[], $2::uuid[], $3::bytea[], $4::bytea[]) AS new (bucket, id, was, sealed)"
        " WHERE t.bucket = new.bucket AND t.serial = new.id AND t.totp_sealed = new.was",
    ),
    **{
        f"{table}.{name}": Column(
            table,
            f"SELECT {id_} AS id, {name} AS sealed FROM {table}"  # noqa: S608  names of ours
            f" WHERE $1::integer <= 0 AND $2::integer > 0 AND get_byte({name}, 0) = ANY ($3::integer[])",
            f"UPDATE {table} t SET {name} = new.sealed"  # noqa: S608  names of ours
            " FROM unnest($1::smallint[], $2::uuid[], $3::bytea[], $4::bytea[]) AS new (bucket, id, was, sealed)"
            f" WHERE t.{id_} = new.id AND t.{name} = new.was",
        )
        for table, name, id_ in (
            ("webhooks", "secret_sealed", "id"),
            ("webhooks", "old_sealed", "id"),
            ("api_keys", "secret_sealed", "id"),
            ("second_factors", "secret_sealed", "user_id"),
        )
    },
}
"""By `table.column`. Tables without buckets are read whole with bucket 0."""

STEP: Final = 8
"""Buckets of one transaction: some ten thousand passes where there are a million."""


class Sealed(NamedTuple):
    """A sealed value and the row it belongs to."""

    id: UUID
    value: bytes


async def read(db: Connection, column: Column, *, first: int, keys: Sequence[int]) -> list[Sealed]:
    """Give the values in STEP buckets from the first on that were sealed with one of these keys."""
    return [Sealed(row["id"], row["sealed"]) for row in await db.fetch(column.read, first, first + STEP, list(keys))]


async def write(db: Connection, column: Column, *, before: Sequence[Sealed], after: Sequence[bytes]) -> int:
    """Replace values by others, where they are still as before, and tell how many were."""
    ids, values = [each.id for each in before], [each.value for each in before]
    status = await db.execute(column.write, [bucket_of(each) for each in ids], ids, values, list(after))
    return int(status.rpartition(" ")[2])
