"""One objection to a pass, and the strict reading of JSON that several readers share."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Finding(NamedTuple):
    """`code` is stable, `where` is the file or the key of pass.json, `message` the sentence for a person."""

    code: str
    where: str
    message: str


def read_object(name: str, data: bytes) -> tuple[dict[str, Any] | None, list[Finding]]:
    """A JSON object in UTF-8 without duplicate keys and without NaN; None and a finding where it is anything else."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None, [Finding("json.encoding", name, "is not UTF-8")]
    repeated: list[str] = []
    odd: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, value in items:
            if key in read:
                repeated.append(key)
            read[key] = value
        return read

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=odd.append)
    except (ValueError, RecursionError):
        return None, [Finding("json.syntax", name, "is not JSON")]
    findings = [Finding("json.duplicate", name, f"has the key {key!r} twice in one object") for key in repeated]
    findings += [Finding("json.constant", name, f"{constant} is not JSON") for constant in odd]
    if not isinstance(value, dict):
        return None, [*findings, Finding("json.object", name, "is not an object")]
    return value, findings
