"""One shape for everything that is refused: the class says status, code, title and sentence; strangers can act on it."""

from __future__ import annotations

import importlib
import pkgutil

import msgspec
import pytest

import server
from server.errors import FieldError, Misconfigured, Refusal
from server.web.problems import respond_to

ALLOWED = {400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 421, 422, 425, 429, 431, 500, 503}


def _load() -> None:
    for module in pkgutil.walk_packages(server.__path__, "server."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _below(kind: type[Refusal]) -> list[type[Refusal]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _below(child))]


_load()
KINDS = [
    kind for kind in _below(Refusal)[1:] if kind.__module__.startswith("server.") and not kind.__name__.startswith("_")
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_says_what_it_is_in_a_sentence(kind: type[Refusal]) -> None:
    assert kind.status in ALLOWED
    assert kind.code == kind.code.lower()
    assert " " not in kind.code
    assert kind.title
    sentence = (kind.__doc__ or "").strip()
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_becomes_a_problem_document(kind: type[Refusal]) -> None:
    response = respond_to(kind(retry_after_s=3), request_id="r-1")
    assert response.status == kind.status
    assert response.content_type == "application/problem+json"
    body = msgspec.json.decode(response.body)
    assert set(body) >= {"type", "title", "status", "detail", "code", "request_id"}
    assert (body["status"], body["code"], body["request_id"]) == (kind.status, kind.code, "r-1")
    assert response.headers["Retry-After"] == "3"


def test_wrong_fields_are_listed_with_their_paths() -> None:
    kind = next(kind for kind in KINDS if kind.__name__ == "Invalid")
    response = respond_to(kind(errors=[FieldError("if.all[0]", "is wrong")]), request_id="r-1")
    assert msgspec.json.decode(response.body)["errors"] == [{"field": "if.all[0]", "message": "is wrong"}]


def test_one_code_means_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for kind in KINDS:
        statuses.setdefault(kind.code, set()).add(kind.status)
    assert not {code: found for code, found in statuses.items() if len(found) > 1}


def test_a_wrong_setting_is_no_answer_to_a_client() -> None:
    assert not issubclass(Misconfigured, Refusal)
