"""`kairos import FILE`, `kairos export FILE`: stores as .csv or .csv.gz, fences as .geojson, offers as .json; and customers
(a .csv with the column external_id) are imported.

What is exported reads back to the same. An import is one deed: every row is imported or refused with its reason, and where
the database fails nothing is.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from server.commands.customer_files import NO_TRIAL, are_customers, no_trial, take_customers
from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, pool_for, read_settings, run
from server.commands.keys import ACTOR
from server.errors import FieldError, Invalid, Refusal
from server.pipeline import authoring, drawings, imports, places
from server.pipeline.addresses import AddressBook
from server.pipeline.author import Author
from server.pipeline.rules import programme_of
from server.pipeline.sheets import write_sheet
from server.settings import Settings
from server.signals.geocode import open_geocoder
from server.signals.geojson import Refused
from server.store import offers, stores
from server.store.pool import Connection, Pool
from server.web.codec import parse

T = TypeVar("T")

MAX_BYTES: Final = 256 * 2**20
"""The most of a file that is read, unzipped: stores of every chain on earth; a zip that unfolds further is a trap."""

_ROWS: Final = 2_000_000
_PAGE: Final = 1_000
_WARNINGS_SHOWN: Final = 10
_BY: Final = Author(ACTOR)

FileArgument = Annotated[
    Path,
    typer.Argument(help=".csv or .csv.gz (stores; customers: with external_id), .geojson (fences), .json (offers)."),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many of what were imported, and what is to be said of the others; `item` is what one of them is called.

    `updated` of them were known before (customers alone); `trial`: nothing was written.
    """

    what: str
    item: str
    count: int
    refused: Sequence[Refused]
    warnings: Sequence[Refused] = ()
    ignored: Sequence[str] = ()
    updated: int | None = None
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """What every import needs."""

    pool: Pool
    settings: Settings
    radius_m: float
    progress: Progress
    dry_run: bool = False

    def bar(self, words: str, total: int) -> Callable[[int], None]:
        """Begin a bar, and give what moves it on."""
        task = self.progress.add_task(words, total=total)
        return lambda more: self.progress.advance(task, more)


def import_(
    file: FileArgument,
    *,
    radius: Annotated[float, typer.Option(help="Metres, for stores in a table without radii.")] = imports.RADIUS_M,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Customers: read, check and count; write nothing.")
    ] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Read stores, fences, offers or customers from a file; ends with 1 when a row was refused."""
    log_to_stderr(quiet=True)
    reader = _named(file, _READERS)
    if dry_run and reader is not take_table:
        fail(NO_TRIAL)

    async def work() -> Outcome:
        data = await asyncio.to_thread(read_file, file)
        settings = read_settings(config, data_dir)
        async with pool_for(settings) as pool:
            with Progress(console=Console(stderr=True)) as progress:
                return await reader(Import(pool, settings, radius, progress, dry_run), data)

    outcome = run(work)
    _report(outcome)
    if outcome.refused:
        raise typer.Exit(1)


def export(file: FileArgument, *, config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Write the stores, the free fences or the offers into a file that import reads back; an older file is replaced."""
    log_to_stderr(quiet=True)
    writer = _named(file, _WRITERS)

    async def work() -> tuple[str, int, bytes]:
        async with (
            pool_for(read_settings(config, data_dir)) as pool,
            pool.transaction(isolation="repeatable_read", readonly=True) as db,
        ):
            return await writer(db)

    what, count, data = run(work)
    try:
        _write_file(file, gzip.compress(data, mtime=0) if file.suffix == ".gz" else data)
    except OSError as error:
        fail(f"{file}: cannot be written ({error.strerror})")
    typer.echo(f"{what}: {count} exported")


def _named(file: Path, kinds: Mapping[str, T]) -> T:
    kind = next((kind for ending, kind in kinds.items() if file.name.lower().endswith(ending)), None)
    if kind is None:
        fail(f"{file}: a file of stores ends in .csv or .csv.gz, one of fences in .geojson, one of offers in .json")
    return kind


def read_file(file: Path, *, most: int = MAX_BYTES) -> bytes:
    """Read a file, unzipped where it ends in .gz, at most so many bytes; raises Invalid."""
    try:
        with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as opened:
            data: bytes = opened.read(most + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Invalid(f"{file}: is no gzip file, or not all of one.") from None
    except OSError as error:
        raise Invalid(f"{file}: cannot be read ({error.strerror}).") from None
    if len(data) > most:
        raise Invalid(f"{file}: holds more than {most} bytes.")
    return data


def _write_file(file: Path, data: bytes) -> None:
    """Put the file there whole or not at all."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _report(outcome: Outcome) -> None:
    for note in outcome.refused:
        typer.echo(f"{outcome.item} {note.index + 1}: {note.field}: {note.message}", err=True)
    for note in outcome.warnings[:_WARNINGS_SHOWN]:
        typer.echo(f"{outcome.item} {note.index + 1}: warning: {note.field}: {note.message}", err=True)
    if len(outcome.warnings) > _WARNINGS_SHOWN:
        typer.echo(f"… and {len(outcome.warnings) - _WARNINGS_SHOWN} warnings more", err=True)
    if outcome.ignored:
        typer.echo(f"columns not read: {', '.join(outcome.ignored)}", err=True)
    updated = "" if outcome.updated is None else f"{outcome.updated} updated, "
    trial = " (a trial run: nothing was written)" if outcome.trial else ""
    typer.echo(f"{outcome.what}: {outcome.count} imported, {updated}{len(outcome.refused)} refused{trial}")


async def take_table(job: Import, data: bytes) -> Outcome:
    """Take a CSV for what its header says: customers, or else stores. Raises Unreadable, Invalid."""
    if not are_customers(data):
        return await (take_stores(job, data) if not job.dry_run else no_trial())
    reading, found = await take_customers(job.pool, job.settings, data, dry_run=job.dry_run, by=_BY, bar=job.bar)
    told = (found.imported, found.refused, found.warnings, reading.ignored)
    return Outcome("customers", "row", *told, updated=found.updated, trial=job.dry_run)


async def take_stores(job: Import, data: bytes) -> Outcome:
    """Read a CSV, look up every address without a position, and open the stores; raises Unreadable, Invalid."""
    told = job.bar("reading", max(0, data.count(b"\n") - 1))
    reading = await asyncio.to_thread(imports.read_stores, data, rows=_ROWS, radius_m=job.radius_m, told=told)
    if reading.unplaced:
        geocoder = open_geocoder(job.settings.geocoder)
        try:
            told = job.bar("looking up addresses", len(reading.unplaced))
            book = None if geocoder is None else AddressBook(job.pool, geocoder)
            reading = await imports.locate(reading, geocoder=book, told=told)
        finally:
            if geocoder is not None:
                await geocoder.close()
    told = job.bar("writing", len(reading.taken))
    async with job.pool.transaction() as db:
        made = await places.add_stores(db, drafts=reading.drafts, by=_BY, told=told)
    return Outcome("stores", "row", len(made), reading.refused, reading.warnings, reading.ignored)


async def take_fences(job: Import, data: bytes) -> Outcome:
    """Read a FeatureCollection and draw its fences; raises Unreadable, Invalid."""
    limits = job.settings.limits
    document = await asyncio.to_thread(parse, data, depth=limits.json_depth)
    reading = await asyncio.to_thread(imports.read_fences, document, rows=_ROWS, vertices=limits.vertices)
    told = job.bar("writing", len(reading.drafts))
    async with job.pool.transaction() as db:
        made = await places.add_fences(db, drafts=reading.drafts, by=_BY, told=told)
    return Outcome("fences", "feature", len(made), reading.refused)


async def take_offers(job: Import, data: bytes) -> Outcome:
    """Take each document as a draft; what is wrong with one does not touch the others. Raises Unreadable, Invalid."""
    documents = _documents(await asyncio.to_thread(parse, data, depth=job.settings.limits.json_depth))
    programme, told = programme_of(job.settings), job.bar("writing", len(documents))
    refused: list[Refused] = []
    warnings: list[Refused] = []
    async with job.pool.transaction() as db:
        for index, document in enumerate(documents):
            try:
                async with db.transaction():
                    written = await authoring.create(db, document=document, programme=programme, by=_BY)
                warnings += [Refused(index, *each) for each in written.warnings]
            except Refusal as refusal:
                if refusal.status not in (409, 422):
                    raise
                wrong = refusal.errors or (FieldError("name", refusal.detail),)
                refused.append(Refused(index, wrong[0].field, "; ".join(_said(each, wrong[0]) for each in wrong)))
            told(1)
    return Outcome("offers", "offer", len(documents) - len(refused), refused, warnings)


def _said(error: FieldError, first: FieldError) -> str:
    return error.message if error is first else f"{error.field}: {error.message}"


def _documents(document: Any) -> list[dict[str, Any]]:
    """Give the documents of a file: one, a list, or `{"offers": [...]}`."""
    found = document["offers"] if isinstance(document, dict) and set(document) == {"offers"} else document
    found = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in found):
        raise Invalid('An offer is a JSON object; a file holds one, a list, or {"offers": [...]}.')
    return found


async def give_stores(db: Connection) -> tuple[str, int, bytes]:
    """Write the stores that are open; in a repeatable-read transaction, as the two below."""
    rows: list[stores.StoreRow] = []
    while page := await stores.page(db, after=rows[-1].id if rows else None, limit=_PAGE):
        rows += page
    return "stores", len(rows), "".join(write_sheet(rows)).encode()


async def give_fences(db: Connection) -> tuple[str, int, bytes]:
    """Write the free fences: a store's own comes back with its store."""
    pieces = [piece async for piece in drawings.written(db)]
    return "fences", len(pieces) - 2, b"".join(pieces)


async def give_offers(db: Connection) -> tuple[str, int, bytes]:
    """Write the newest document of each offer that has not ended, without its state: it comes back as a draft."""
    rows: list[offers.OfferRow] = []
    while page := await offers.page(db, after=rows[-1].id if rows else None, status=None, limit=_PAGE):
        rows += page
    kept = [row.document for row in rows if row.status != "ended"]
    found = [{key: value for key, value in document.items() if key != "status"} for document in kept]
    return "offers", len(found), _written({"offers": found})


def _written(document: Any) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


_READERS: Final[Mapping[str, Callable[[Import, bytes], Awaitable[Outcome]]]] = {
    ".csv": take_table,
    ".csv.gz": take_table,
    ".geojson": take_fences,
    ".json": take_offers,
}
_WRITERS: Final[Mapping[str, Callable[[Connection], Awaitable[tuple[str, int, bytes]]]]] = {
    ".csv": give_stores,
    ".csv.gz": give_stores,
    ".geojson": give_fences,
    ".json": give_offers,
}
