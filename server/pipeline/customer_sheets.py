"""Customers as CSV: what each row says of one of them, or why it is refused. Nothing is looked up here.

    external_id, locale, time_zone, attr.NAME, attr.NAME:number, attr.NAME:boolean,
    consent.location, consent.push, consent.profiling, consent_source, consent_at

Rule 1: an empty cell says nothing: what is known stays.
Rule 2: a consent is taken with its proof alone: where it was given (`consent_source`), and when (`consent_at`).
Rule 3: a cell is a text until its column says otherwise; a formula is a text, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite
from typing import Final, NamedTuple

from server.errors import FieldError, Invalid
from server.pipeline.profile_rules import LOCALE, LOCALE_CHARACTERS, ZONE_WRONG, Value, is_zone, wrong_attributes
from server.pipeline.sheets import check_columns, read_table
from server.signals.geojson import Refused
from server.store.customers import PURPOSES, Change, Purpose

EXTERNAL_ID: Final = "external_id"
LONGEST_ID: Final = 200
LONGEST_SOURCE: Final = 200
AHEAD: Final = timedelta(minutes=2)
"""Another system's clock may be off by so much."""
EARLIEST_YEAR: Final = 1990

_PLAIN: Final = (EXTERNAL_ID, "locale", "time_zone", "consent_source", "consent_at")
_OF_STORES: Final = {"lat", "lon", "address", "city", "store_number"}
_CONSENTS: Final[Mapping[str, Purpose]] = {f"consent.{purpose}": purpose for purpose in PURPOSES}
_ATTRIBUTE: Final = re.compile(r"attr\.([^:]*)(?::(text|number|boolean))?")
_LOCALE: Final = re.compile(LOCALE)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII)


class Proof(NamedTuple):
    """Where and when somebody agreed, or no longer agreed."""

    source: str
    at: datetime


class CustomerRow(NamedTuple):
    """What a row (counted from 0) says: whose, what of their profile, what they agree to, and how that is known."""

    place: int
    external_id: str
    change: Change
    said: Mapping[Purpose, bool]
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class CustomerReading:
    """A table: good rows, refused ones, and columns that nobody knows."""

    rows: list[CustomerRow] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ignored: tuple[str, ...] = ()


class _Wrong(Exception):
    """A row's first mistake."""

    def __init__(self, field: str, message: str) -> None:
        self.error = FieldError(field, message)
        super().__init__(field)


def is_of_customers(header: str) -> bool:
    """Tell whether the first line of a file is that of a table of customers."""
    names = {cell.strip().strip('"').lower() for cell in header.lstrip("\ufeff").split(",")}
    return EXTERNAL_ID in names and not names & _OF_STORES


def read_customers(
    data: bytes, *, rows: int, now: datetime, told: Callable[[int], None] | None = None
) -> CustomerReading:
    """Read a CSV of customers, at most so many rows. Takes seconds: use a thread.

    Raises Unreadable and Invalid for a table that is none; `told` hears of each row that is done.
    """
    columns, found = read_table(data, rows=rows, name=_columns)
    known = [name for name in columns if name in _PLAIN or name in _CONSENTS or _ATTRIBUTE.fullmatch(name)]
    reading = CustomerReading(ignored=tuple(name for name in columns if name not in known))
    seen: dict[str, int] = {}
    for index, row in enumerate(found):
        try:
            if isinstance(row, FieldError):
                raise _Wrong(*row)
            cells = {name: _text(name, row[name]) for name in known if name in row}
            customer = _customer(index, cells, now)
            first = seen.setdefault(customer.external_id, index)
            if first != index:
                raise _Wrong(EXTERNAL_ID, f"is that of row {first + 1}, too")
            reading.rows.append(customer)
        except _Wrong as wrong:
            reading.refused.append(Refused(index, *wrong.error))
        if told is not None:
            told(1)
    return reading


def _columns(header: list[str]) -> list[str]:
    """Names of attributes keep their case; all others are written in small letters."""
    names = [cell.strip() for cell in header]
    names = check_columns([name if name.startswith("attr.") else name.lower() for name in names])
    if EXTERNAL_ID not in names:
        raise Invalid(errors=[FieldError(EXTERNAL_ID, "is required as a column; columns are separated by commas")])
    attributes = [found[1] for name in names if (found := _ATTRIBUTE.fullmatch(name))]
    for name in attributes:
        if attributes.count(name) > 1:
            raise Invalid(errors=[FieldError(f"attr.{name}"[:64], "is in two columns")])
    return names


def _text(column: str, cell: str) -> str:
    if "\0" in cell:
        raise _Wrong(column, "must hold no NUL")
    return unicodedata.normalize("NFC", cell)


def _customer(index: int, cells: Mapping[str, str], now: datetime) -> CustomerRow:
    external_id = cells.get(EXTERNAL_ID, "")
    if not 1 <= len(external_id) <= LONGEST_ID:
        raise _Wrong(EXTERNAL_ID, f"must have 1 to {LONGEST_ID} characters")
    locale, zone = cells.get("locale"), cells.get("time_zone")
    if locale is not None and (len(locale) > LOCALE_CHARACTERS or not _LOCALE.match(locale)):
        raise _Wrong("locale", "must look like de-DE")
    if zone is not None and not is_zone(zone):
        raise _Wrong("time_zone", ZONE_WRONG)
    attributes = _attributes(cells)
    given = {name for name, value in (("locale", locale), ("time_zone", zone), ("attributes", attributes)) if value}
    said = {purpose: _word(column, cells[column]) for column, purpose in _CONSENTS.items() if column in cells}
    proof = _proof(cells, now) if said else None
    return CustomerRow(index, external_id, Change(frozenset(given), locale, zone, attributes or None), said, proof)


def _attributes(cells: Mapping[str, str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for column, cell in cells.items():
        if found := _ATTRIBUTE.fullmatch(column):
            values[found[1]] = _value(column, cell, found[2] or "text")
    for error in wrong_attributes(values):
        raise _Wrong(error.field.replace("attributes.", "attr."), error.message)
    return values


def _value(column: str, cell: str, kind: str) -> Value:
    if kind == "boolean":
        return _word(column, cell)
    if kind == "text":
        return cell
    if _WHOLE.fullmatch(cell):
        return int(cell)
    number = float(cell) if _NUMBER.fullmatch(cell) else float("nan")
    if not isfinite(number):
        raise _Wrong(column, "must be a number such as 12 or 12.5")
    return number


def _word(column: str, cell: str) -> bool:
    try:
        return _WORDS[cell.lower()]
    except KeyError:
        raise _Wrong(column, "must be true or false") from None


def _proof(cells: Mapping[str, str], now: datetime) -> Proof:
    source, text = cells.get("consent_source"), cells.get("consent_at")
    if source is None or len(source) > LONGEST_SOURCE:
        raise _Wrong("consent_source", "is required with a consent: where it was given, such as the form's name")
    if text is None:
        raise _Wrong("consent_at", "is required with a consent: when it was given")
    try:
        at = datetime.fromisoformat(text.upper().replace(" ", "T", 1)) if _INSTANT.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None or at.year < EARLIEST_YEAR:
        raise _Wrong("consent_at", "must be an instant with an offset such as 2026-11-01T07:00:00Z")
    if at > now + AHEAD:
        raise _Wrong("consent_at", "must not lie ahead")
    return Proof(source, at)
