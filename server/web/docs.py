"""/openapi.json and /docs: every door, for machines and for people, without anything from elsewhere."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import msgspec

from server.signals.weather.credits import CREDITS
from server.web.call import Call, Reply
from server.web.codec import canonical, encode
from server.web.door import DOORS, TABLE, WRITTEN, door
from server.web.openapi import describe
from server.web.pages import HTML, render


@door("GET", "/openapi.json", summary="This documentation, for machines", tags=("Operations",))
async def machines(call: Call) -> Reply:
    """Answer with the OpenAPI document."""
    return Reply(200, _written(call)["json"])


@door("GET", "/docs", produces=HTML, summary="This documentation, for people", tags=("Operations",))
async def people(call: Call) -> Reply:
    """Show the document as a page."""
    return Reply(200, _written(call)["html"], media=HTML)


def _written(call: Call) -> dict[str, bytes]:
    """Write both once per process: doors do not change."""
    app, written = call.request.app, call.request.app[WRITTEN]
    if not written:
        settings = call.parts.settings
        document = describe(
            app[DOORS],
            title=settings.programme.name,
            version=importlib.metadata.version("kairos"),
            url=settings.server.public_url or "/",
            table=app[TABLE],
        )
        credit = CREDITS.get(settings.weather.provider)
        if credit is not None:
            document["info"]["x-attribution"] = credit._asdict()
        written["json"] = encode(document)
        written["html"] = render(
            "docs.html", brand=settings.programme.name, csrf="", groups=groups_of(document), credit=credit
        )
    return written


def groups_of(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Sort the operations by their tag, with their JSON parts written out for reading."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation["tags"] or ["Other"])[0]
            groups.setdefault(tag, []).append(_shown(document, path, method, operation))
    return dict(sorted(groups.items()))


def _shown(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "principals": operation["x-principals"],
        "parameters": operation["parameters"],
        "bodies": [
            {
                "media": media,
                "schema": pretty(resolved(content["schema"], document)),
                "example": pretty(content["example"]) if "example" in content else "",
            }
            for media, content in body.items()
        ],
        "answers": [_answer(status, answer, document) for status, answer in operation["responses"].items()],
    }


def _answer(status: str, answer: dict[str, Any], document: dict[str, Any]) -> dict[str, str]:
    if "$ref" in answer:
        return {"status": status, "sentence": document["components"]["responses"][status]["description"], "schema": ""}
    schema = next((content["schema"] for content in answer.get("content", {}).values()), None)
    return {
        "status": status,
        "sentence": answer["description"],
        "schema": pretty(resolved(schema, document)) if schema else "",
    }


def resolved(schema: Any, document: dict[str, Any], *, within: frozenset[str] = frozenset()) -> Any:
    """Put what a schema refers to in its place; a type within itself stays a reference."""
    if isinstance(schema, list):
        return [resolved(each, document, within=within) for each in schema]
    if not isinstance(schema, dict):
        return schema
    name = schema.get("$ref", "").rpartition("/")[2] if isinstance(schema.get("$ref"), str) else ""
    if name:
        if name in within:
            return {"type": name}
        return resolved(document["components"]["schemas"][name], document, within=within | {name})
    return {key: resolved(value, document, within=within) for key, value in schema.items() if key != "title"}


def pretty(value: Any) -> str:
    """Write JSON for reading."""
    return msgspec.json.format(canonical(value), indent=2).decode()
