"""Every door is described, completely enough to be called by a generator."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from server.web.access import ACCESS, Access, Kind, access_to
from server.web.call import JSON, Call
from server.web.codec import convert
from server.web.door import Door, door
from server.web.doors import all_doors
from server.web.openapi import describe

DOORS = all_doors()
DOCUMENT: dict[str, Any] = json.loads(
    msgspec.json.encode(describe(DOORS, title="Town", version="1.2.3", url="https://kairos.example", table=ACCESS))
)
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def test_it_is_openapi_3_1() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_every_door_is_in_it_and_nothing_else() -> None:
    assert set(OPERATIONS) == {f"{each.method} {each.path}" for each in DOORS}
    assert len({operation["operationId"] for operation in OPERATIONS.values()}) == len(OPERATIONS)
    assert all(operation["summary"] for operation in OPERATIONS.values())
    assert all(operation["tags"] for operation in OPERATIONS.values())


@pytest.mark.parametrize("each", DOORS, ids=lambda each: f"{each.method} {each.path}")
def test_each_operation_names_its_principals_and_what_they_need(each: Door) -> None:
    operation = OPERATIONS[f"{each.method} {each.path}"]
    access = access_to(each.method, each.path)
    if Kind.ANON in access.principals:
        assert operation["x-principals"] == sorted(Kind)
        assert operation["security"] == [{}]
    else:
        assert operation["x-principals"] == sorted(access.principals)
        assert ({"pass": []} if access.principals == {Kind.PASS} else {"token": []}) in operation["security"]
        assert "401" in operation["responses"]
        assert "403" in operation["responses"]


@pytest.mark.parametrize("each", [each for each in DOORS if each.body], ids=lambda each: f"{each.method} {each.path}")
def test_each_body_has_an_example_that_its_own_door_would_take(each: Door) -> None:
    content = OPERATIONS[f"{each.method} {each.path}"]["requestBody"]["content"]
    assert each.example is not None, "a door with a body gives an example of it"
    assert content[each.media]["example"] == json.loads(msgspec.json.encode(each.example))
    if each.media == JSON and not each.raw:
        assert each.body is not None
        convert(json.loads(msgspec.json.encode(each.example)), each.body)


@pytest.mark.parametrize("each", DOORS, ids=lambda each: f"{each.method} {each.path}")
def test_each_parameter_of_path_query_and_key_is_described(each: Door) -> None:
    parameters = OPERATIONS[f"{each.method} {each.path}"]["parameters"]
    named = {(parameter["in"], parameter["name"]): parameter for parameter in parameters}
    for name in re.findall(r"\{(\w+)\}", each.path):
        assert named["path", name]["required"] is True
    if each.query is not None:
        for field in msgspec.structs.fields(each.query):
            assert ("query", field.encode_name) in named
            assert "$ref" not in json.dumps(named["query", field.encode_name])
            assert "null" not in json.dumps(named["query", field.encode_name])
    key = named.get(("header", "Idempotency-Key"))
    assert (key is not None) == (each.idempotency != "none")
    assert key is None or key["required"] == (each.idempotency == "required")


def test_every_reference_leads_somewhere() -> None:
    for reference in set(re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(DOCUMENT))):
        found: Any = DOCUMENT
        for part in reference.split("/"):
            found = found[part]
        assert found


def test_requests_refuse_unknown_fields_in_the_description_too() -> None:
    schema = DOCUMENT["components"]["schemas"]["NewUser"]
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"email", "name", "roles"}


def test_problems_are_described_for_each_status_that_a_door_may_answer() -> None:
    operation = OPERATIONS["POST /v1/users"]
    assert {"201", "400", "401", "403", "408", "409", "413", "415", "422", "429", "503"} <= set(operation["responses"])
    problem = DOCUMENT["components"]["responses"]["422"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/Problem"}
    assert "Retry-After" in DOCUMENT["components"]["responses"]["429"]["headers"]


class Note(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    text: str = ""


def described(*doors: Door) -> Any:
    table = {(each.method, each.path): Access(frozenset({Kind.TILL}), owner="store") for each in doors}
    return json.loads(msgspec.json.encode(describe(doors, title="T", version="1", url="/", table=table)))["paths"]


async def _handler(call: Call) -> None:
    return None


def test_a_geojson_body_may_come_as_plain_json() -> None:
    made = door("POST", "/v1/areas", body=Note, media="application/geo+json", summary="s", tags=("T",))(_handler)
    content = described(made)["/v1/areas"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/geo+json", "application/json"}


def test_a_raw_body_and_a_raw_answer_are_what_they_say() -> None:
    taken = door("POST", "/v1/csv", body=bytes, media="text/csv", example="a,b", status=204)(_handler)
    given = door("GET", "/v1/file", answer=bytes, produces="application/zip")(_handler)
    paths = described(taken, given)
    assert paths["/v1/csv"]["post"]["requestBody"]["content"] == {
        "text/csv": {"schema": {"type": "string"}, "example": "a,b"}
    }
    assert paths["/v1/csv"]["post"]["x-owner"] == "store"
    assert "content" not in paths["/v1/csv"]["post"]["responses"]["204"]
    assert set(paths["/v1/file"]["get"]["responses"]["200"]["content"]) == {"application/zip"}


def test_a_body_of_which_nothing_is_required_may_be_left_out() -> None:
    made = door("POST", "/v1/notes", body=Note)(_handler)
    assert described(made)["/v1/notes"]["post"]["requestBody"]["required"] is False
