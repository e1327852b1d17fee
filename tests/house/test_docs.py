"""What the documents say is so: commands exist, links lead somewhere, files and settings are there, examples run."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from server.__main__ import COMMANDS as PROGRAM
from server.__main__ import app
from server.configuration import OPEN_TABLES
from server.decision.conditions import KINDS
from server.decision.reading import Known
from server.decision.rules import Identity, parse
from server.web.access import ACCESS, shape
from tests.builders import NOON, offer_id, programme
from tests.house.tree import ROOT, sources

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")],
    key=lambda page: str(page.relative_to(ROOT)),
)
TEXTS = {str(page.relative_to(ROOT)): page.read_text("utf-8") for page in PAGES}
STANDING = {name: text for name, text in TEXTS.items() if name != "CHANGELOG.md"}
"""Pages about what is there; the changelog also tells what is not."""

ADRS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
AN_ID = "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b"
FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)


def fenced(text: str, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(text) if language in languages]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """What stands in backticks outside of blocks."""
    return re.findall(r"`([^`\n]+)`", prose(text))


# --- commands -------------------------------------------------------------------------------------------------------


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        (name, target)
        for name, text in TEXTS.items()
        for place in (*spans(text), *fenced(text, "sh", "bash", ""))
        for target in re.findall(r"(?:^|\n)make ([a-z]+)", place)
    }
    assert {target for _, target in named} >= {"demo", "test"}
    assert not [(name, target) for name, target in named if target not in targets]


def kairos_lines(text: str) -> Iterator[str]:
    """Give the arguments of every `kairos …` of a page's shell blocks, also within $( … )."""
    for block in fenced(text, "sh", "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            for arguments in re.findall(r"(?:^|\$\(|&& )\s*kairos ([^)#|>;&]+)", line):
                yield arguments.strip()


COMMANDS = sorted({(name, line) for name, text in TEXTS.items() for line in kairos_lines(text)})


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_every_command_line_is_understood(page: str, line: str) -> None:
    words = shlex.split(re.sub(r"\$\{?[A-Z]+\}?", AN_ID, line))
    assert parsed(words).name in words


def parsed(words: list[str]) -> Any:
    """Parse as the program would, do nothing, and give the command: unknown commands, options and kinds of values raise."""
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        name, *words = words
        context = command.make_context("kairos", [], resilient_parsing=True)
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command = found
    assert command.make_context("kairos", words).command is command
    return command


def test_every_command_of_the_program_is_named_in_the_readme_or_operations_or_changelog() -> None:
    said = "\n".join(TEXTS[page] for page in ("README.md", "docs/operations.md", "CHANGELOG.md", "docs/api.md"))
    assert not [name for name in PROGRAM if not re.search(rf"(kairos |`){name}\b", said)]


def test_commands_in_prose_exist_too() -> None:
    named = {
        (page, words[1])
        for page, text in STANDING.items()
        for span in spans(text)
        if len(words := span.split()) > 1 and words[0] == "kairos"
    }
    assert not [(page, word) for page, word in named if word not in PROGRAM]


# --- links, files, settings, routes ---------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found.read_text("utf-8"))):
            broken.append(target)
    assert not broken


PATH_LIKE = re.compile(r"(?:server|passes|config|tests|docs|bench)/[\w./-]*\w")


@pytest.mark.parametrize("page", STANDING)
def test_every_file_that_is_named_exists(page: str) -> None:
    named = {span for span in spans(TEXTS[page]) if PATH_LIKE.fullmatch(span)}
    assert not sorted(path for path in named if not (ROOT / path).exists())


def test_the_street_names_files_of_every_floor() -> None:
    named = {span for span in spans(TEXTS["docs/street.md"]) if PATH_LIKE.fullmatch(span)}
    floors = {"/".join(path.split("/")[:2]) for path in named if path.startswith("server/")}
    for floor in ("web", "jobs", "pipeline", "signals", "decision", "store", "wallet", "model"):
        assert f"server/{floor}" in floors


SETTINGS = tomllib.loads((ROOT / "config" / "default.toml").read_text("utf-8"))
ROOMS = {path.relative_to(ROOT / "server").parts[0].removesuffix(".py") for path in sources() if "server" in path.parts}


def is_setting(dotted: str) -> bool:
    section, _, key = dotted.partition(".")
    return key in SETTINGS.get(section, {}) or key == "*" or any(dotted.startswith(f"{free}.") for free in OPEN_TABLES)


@pytest.mark.parametrize("page", STANDING)
def test_every_setting_that_is_named_exists(page: str) -> None:
    sections = [name for name, value in SETTINGS.items() if isinstance(value, dict)]
    wanted = re.compile(rf"(?:{'|'.join(sections)})\.(?!py$)[a-z_*][a-z_.]*")
    named = {found for span in spans(TEXTS[page]) for found in [span.partition(" =")[0]] if wanted.fullmatch(found)}
    modules = {name for name in named if name.startswith("server.") and name.split(".")[1] in ROOMS}
    assert not sorted(name for name in named - modules if not is_setting(name))


@pytest.mark.parametrize("page", TEXTS)
def test_every_setting_of_the_environment_that_is_named_exists(page: str) -> None:
    for name in re.findall(r"KAIROS__([A-Z_]+[A-Z])", TEXTS[page]):
        dotted = name.lower().replace("__", ".")
        assert dotted in SETTINGS or is_setting(dotted) or dotted == "section.key", name


@pytest.mark.parametrize("page", STANDING)
def test_settings_files_in_the_pages_hold_settings_only(page: str) -> None:
    for block in fenced(TEXTS[page], "toml"):
        for section, value in tomllib.loads(re.sub(r"^ {3}", "", block, flags=re.MULTILINE)).items():
            assert section in SETTINGS
            for key in value if isinstance(value, dict) else ():
                assert is_setting(f"{section}.{key}"), f"{section}.{key}"


ROUTES = {shape(*route) for route in ACCESS} | {("GET", "/metrics")}


@pytest.mark.parametrize("page", STANDING)
def test_every_route_that_is_named_exists(page: str) -> None:
    named = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?\s]*)", prose(TEXTS[page]))
    assert not [route for route in named if shape(*route) not in ROUTES]


def test_every_metric_that_is_named_exists() -> None:
    known = "\n".join(path.read_text("utf-8") for path in sources())
    named = set(re.findall(r"`(kairos_[a-z_]+)`", TEXTS["docs/operations.md"])) - {
        "kairos_owner",
        "kairos_app",
        "kairos_readonly",
    }
    assert named
    assert not sorted(name for name in named if f'"{name}"' not in known)
    made = set(re.findall(r"\"(kairos_[a-z]+_[a-z_]+)\"", known)) - {"kairos_owner", "kairos_app", "kairos_readonly"}
    assert not sorted(made - named), "metrics that operations.md does not name"


# --- what each page owes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_condition_is_in_the_page_about_adding_one(name: str) -> None:
    assert f"`{name}`" in TEXTS["docs/adding.md"]


def test_every_condition_file_is_in_the_page_about_adding_one() -> None:
    files = {path.name for path in (ROOT / "server" / "decision" / "conditions").glob("[a-z]*.py")}
    assert not sorted(name for name in files if f"`{name}`" not in TEXTS["docs/adding.md"])


QUOTE = re.compile(r"^[ ]*\*\*`([^`]+)`\*\*\n+([ ]*)```\w*\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)
QUOTES = [
    (path, "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True)))
    for path, indent, body in QUOTE.findall(TEXTS["docs/adding.md"])
]


def test_the_page_about_adding_quotes_the_code() -> None:
    assert len(QUOTES) >= 10


@pytest.mark.parametrize(("path", "body"), QUOTES, ids=[f"{n}-{path}" for n, (path, _) in enumerate(QUOTES)])
def test_what_is_quoted_stands_in_the_file_as_it_is(path: str, body: str) -> None:
    assert body in (ROOT / path).read_text("utf-8")


def test_the_offer_in_the_page_about_adding_is_taken() -> None:
    [document] = fenced(TEXTS["docs/adding.md"], "json")
    parsed = parse(json.loads(document), identity=Identity(offer_id(1), 1, NOON), known=Known(programme()))
    assert parsed.offer.name == json.loads(document)["name"]


def test_every_table_is_in_the_page_about_privacy() -> None:
    schema = "\n".join(path.read_text("utf-8") for path in (ROOT / "server" / "store" / "schema").glob("*.sql"))
    tables = {*re.findall(r"CREATE TABLE (\w+)", schema), "migrations"}
    assert not sorted(table for table in tables if f"`{table}`" not in TEXTS["docs/privacy.md"])


def test_decisions_are_numbered_and_begin_with_the_pain() -> None:
    numbers = [int(path.name[:4]) for path in ADRS]
    assert numbers == list(range(1, len(ADRS) + 1))
    for path in ADRS:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert heads[0] == "The pain", path.name
        assert "What it costs" in heads, path.name
        assert len(text.splitlines()) <= 80, f"{path.name} is longer than a page"


def test_the_changelog_keeps_its_form() -> None:
    text = TEXTS["CHANGELOG.md"]
    assert "## [Unreleased]" in text
    assert "### Not yet" in text
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert version in text


def test_no_page_names_a_machine_or_an_index_of_packages() -> None:
    private = re.compile(r"/home/\w|/Users/\w|index-url|trusted-host|/simple/")
    assert not [name for name, text in TEXTS.items() if private.search(text)]


# --- what runs --------------------------------------------------------------------------------------------------------


ALONE = """
import importlib, importlib.abc, pkgutil, runpy, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {*sys.stdlib_module_names, "passes", "cryptography", "cffi", "_cffi_backend"}:
            raise ModuleNotFoundError(f"{name} is not part of the library, nor of what it may need")

sys.meta_path.insert(0, Blocked())
sys.path.insert(0, sys.argv[1])
import passes
for module in pkgutil.walk_packages(passes.__path__, "passes."):
    importlib.import_module(module.name)
runpy.run_path(sys.argv[2])
"""
"""Runs a script where every package but cryptography is missing, after each file of the library was imported."""


def test_the_readmes_example_of_the_library_runs_with_cryptography_and_nothing_else(tmp_path: Path) -> None:
    [example] = fenced(TEXTS["README.md"], "python")
    said = [line for line in example.splitlines() if line and not line.startswith("from ")]
    assert len(said) <= 10
    script = tmp_path / "example.py"
    script.write_text(example, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-P", "-c", ALONE, ROOT, script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("page", STANDING)
def test_modules_that_examples_import_exist(page: str) -> None:
    for block in fenced(TEXTS[page], "python", "sh"):
        for name in re.findall(r"^from ((?:server|passes)[\w.]*) import", block, re.MULTILINE):
            assert importlib.util.find_spec(name), name


@pytest.fixture
async def house(data_dir: Path) -> AsyncIterator[dict[str, str]]:
    """A server as `kairos serve` starts it, in a data folder of its own; gives the environment of a shell beside it."""
    folder = Path(sys.executable).parent
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KAIROS__")}
    environment |= {
        "KAIROS__DATA_DIR": str(data_dir),
        "KAIROS__SERVER__METRICS_PORT": "-1",
        "PATH": f"{folder}{os.pathsep}{environment['PATH']}",
    }
    log = data_dir / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [folder / "kairos", "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=sink, text=True
        )
    with process:
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 60)
            assert line.startswith("listening on "), log.read_text("utf-8")
            yield {**environment, "H": line.removeprefix("listening on ").strip()}
        finally:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, 30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def run_shell(script: str, *, folder: Path, environment: dict[str, str]) -> str:
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


async def test_the_walks_of_readme_and_api_run_as_they_stand(house: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config").symlink_to(ROOT / "config")
    short = next(block for block in fenced(TEXTS["README.md"], "sh") if "curl" in block)
    said = await asyncio.to_thread(
        run_shell, short.replace("H=http://127.0.0.1:8080", f"H={house['H']}"), folder=tmp_path, environment=house
    )
    assert '"radius_m":120' in said
    assert '"token":"kc_' in said
    long = "\n".join(fenced(TEXTS["docs/api.md"].partition("## A walk")[2], "sh")).replace(
        '"$(cat config/offers/welcome-pretzel.json)"',
        "\"$(sed 's/welcome-pretzel/another-pretzel/' config/offers/welcome-pretzel.json)\"",
    )
    said = await asyncio.to_thread(run_shell, long, folder=tmp_path, environment=house)
    assert re.search(r"201\s+0\s", said), said
    assert re.search(r"\{.*already_redeemed.*\} refused", said), said
    assert '"by":"offer"' in said
    assert re.search(r"}show\s", said), said
    assert re.search(r'"order_id":"W-20931".*\{"accepted":1,"duplicates":0,"rejected":\[\]\}\s*$', said), said
    assert (tmp_path / "pass.pkpass").read_bytes().startswith(b"PK")
