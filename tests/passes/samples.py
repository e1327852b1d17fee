"""Passes, keys and archives that the tests of the library share; keys are made once in a process."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from passes.apple.authority import Authority, throwaway_authority
from passes.apple.template import Template
from passes.images import default_images, plain_png
from passes.model import (
    Barcode,
    Beacon,
    Colour,
    DateStyle,
    Detector,
    Field,
    Fields,
    Location,
    Pass,
    RelevantDate,
    Symbology,
)

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
PASS_TYPE = "pass.de.kaffeeklatsch.coupon"
TEAM = "KLATSCH234"
BRAND = "Kaffeeklatsch GmbH"
TOKEN = "token-of-one-pass-0123456789abcdef"
SERVICE = "https://kairos.example/wallet/"
GREEN = (20, 90, 60)


@functools.cache
def authority(pass_type_id: str = PASS_TYPE, team_id: str = TEAM) -> Authority:
    return throwaway_authority(pass_type_id=pass_type_id, team_id=team_id, organization=BRAND, now=NOW)


@functools.cache
def template() -> Template:
    return load_template()


def load_template(**changes: Any) -> Template:
    own = authority()
    given: dict[str, Any] = {
        "certificate": own.certificate,
        "key": own.key,
        "wwdr": own.wwdr,
        "images": default_images(GREEN),
        "pass_type_id": PASS_TYPE,
        "team_id": TEAM,
        "organization": BRAND,
        "now": NOW,
    }
    return Template.load(**(given | changes))


def coupon(**changes: Any) -> Pass:
    until = NOW + timedelta(hours=2)
    given: dict[str, Any] = {
        "serial": "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b",
        "style": "coupon",
        "description": "Coffee on us until 11",
        "fields": Fields(
            header=(Field("uses", 1, "USES"),),
            primary=(Field("reward", "Coffee on us", "TODAY", change_message="Now: %@"),),
            secondary=(Field("place", "Marktplatz 3", "WHERE"),),
            auxiliary=(
                Field("until", until, "UNTIL", date_style=DateStyle.NONE, time_style=DateStyle.SHORT, is_relative=True),
            ),
            back=(
                Field("terms", "One a day. Müller's shops only.", "TERMS"),
                Field("phone", "+49 731 1234", "CALL", detectors=(Detector.PHONE_NUMBER,)),
            ),
        ),
        "barcodes": (Barcode("1.k1.abcdef", alt_text="ABCDEF"), Barcode("1.k1.abcdef", Symbology.CODE128)),
        "background": Colour(20, 90, 60),
        "foreground": Colour(255, 255, 255),
        "label_colour": Colour(200, 220, 210),
        "logo_text": "Kaffeeklatsch",
        "locations": (Location(48.3984, 9.9916, relevant_text="Coffee is 50 m away"),),
        "max_distance": 200,
        "beacons": (Beacon("F8F589E9-C07E-58B2-AEAB-A36BE4A48FAC", 1, 2),),
        "expiration": until,
        "sharing_prohibited": True,
        "web_service_url": SERVICE,
        "authentication_token": TOKEN,
        "user_info": {"offer": "coffee"},
        "localisations": {"de": {"Coffee on us": "Kaffee aufs Haus", "TODAY": "HEUTE"}},
    }
    return Pass(**(given | changes))


def ticket(**changes: Any) -> Pass:
    day = RelevantDate(NOW + timedelta(hours=10), NOW + timedelta(hours=14))
    return coupon(**({"style": "event_ticket", "relevant_dates": (day,), "grouping": "tasting"} | changes))


@functools.cache
def good() -> bytes:
    return template().build(coupon(), signed_at=NOW)


def unzipped(pkpass: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(pkpass)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def sealed(files: Mapping[str, bytes]) -> bytes:
    """The files as a pass again: hashed anew by hashlib, signed anew, zipped by the standard library."""
    rest = {name: data for name, data in files.items() if name not in ("manifest.json", "signature")}
    hashes = {name: hashlib.sha1(data, usedforsecurity=False).hexdigest() for name, data in rest.items()}
    manifest = json.dumps(hashes, indent=1).encode()
    signature = template().signer.sign(manifest, signed_at=NOW)
    return zipped({**rest, "manifest.json": manifest, "signature": signature})


def edited(change: Callable[[dict[str, Any]], Any], pkpass: bytes | None = None) -> bytes:
    """The good pass with its pass.json changed in place, hashed and signed anew: nothing else is wrong with it."""
    files = unzipped(pkpass or good())
    document = json.loads(files["pass.json"])
    change(document)
    return sealed({**files, "pass.json": json.dumps(document).encode()})


def openssl(*arguments: str, **files: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run openssl in a folder that holds `files` under their names."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, timeout=20, check=False)


def verified(pkpass: bytes, *, root: bytes | None = None, at: datetime = NOW, **changes: bytes) -> bool:
    """Whether openssl takes the signature over the exact manifest bytes and finds the root above it."""
    files = unzipped(pkpass)
    given = {"manifest": files["manifest.json"], "signature": files["signature"], "root": root or authority().root}
    arguments = "smime -verify -binary -inform DER -in signature -content manifest -CAfile root -purpose any -out out"
    return not openssl(*arguments.split(), "-attime", str(int(at.timestamp())), **(given | changes)).returncode


def strip() -> bytes:
    return plain_png(375, 144, GREEN)
