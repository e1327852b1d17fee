"""The editor's page: who gets it, what it brings along, and that it has words for all that a document may say."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import AsyncIterator
from typing import Any, get_args

import pytest

from server.decision.conditions import KINDS, logic
from server.decision.conditions.weather import QUANTITIES
from server.model.offer import RewardType, Trigger
from server.store.pool import Pool
from server.web import offers
from server.web.languages import catalogue
from server.web.screens import editor
from tests.house.tree import ROOT
from tests.web.authors import House, document, house

SCRIPTS = ROOT / "server" / "web" / "static" / "js"
WORDS = catalogue("editor")["de"]


@pytest.fixture
async def at(cleared: Pool) -> AsyncIterator[House]:
    async with house(cleared, offers, editor) as served:
        yield served


def facts_of(page: bytes) -> Any:
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', page.decode(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


async def test_an_offer_comes_with_its_newest_document_and_a_new_one_with_examples(at: House) -> None:
    hostile = "</script><script>alert(1)</script>"
    content = {"en-US": {"title": hostile, "body": "B"}}
    whole = document(moment={"content": content, "fallback_locale": "en-US"})
    made = (await at.call("marketer", "POST", "/v1/offers", document())).json
    await at.call("marketer", "PUT", f"/v1/offers/{made['id']}", whole)
    page = await at.call("marketer", "GET", f"/dashboard/offers/{made['id']}/edit")
    assert page.status == 200
    assert b"<script>alert" not in page.body
    told = facts_of(page.body)
    assert (told["offer"]["version"], told["offer"]["document"], told["examples"]) == (2, whole, {})
    fresh = facts_of((await at.call("admin", "GET", "/dashboard/offers/new")).body)
    assert fresh["offer"] is None
    assert set(fresh["examples"]) == {"coffee-morning", "lunch-stamps", "rainy-books", "welcome-pretzel"}


async def test_an_offer_that_is_not_there_is_not_found(at: House) -> None:
    missing = "/dashboard/offers/00000000-0000-7000-8000-000000000000/edit"
    assert (await at.call("marketer", "GET", missing)).status == 404
    assert (await at.call("analyst", "GET", missing)).status == 403


def test_each_kind_of_condition_can_be_written_as_a_sentence() -> None:
    leaves = set(KINDS) - set(logic.NAMES)
    told = (SCRIPTS / "editor_sentences.js").read_text("utf-8")
    kinds = told[told.index("export const KINDS") : told.index("export const FRESH")]
    assert set(re.findall(r"^  (\w+): \{", kinds, re.MULTILINE)) == leaves
    assert {f"lead_{kind}" for kind in leaves} | {f"group_{each}" for each in ("all", "any")} <= set(WORDS)
    assert {f"f_weather_{each}" for each in QUANTITIES} | {f"more_weather_{each}" for each in QUANTITIES} <= set(WORDS)


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        (name, "as" if name == "placement" else name)
        for name in editor.CHOICES
        if name not in ("condition", "quantity", "placeholder", "on_a_pass")
    ],
)
def test_each_choice_has_a_word(choice: str, word: str) -> None:
    assert {f"{word}_{each}" for each in editor.CHOICES[choice]} <= set(WORDS)


def test_the_choices_are_those_of_documents() -> None:
    assert set(editor.CHOICES["trigger"]) == set(get_args(Trigger))
    assert set(editor.CHOICES["reward"]) == set(get_args(RewardType))
    assert {f"placeholder_{each.replace('.', '_')}" for each in editor.CHOICES["placeholder"]} <= set(WORDS)


def sentences(node: ast.expr) -> list[str]:
    """What a literal may say; a gap of an f-string says 3."""
    if isinstance(node, ast.IfExp):
        return sentences(node.body) + sentences(node.orelse)
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "3" for part in node.values)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def test_the_editor_says_in_its_own_words_whatever_the_reader_of_documents_finds_wrong() -> None:
    listed = re.findall(r'\["(\w+)", /(.+)/\],', (SCRIPTS / "editor_says.js").read_text("utf-8"))
    known = [(name, re.compile(re.sub(r"\(\?<(?=[a-z])", "(?P<", pattern))) for name, pattern in listed]
    for name, pattern in known:
        assert set(re.findall(r"\{(\w+)\}", WORDS[f"e_{name}"])) <= set(pattern.groupindex), name
    said = {
        sentence
        for path in (ROOT / "server" / "decision").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("wrong", "warn")
        for argument in call.args
        for sentence in sentences(argument)
    }
    assert len(said) > 60
    assert not {each for each in said if not any(pattern.search(each) for _, pattern in known)}
