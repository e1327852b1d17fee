"""The documentation of all doors as OpenAPI 3.1, made from what the doors say of themselves and the access table.

https://spec.openapis.org/oas/v3.1.1.html. `x-principals` names who may use an operation, `x-owner` whose objects they
reach through it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from server.web.access import Access, Kind, Table, access_to
from server.web.body import BODY_METHODS, Nothing
from server.web.call import JSON
from server.web.csv_lines import MEDIA as CSV
from server.web.door import Door
from server.web.idempotency import HEADER, REPLAYED
from server.web.problems import MEDIA, Problem
from server.web.signatures import HEADERS

VERSION: Final = "3.1.0"
_REFERENCE: Final = "#/components/schemas/{name}"
_UUIDS: Final = frozenset({"id", "serial", "moment_id"})
_PARAMETER: Final = re.compile(r"\{([^}]*)\}")
_PHRASES: Final = {
    400: "The request cannot be read.",
    401: "No credential, or one that does not count.",
    403: "Known, but not allowed.",
    404: "Unknown, or not yours.",
    408: "The body took too long.",
    409: "The current state does not allow it.",
    410: "Over for good.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    421: "Not this server's Host name.",
    422: "Readable, but wrong: `errors` names the fields.",
    425: "Not valid yet.",
    429: "Too often: wait as `Retry-After` says.",
    503: "Not now: try again as `Retry-After` says.",
}
_BODY_ERRORS: Final = (400, 408, 413, 415, 422)
_SECURITY: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "An opaque token; its prefix tells the kind."},
    "pass": {
        "type": "http",
        "scheme": "ApplePass",
        "description": "A pass's `authenticationToken`, good for the serial in the path.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-sid",
        "description": "A log-in of staff (`sid` over plain http). Unsafe methods also need `X-CSRF-Token`.",
    },
}
_STAFF: Final = frozenset({Kind.TILL, Kind.MARKETER, Kind.ANALYST, Kind.ADMIN})


def describe(doors: Sequence[Door], *, title: str, version: str, url: str, table: Table) -> dict[str, Any]:
    """Describe all doors; `url` is the server's public address or "/"."""
    schemas, components = _schemas(doors)
    paths: dict[str, dict[str, Any]] = {}
    for each in doors:
        access = access_to(each.method, each.path, table=table)
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, access, schemas)
    return {
        "openapi": VERSION,
        "info": {
            "title": f"{title} – Kairos",
            "version": version,
            "description": "The right offer at the right moment. Errors are RFC 9457 problems; times RFC 3339; ids UUIDs.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": name} for name in sorted({tag for each in doors for tag in each.tags})],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": _SECURITY,
            "responses": _shared_responses(schemas[Problem]),
        },
    }


def _schemas(doors: Sequence[Door]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Give the schema of every type that doors name, and the components they refer to."""
    types: list[Any] = [Problem]
    for each in doors:
        types += [kind for kind in (each.body, each.answer) if kind not in (None, bytes) and kind not in types]
        if each.query is not None and each.query not in types:
            types.append(each.query)
    found, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    return dict(zip(types, found, strict=True)), dict(components)


def _shared_responses(problem: dict[str, Any]) -> dict[str, Any]:
    return {
        str(status): {
            "description": sentence,
            "headers": _headers(status),
            "content": {MEDIA: {"schema": problem}},
        }
        for status, sentence in _PHRASES.items()
    }


def _headers(status: int, *, replayed: bool = False) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    headers: dict[str, Any] = {"X-Request-Id": {"description": "This request's id, as in the log.", **text}}
    if status in (429, 503):
        headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = text
    if status == HTTPStatus.SEE_OTHER:
        headers["Location"] = text
    if replayed:
        headers[REPLAYED] = {"description": "`true` when this answer was given before under the same key.", **text}
    return headers


def _operation(each: Door, access: Access, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": re.sub(r"[^a-z0-9]+", "_", f"{each.method} {each.path}".lower()).strip("_"),
        "summary": each.summary,
        "tags": list(each.tags),
        "x-principals": principals_of(access),
        "security": _security(access),
        "parameters": [
            *_path_parameters(each),
            *_query_parameters(each),
            *_key_parameter(each),
            *(_signature_parameters() if _signed(each, access) else ()),
        ],
        "responses": _responses(each, access, schemas),
    }
    if access.owner:
        operation["x-owner"] = access.owner
    if body := _request_body(each, schemas):
        operation["requestBody"] = body
    return operation


def principals_of(access: Access) -> list[str]:
    """List who may use a route: everybody by name where anybody may."""
    kinds = frozenset(Kind) if Kind.ANON in access.principals else access.principals
    return sorted(kind.value for kind in kinds)


def _security(access: Access) -> list[dict[str, list[str]]]:
    if Kind.ANON in access.principals:
        return [{}]
    if access.principals == {Kind.PASS}:
        return [{"pass": []}]
    schemes = ["token", "session"] if access.principals & _STAFF else ["token"]
    return [{scheme: []} for scheme in schemes]


def _path_parameters(each: Door) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"} if name in _UUIDS else {"type": "string", "minLength": 1},
        }
        for name in _PARAMETER.findall(each.path)
    ]


def _query_parameters(each: Door) -> list[dict[str, Any]]:
    if each.query is None:
        return []
    schema = msgspec.json.schema(each.query)
    definition = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    required = set(definition.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _plain(value, schema["$defs"])}
        for name, value in definition["properties"].items()
    ]


def _plain(schema: Any, definitions: dict[str, Any]) -> Any:
    """Give a parameter's schema without references and without null: a parameter that is there has a value."""
    if isinstance(schema, list):
        return [_plain(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        left = [_plain(each, definitions) for each in schema["anyOf"] if each != {"type": "null"}]
        return left[0] if len(left) == 1 else {"anyOf": left}
    return {
        name: _plain(value, definitions) for name, value in schema.items() if not (name == "default" and value is None)
    }


def _key_parameter(each: Door) -> list[dict[str, Any]]:
    if each.idempotency == "none":
        return []
    return [
        {
            "name": HEADER,
            "in": "header",
            "required": each.idempotency == "required",
            "description": "The same key and body give the same answer, and one effect; kept for 7 days.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "example": "order-4711",
        }
    ]


def _signed(each: Door, access: Access) -> bool:
    """Tell whether some of the callers sign what they send."""
    return Kind.CRM in access.principals and each.method in BODY_METHODS


def _signature_parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": "Standard Webhooks; required with keys that are signed, and ignored with others.",
            "schema": {"type": "string"},
        }
        for name in HEADERS
    ]


def _request_body(each: Door, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any] | None:
    if each.body is None:
        return None
    media: dict[str, Any] = {"schema": {"type": "string"} if each.raw else schemas[each.body]}
    if each.example is not None:
        media["example"] = each.example
    content = {each.media: media}
    if each.media.endswith("+json"):
        content[JSON] = media
    optional = not each.raw and issubclass(each.body, msgspec.Struct) and all(_optional(each.body))
    return {"required": not optional, "content": content}


def _optional(struct: type[msgspec.Struct]) -> list[bool]:
    return [not field.required for field in msgspec.structs.fields(struct)]


def _responses(each: Door, access: Access, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    replayed = each.idempotency != "none"
    right: dict[str, Any] = {
        "description": HTTPStatus(each.status).phrase,
        "headers": _headers(each.status, replayed=replayed),
    }
    if each.answer is bytes:
        right["content"] = {each.produces: {"schema": {"type": "string", "format": "binary"}}}
    elif each.answer is not None:
        right["content"] = {each.produces: {"schema": schemas[each.answer]}}
    elif each.status == HTTPStatus.OK:
        right["content"] = {
            each.produces: {"schema": {"type": "object" if each.produces.endswith(("/json", "+json")) else "string"}}
        }
    if each.query is not None and "format" in each.query.__struct_fields__:
        right["content"][CSV] = {"schema": {"type": "string"}}
    responses = {str(each.status): right}
    for status in _expected_errors(each, access):
        if status == HTTPStatus.OK:
            responses.setdefault(str(status), right | {"description": HTTPStatus(status).phrase})
        elif status in _PHRASES:
            responses.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
        else:
            responses.setdefault(str(status), {"description": HTTPStatus(status).phrase})
    return responses


def _expected_errors(each: Door, access: Access) -> list[int]:
    expected = {421, 429, 503, *each.errors}
    if (
        each.method == "GET"
        and each.produces == "text/html"
        and (Kind.ANON not in access.principals or 401 in each.errors)
    ):
        expected.add(303)  # people are led to the log-in, or to what they must do first
    if Kind.ANON not in access.principals:
        expected |= {401, 403}
    elif each.method not in ("GET", "HEAD"):
        expected |= {403}  # another site's page
    if _PARAMETER.search(each.path):
        expected.add(404)
    if each.method in BODY_METHODS:
        expected |= set(_BODY_ERRORS)
    if each.query is not None or (each.body or Nothing) is not Nothing or each.path.startswith("/v1/"):
        expected.add(422)
    if each.idempotency != "none" or _signed(each, access):
        expected |= {400, 409}
    return sorted(expected)
