"""A town is made anew only where a town was, and people who log in are made with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from server.commands.opening import MARK, Credentials, awake, clear, introduce
from server.configuration import config_folder
from server.decision.reading import Known
from server.decision.rules import Identity, parse
from server.decision.zone import quiet_until
from server.errors import Misconfigured
from tests.builders import NOON, offer_id, programme
from tests.web.serving import settings_with

OFFERS = sorted((config_folder() / "offers").glob("*.json"))


async def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(Misconfigured, match="no demo's"):
        await clear(tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"


async def test_an_earlier_town_is_removed(data_dir: Path) -> None:
    (data_dir / MARK).touch()
    (data_dir / "old").write_text("last week")
    await clear(data_dir)
    assert {path.name for path in data_dir.iterdir()} == {MARK}


def test_what_is_printed_tells_every_address_log_in_and_token() -> None:
    console = Console(record=True, width=200, file=None, quiet=False)
    made = Credentials({"app": "ka_1", "till": "kt_2"}, {"admin@lindenquell.example": "a word"})
    with console.capture() as captured:
        introduce(console, "http://127.0.0.1:8080", made)
    said = captured.get()
    for word in (
        "http://127.0.0.1:8080/app",
        "http://127.0.0.1:8080/counter",
        "http://127.0.0.1:8080/dashboard",
        "/docs",
        "ka_1",
        "kt_2",
        "admin@lindenquell.example",
        "a word",
    ):
        assert word in said
    assert "open on no phone" in said
    assert "stand-ins" not in said
    with console.capture() as captured:
        introduce(console, "http://127.0.0.1:8080", made, pushes=Path("/home/pushes.jsonl"))
    assert "stand-ins on this machine; each is told here, and kept in /home/pushes.jsonl" in captured.get()


@pytest.mark.parametrize("path", OFFERS, ids=lambda path: path.stem)
def test_the_scenes_of_the_product_are_documents_without_a_mistake(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    known = Known(programme(), frozenset(), {}, frozenset({"cafe", "bakery", "bookshop", "bistro"}))
    parsed = parse(document, identity=Identity(offer_id(1), 1, NOON), known=known)
    assert parsed.offer.name == path.stem
    assert not parsed.warnings


def test_there_are_four_scenes() -> None:
    assert [path.stem for path in OFFERS] == ["coffee-morning", "lunch-stamps", "rainy-books", "welcome-pretzel"]


def test_the_scene_has_no_night() -> None:
    given = settings_with()
    quiet = awake(given).quiet_hours
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert all(
        quiet_until(noon + timedelta(hours=hour), ZoneInfo("Europe/Berlin"), quiet.from_, quiet.to) is None
        for hour in range(24)
    )
    assert given.quiet_hours.from_ != given.quiet_hours.to
