"""The tests mirror the tree: whoever changes a file finds its tests by its path."""

from __future__ import annotations

from pathlib import Path

from tests.house.tree import ROOT, sources

NO_TEST_OF_ITS_OWN = {
    "server/model": "values without behaviour; their few functions are tested in tests/model where they have any",
    "server/errors.py": "a tree of names, judged by tests/web/test_middleware.py",
    "server/settings.py": "a shape, judged by tests/test_configuration.py",
    "server/settings_out.py": "a part of it",
    "server/settings_pages.py": "a part of it",
}


def _expected(path: Path) -> Path:
    relative = path.relative_to(ROOT)
    inside = Path(*relative.parts[1:]) if relative.parts[0] == "server" else relative
    return ROOT / "tests" / inside.parent / f"test_{inside.name}"


def _is_excused(path: Path) -> bool:
    relative = str(path.relative_to(ROOT))
    return path.name == "__init__.py" or any(relative.startswith(excused) for excused in NO_TEST_OF_ITS_OWN)


def test_every_source_file_has_its_test_file() -> None:
    missing = [
        str(path.relative_to(ROOT)) for path in sources() if not _is_excused(path) and not _expected(path).exists()
    ]
    assert not missing


def test_the_excused_files_still_exist() -> None:
    assert all((ROOT / excused).exists() for excused in NO_TEST_OF_ITS_OWN)
