"""The house's measures: what stays small stays readable."""

from __future__ import annotations

import re

from tests.house.tree import ROOT, contents, sources, written_tests


def test_no_file_is_longer_than_300_lines() -> None:
    long = {str(path.relative_to(ROOT)): n for path in sources() if (n := len(path.read_text().splitlines())) > 300}
    assert not long


def test_no_function_is_longer_than_40_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{each.line} {each.name}"
        for path in sources()
        for each in contents(path).functions
        if each.lines > 40
    ]
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [str(path.relative_to(ROOT)) for path in sources() if not contents(path).docstring]
    assert not silent


def test_nothing_is_left_unfinished() -> None:
    unfinished = re.compile(r"NotImplementedError|\bTODO\b|\bFIXME\b|\bXXX\b|\bfor now\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if unfinished.search(line)
    ]
    assert not found


def test_no_class_has_a_name_that_says_nothing() -> None:
    empty = re.compile(r"(Manager|Service|Helper|Util|Impl)$|^(Base|Abstract)[A-Z]")
    found = [
        f"{path.relative_to(ROOT)} {name}"
        for path in sources()
        for name in contents(path).classes
        if empty.search(name)
    ]
    assert not found


def test_there_is_more_test_than_source() -> None:
    def lines(paths: list) -> int:
        return sum(len(path.read_text().splitlines()) for path in paths)

    assert lines(written_tests()) >= 1.3 * lines(sources())


def test_every_ignored_lint_of_a_line_names_its_rule() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"#\s*noqa(?!:)|#\s*type:\s*ignore(?!\[)", line)
    ]
    assert not bare


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in written_tests()
        if path.name != "test_measures.py"
        and re.search(r"mark\.(skip|skipif|xfail)\b|pytest\.skip\(|importorskip", path.read_text())
    ]
    assert not found
