"""Whole .pkpass files, each broken in one way: in its zip, its pictures, its manifest, its translations.

What is wrong inside pass.json stands in the tables of the tests beside this file, what is wrong with a signature in
`forged`. Everything that is not meant to be
broken is made good again: hashed anew and signed anew.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from passes.images import plain_png
from tests.passes.samples import (
    GREEN,
    NOW,
    coupon,
    edited,
    good,
    sealed,
    template,
    ticket,
    unzipped,
    zipped,
)


def with_entry(name: str, data: bytes = b"") -> bytes:
    buffer = io.BytesIO(good())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def without(name: str) -> bytes:
    return zipped({key: data for key, data in unzipped(good()).items() if key != name})


def with_file(name: str, data: bytes, pkpass: bytes | None = None) -> bytes:
    return sealed({**unzipped(pkpass or good()), name: data})


def with_picture(name: str, width: int, height: int, style: str = "coupon") -> bytes:
    return with_file(name, plain_png(width, height, GREEN), template().build(coupon(style=style), signed_at=NOW))


def ticket_with(*names: str) -> bytes:
    files = unzipped(template().build(ticket(), signed_at=NOW))
    return sealed({**files, **{name: plain_png(10, 10, GREEN) for name in names}})


def with_manifest(change: Callable[[dict[str, Any]], Any]) -> bytes:
    files = unzipped(good())
    manifest = json.loads(files["manifest.json"])
    change(manifest)
    raw = json.dumps(manifest).encode()
    return zipped({**files, "manifest.json": raw, "signature": template().signer.sign(raw, signed_at=NOW)})


def encrypted() -> bytes:
    whole = bytearray(zipped(unzipped(good())))
    name = b"icon.png"
    for mark, flags, before in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        start = whole.index(mark + whole[whole.index(mark) + 4 : whole.index(mark) + 6])
        while whole[start + before : start + before + len(name)] != name:
            start = whole.index(mark, start + 4)
        whole[start + flags] |= 1
    return bytes(whole)


def damaged() -> bytes:
    whole = bytearray(good())
    whole[whole.index(b'"formatVersion"')] ^= 1
    return bytes(whole)


def with_manifest_of(manifest: bytes) -> bytes:
    return zipped(
        {
            **unzipped(good()),
            "manifest.json": manifest,
            "signature": template().signer.sign(manifest, signed_at=NOW),
        }
    )


ICON = plain_png(29, 29, GREEN)

BROKEN: Mapping[str, tuple[set[str], Callable[[], bytes]]] = {
    "a PDF": ({"zip.unreadable"}, lambda: b"%PDF-1.7"),
    "a bomb": ({"zip.large"}, lambda: zipped({"pass.json": bytes(20_000_001)})),
    "a shebang before the zip": ({"zip.start"}, lambda: b"#!/bin/sh\n" + good()),
    "a folder around the files": (
        {"zip.folder", "image.icon", "image.name", "language.file", "language.folder"},
        lambda: zipped({f"coupon.pass/{name}": data for name, data in unzipped(good()).items()}),
    ),
    "an entry for a directory": ({"zip.directory"}, lambda: with_entry("de.lproj/")),
    "a path out of the pass": (
        {"zip.path", "manifest.unlisted", "image.name", "language.folder"},
        lambda: with_entry("../logo"),
    ),
    "what a desktop leaves": ({"zip.litter", "manifest.unlisted", "image.name"}, lambda: with_entry(".DS_Store")),
    "a file twice": ({"zip.duplicate"}, lambda: with_entry("icon.png", ICON)),
    "an encrypted icon": ({"zip.encrypted", "manifest.absent"}, encrypted),
    "a file with a wrong checksum": ({"zip.damaged", "missing.pass", "manifest.absent"}, damaged),
    "an unusual compression": ({"zip.method"}, lambda: zipped(unzipped(good()), method=zipfile.ZIP_BZIP2)),
    "no pass.json": ({"missing.pass", "manifest.absent"}, lambda: without("pass.json")),
    "no manifest": ({"missing.manifest"}, lambda: without("manifest.json")),
    "no signature": ({"missing.signature"}, lambda: without("signature")),
    **{
        f"no {key}": ({f"required.{key}"}, lambda key=key: edited(lambda document: document.pop(key)))  # type: ignore[misc]
        for key in ("formatVersion", "serialNumber", "organizationName", "description")
    },
    "no pass type": (
        {"required.passTypeIdentifier", "signature.uid", "signature.pass_type"},
        lambda: edited(lambda document: document.pop("passTypeIdentifier")),
    ),
    "no team": (
        {"required.teamIdentifier", "signature.team"},
        lambda: edited(lambda document: document.pop("teamIdentifier")),
    ),
    "a pass type without its pass": (
        {"pass_type.form", "signature.uid", "signature.pass_type"},
        lambda: edited(lambda document: document.update(passTypeIdentifier="de.kaffeeklatsch.coupon")),
    ),
    "a team of small letters": (
        {"team.form", "signature.team"},
        lambda: edited(lambda document: document.update(teamIdentifier="klatsch234")),
    ),
    "a pass type of a number": (
        {"text.passTypeIdentifier", "signature.uid", "signature.pass_type"},
        lambda: edited(lambda document: document.update(passTypeIdentifier=1)),
    ),
    "a boarding pass by rocket": (
        {"transit.value"},
        lambda: edited(lambda document: document.update(boardingPass=document.pop("coupon"))),
    ),
    "a document that is cut off": ({"json.syntax"}, lambda: with_file("pass.json", b'{"formatVersion": 1')),
    "a document that is a list": ({"json.object"}, lambda: with_file("pass.json", b"[]")),
    "a document in UTF-16": ({"json.encoding"}, lambda: with_file("pass.json", b"\xff\xfe{\x00}\x00")),
    "a key of the manifest twice": (
        {"json.duplicate"},
        lambda: with_manifest_of(
            unzipped(good())["manifest.json"].replace(b"{", b'{"icon.png":"","' + b'logo.png":"",', 1)
        ),
    ),
    "a distance of no number": (
        {"json.constant", "max_distance"},
        lambda: edited(lambda document: document.update(maxDistance=float("nan"))),
    ),
    "a picture that is a GIF": ({"image.png"}, lambda: with_file("logo.png", b"GIF89a" + bytes(40))),
    "a picture cut short": ({"image.damaged"}, lambda: with_file("logo.png", ICON[:-13])),
    "a picture with a changed pixel": (
        {"image.damaged"},
        lambda: with_file("logo.png", ICON[:45] + bytes((ICON[45] ^ 1,)) + ICON[46:]),
    ),
    "a picture without pixels": ({"image.damaged"}, lambda: with_file("logo.png", ICON[:33] + ICON[-12:])),
    "no icon": (
        {"image.icon"},
        lambda: sealed({name: data for name, data in unzipped(good()).items() if "icon" not in name}),
    ),
    "a small icon": ({"image.icon_size"}, lambda: with_picture("icon.png", 28, 29)),
    "a large strip": ({"image.size"}, lambda: with_picture("strip@2x.png", 751, 288)),
    "a banner": ({"image.name"}, lambda: with_picture("banner.png", 10, 10)),
    "a coupon's thumbnail": ({"image.style"}, lambda: with_picture("thumbnail.png", 90, 90)),
    "a narrow thumbnail": ({"image.aspect"}, lambda: with_picture("thumbnail.png", 59, 90, "generic")),
    "a strip over a background": ({"image.together"}, lambda: ticket_with("strip.png", "background.png")),
    "a file that is not in the manifest": (
        {"manifest.unlisted"},
        lambda: with_manifest(lambda manifest: manifest.pop("logo.png")),
    ),
    "a hash of no file": (
        {"manifest.absent"},
        lambda: with_manifest(lambda manifest: manifest.update({"strip.png": "0" * 40})),
    ),
    "a hash of another file": (
        {"manifest.hash"},
        lambda: with_manifest(lambda manifest: manifest.update({"icon.png": "0" * 40})),
    ),
    "a hash in capitals": (
        {"manifest.form"},
        lambda: with_manifest(lambda manifest: manifest.update({"icon.png": manifest["icon.png"].upper()})),
    ),
    "a manifest with its own hash": (
        {"manifest.itself"},
        lambda: with_manifest(lambda manifest: manifest.update({"manifest.json": "0" * 40})),
    ),
    "a language by its name": ({"language.folder"}, lambda: with_file("German.lproj/pass.strings", b"")),
    "another name for translations": (
        {"language.file"},
        lambda: with_file("de.lproj/Localizable.strings", b""),
    ),
    "a translation without its semicolon": (
        {"language.syntax"},
        lambda: with_file("de.lproj/pass.strings", b'"a" = "b"'),
    ),
    "a text translated twice": (
        {"language.duplicate"},
        lambda: with_file("de.lproj/pass.strings", b'"a"="b";"a"="c";'),
    ),
    "translations in Latin-1": ({"language.encoding"}, lambda: with_file("de.lproj/pass.strings", b'"a" = "\xe4";')),
}
