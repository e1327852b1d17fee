"""Passes that nobody would think of, for Hypothesis: some good, some not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from passes.model import (
    Alignment,
    Barcode,
    Beacon,
    Colour,
    DateStyle,
    Detector,
    Field,
    Fields,
    Location,
    NumberStyle,
    Pass,
    RelevantDate,
    Symbology,
)
from passes.styles import STYLES

ZONES = st.one_of(
    st.none(),
    st.just(UTC),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.integers(-40_000, 40_000).map(lambda seconds: timezone(timedelta(seconds=seconds))),
)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=ZONES)  # noqa: DTZ001 naive ones are meant
TEXTS = st.text(max_size=20)
OPTIONAL_TEXTS = st.none() | TEXTS
NUMBERS = st.integers() | st.floats() | st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**9)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


FIELDS = st.builds(
    Field,
    key=st.text("abcdefgh_", min_size=0, max_size=3),
    value=st.one_of(TEXTS, NUMBERS, TIMES),
    label=OPTIONAL_TEXTS,
    attributed_value=maybe(st.sampled_from(["x", "<b>x</b>", "<a href='https://k.example'>x</a>", "a < b", "</a>"])),
    change_message=maybe(st.sampled_from(["%@", "Now %@", "Changed", ""])),
    alignment=maybe(st.sampled_from(Alignment)),
    date_style=maybe(st.sampled_from(DateStyle)),
    time_style=maybe(st.sampled_from(DateStyle)),
    is_relative=st.booleans(),
    currency=maybe(st.sampled_from(["EUR", "eur", "€"])),
    number_style=maybe(st.sampled_from(NumberStyle)),
    detectors=maybe(st.lists(st.sampled_from(Detector), max_size=2).map(tuple)),
    row=maybe(st.sampled_from([0, 1])),
)
PLAIN_FIELDS = st.builds(Field, key=st.uuids().map(str), value=st.one_of(TEXTS, st.integers()), label=OPTIONAL_TEXTS)


def sections(fields: st.SearchStrategy[Field], most: int) -> st.SearchStrategy[Fields]:
    row = st.lists(fields, max_size=most).map(tuple)
    return st.builds(Fields, header=row, primary=st.lists(fields, max_size=1).map(tuple), auxiliary=row, back=row)


def passes(fields: st.SearchStrategy[Fields]) -> st.SearchStrategy[Pass]:
    return st.builds(
        Pass,
        serial=st.text("0123456789abcdef-", min_size=1, max_size=36),
        style=st.sampled_from(sorted(STYLES)),
        description=st.text(min_size=1, max_size=40),
        fields=fields,
        logo_text=OPTIONAL_TEXTS,
        barcodes=st.lists(
            st.builds(
                Barcode,
                message=st.text(max_size=12),
                symbology=st.sampled_from(Symbology),
                encoding=st.sampled_from(["iso-8859-1", "utf-8", "iso-8859-99"]),
                alt_text=OPTIONAL_TEXTS,
            ),
            max_size=2,
        ).map(tuple),
        background=maybe(st.builds(Colour, st.integers(-2, 257), st.integers(0, 255), st.integers(0, 255))),
        locations=st.lists(
            st.builds(Location, st.floats(-91, 91), st.floats(-181, 181), maybe(st.floats()), OPTIONAL_TEXTS),
            max_size=11,
        ).map(tuple),
        max_distance=maybe(st.floats() | st.integers(-1, 1000)),
        beacons=st.lists(
            st.builds(Beacon, st.uuids().map(str), maybe(st.integers(-1, 65_536)), maybe(st.integers(0, 65_535))),
            max_size=3,
        ).map(tuple),
        relevant_dates=st.lists(st.builds(RelevantDate, TIMES, maybe(TIMES)), max_size=2).map(tuple),
        expiration=maybe(TIMES),
        voided=st.booleans(),
        sharing_prohibited=st.booleans(),
        grouping=maybe(st.text(min_size=1, max_size=5)),
        localisations=st.dictionaries(
            st.sampled_from(["de", "fr", "pt-BR", "zh-Hans", "German"]),
            st.dictionaries(TEXTS, TEXTS, max_size=3),
            max_size=2,
        ),
    )


DATED = st.builds(
    Field,
    key=st.uuids().map(str),
    value=TIMES,
    date_style=st.sampled_from(DateStyle),
    time_style=st.sampled_from(DateStyle),
    is_relative=st.booleans(),
)
COUNTED = st.builds(Field, key=st.uuids().map(str), value=NUMBERS, currency=maybe(st.just("EUR")))
SERVICES = [
    *[(None, None), ("https://k.example/wallet/", "x" * 16)] * 4,
    ("https://k.example/v1", "x" * 16),
    ("http://k.example", "x" * 16),
    ("https://k.example", "x" * 15),
    ("https://k.example", None),
    (None, "x" * 16),
]
ODD = st.builds(
    lambda pass_, service: replace(pass_, web_service_url=service[0], authentication_token=service[1]),
    passes(sections(st.one_of(PLAIN_FIELDS, DATED, COUNTED, FIELDS), 2)),
    st.sampled_from(SERVICES),
)
GOOD = st.builds(
    Pass,
    serial=st.uuids().map(str),
    style=st.sampled_from(sorted(STYLES)),
    description=st.text(min_size=1, max_size=40).filter(str.strip),
    fields=sections(PLAIN_FIELDS, 3),
    logo_text=OPTIONAL_TEXTS,
    expiration=maybe(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
    localisations=st.dictionaries(
        st.sampled_from(["de", "pt-BR", "zh-Hans"]), st.dictionaries(TEXTS, TEXTS, max_size=3), max_size=2
    ),
)
