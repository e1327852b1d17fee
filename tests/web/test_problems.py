"""Each known condition has its status, and every refusal the same shape."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from server import errors
from server.errors import FieldError, Invalid, NotFound, Refusal, TooMany, Unavailable
from server.store.pool import Contended
from server.web.languages import catalogue
from server.web.problems import body_of, refusal_of, respond_to

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_becomes_a_problem_with_its_own_sentence(kind: type[Refusal]) -> None:
    response = respond_to(kind(), request_id="r1")
    assert isinstance(response.body, bytes)
    body = json.loads(response.body)
    assert response.content_type == "application/problem+json"
    assert body == {
        "type": f"urn:kairos:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.__doc__,
        "code": kind.code,
        "request_id": "r1",
    }
    assert response.status == kind.status
    assert ("Retry-After" in response.headers) is (kind in (TooMany, Unavailable))
    assert ("WWW-Authenticate" in response.headers) is (kind.status == 401)


def test_wrong_fields_and_further_members_are_in_the_body() -> None:
    refusal = Invalid("No.", errors=[FieldError("a.b", "is wrong")], extra={"would": 409})
    body = json.loads(body_of(refusal, request_id="r"))
    assert body["errors"] == [{"field": "a.b", "message": "is wrong"}]
    assert body["would"] == 409


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Contended(), 503, "unavailable"),
        (TimeoutError(), 503, "unavailable"),
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPMethodNotAllowed("PUT", ["GET"]), 405, "method_not_allowed"),
        (web.HTTPRequestEntityTooLarge(1, 2), 413, "request_entity_too_large"),
        (web.HTTPExpectationFailed(), 417, "expectation_failed"),
    ],
)
def test_what_others_raise_has_a_status_too(error: Exception, status: int, code: str) -> None:
    refusal = refusal_of(error)
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (status, code)


def test_a_path_that_is_not_there_and_a_thing_that_is_not_yours_are_one_answer() -> None:
    unknown = refusal_of(web.HTTPNotFound())
    assert unknown is not None
    assert body_of(unknown, request_id="r") == body_of(NotFound(), request_id="r")


def test_what_nobody_expected_is_no_refusal() -> None:
    assert refusal_of(KeyError("secret")) is None


FOR_PROGRAMS = {
    *("http_version", "misdirected", "method_not_allowed", "not_ready", "contended"),
    *("idempotency_key_required", "idempotency_key_invalid", "idempotency_mismatch"),
    *("signature_missing", "signature_invalid", "signature_stale", "signature_replayed"),
    *("identity_required", "purchase_known", "send_differs", "unknown_customer"),
}
"""What other systems are told, and phones and browsers that do what pages never do."""
ELSEWHERE = {
    *("login_over", "reauthentication_required"),
    *("not_requested", "already_approved", "same_person"),
    *("already_redeemed", "held", "voided", "minimum_not_met", "unknown_code", "too_many_wrong_codes"),
}
"""What has words of its own: the log-in's forms, the question for the password, the offer's page, the till's answers."""


def codes() -> Iterator[str]:
    """The codes of all refusals, read out of the source."""
    for path in Path("server").glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code":
                value: ast.expr | None = node.value
            elif isinstance(node, ast.ClassDef):
                value = next(filter(None, map(_code_of, node.body)), None)
            else:
                continue
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
                yield value.value


def _code_of(line: ast.stmt) -> ast.expr | None:
    """What a class says of its code: `code = "x"`, or `status, code, title = 409, "x", "X"`."""
    if not isinstance(line, ast.Assign):
        return None
    names = ast.unparse(line.targets[0]).strip("()").split(", ")
    values = line.value.elts if isinstance(line.value, ast.Tuple) else [line.value]
    return dict(zip(names, values, strict=True)).get("code") if len(names) == len(values) else None


def test_whatever_a_page_may_be_refused_with_is_said_in_both_languages() -> None:
    found = set(codes())
    assert {"too_many_keys", "webhook_disabled", "last_admin", "email_taken", "reauthentication_required"} <= found
    assert found >= FOR_PROGRAMS | ELSEWHERE
    for words in catalogue("common").values():
        said = {name.removeprefix("trouble_") for name in words if name.startswith("trouble_")}
        assert said == found - FOR_PROGRAMS - ELSEWHERE
