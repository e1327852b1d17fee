"""A server process is believed when it is seen, not when a file says so."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from server.errors import Misconfigured
from server.store import postmaster
from server.store.embedded import Embedded
from server.store.postmaster import Notice
from server.store.program import Account, installed


def write_notice(folder: Path, *, pid: int, sockets: Path | str = "", status: str = "ready   ") -> None:
    lines = [str(pid), str(folder), "1763860000", "5432", str(sockets), "", "  1234567    89", status]
    (folder / "postmaster.pid").write_text("\n".join(lines) + "\n")


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(30)
    return process.pid


@pytest.fixture
def folder() -> Path:
    """Where the run's own server works."""
    return Path(os.environ["KAIROS_TEST_HOME"]) / "postgres" / "cluster"


def test_no_file_half_a_file_and_a_strange_file_are_no_notice(tmp_path: Path) -> None:
    assert postmaster.notice(tmp_path) is None
    for text in ("", "123\n/somewhere\n", "x\n/somewhere\n1\n5432\n/run\n"):
        (tmp_path / "postmaster.pid").write_text(text)
        assert postmaster.notice(tmp_path) is None


def test_a_notice_is_read_as_postgres_writes_it(tmp_path: Path) -> None:
    write_notice(tmp_path, pid=77, sockets="/run/a b")
    assert postmaster.notice(tmp_path) == Notice(77, 5432, "/run/a b", "", True)
    write_notice(tmp_path, pid=77, status="starting")
    assert postmaster.notice(tmp_path) == Notice(77, 5432, "", "", False)


@pytest.mark.parametrize("pid", [dead_pid, os.getpid, lambda: 2**22], ids=["dead", "another program", "no such"])
def test_a_number_without_a_postgres_behind_it_is_no_server(tmp_path: Path, pid: Callable[[], int]) -> None:
    write_notice(tmp_path, pid=pid())
    assert postmaster.running(tmp_path) is None


async def test_a_living_server_is_seen_and_is_not_taken_for_that_of_a_copied_folder(
    cluster: Embedded, folder: Path, tmp_path: Path
) -> None:
    found = postmaster.running(folder)
    assert found
    assert found.ready
    assert cluster.running
    write_notice(tmp_path, pid=found.pid)
    assert postmaster.running(tmp_path) is None
    postmaster.halt(tmp_path)
    assert cluster.running, "halting the copy leaves the original alone"


async def test_a_server_without_a_process_here_is_believed_when_it_answers(tmp_path: Path) -> None:
    """Two containers on one data folder: neither sees the other's processes, but both see the socket."""
    write_notice(tmp_path, pid=dead_pid(), sockets=tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ".s.PGSQL.5432"))
        listener.listen()
        assert postmaster.running(tmp_path)
    assert postmaster.running(tmp_path) is None


async def test_only_processes_of_the_folder_s_own_server_are_counted_as_its_children(
    cluster: Embedded, folder: Path, tmp_path: Path
) -> None:
    found = postmaster.running(folder)
    assert found
    theirs = {process.pid for process in postmaster.orphans(folder)}
    assert found.pid in theirs
    for pid in theirs - {found.pid}:
        with contextlib.suppress(psutil.NoSuchProcess):  # backends come and go
            assert psutil.Process(pid).ppid() == found.pid
    assert os.getpid() not in theirs
    assert postmaster.orphans(tmp_path) == []


def test_a_stranger_that_works_in_the_folder_is_never_one_of_its_processes(tmp_path: Path) -> None:
    code = "import sys; print('here', flush=True); sys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stranger:
        assert stranger.stdout
        assert stranger.stdout.readline() == "here\n"
        assert postmaster.orphans(tmp_path) == []
        stranger.communicate("\n", timeout=30)
    assert stranger.returncode == 0


def test_the_remains_of_a_dead_server_are_removed(tmp_path: Path) -> None:
    sockets = tmp_path / "run"
    sockets.mkdir()
    write_notice(tmp_path, pid=dead_pid(), sockets=sockets)
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock", "other"):
        (sockets / name).touch()
    postmaster.clear_remains(tmp_path, sockets)
    assert postmaster.notice(tmp_path) is None
    assert [path.name for path in sockets.iterdir()] == ["other"]


def test_a_program_runs_apart_from_us_and_says_its_words_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nonexistent")
    output = tmp_path / "said"
    code = "import os, sys; print(os.getsid(0), os.environ.get('PGDATA'), os.environ['LC_ALL']); sys.exit(3)"
    assert postmaster.call([sys.executable, "-c", code], account=None, output=output) == 3
    session, *rest = output.read_text().split()
    assert int(session) != os.getsid(0)
    assert rest == ["None", "C"]


def test_an_account_that_may_not_be_taken_on_is_told_in_a_sentence(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        tool = tmp_path / "tool"
        tool.touch(mode=0o600)
        account = Account("nobody", 65534, 65534)
    else:
        tool, account = Path(sys.executable), Account("root", 0, 0)
    with pytest.raises(Misconfigured, match=f"as the account {account.name}"):
        postmaster.call([str(tool)], account=account, output=tmp_path / "said")


def test_a_lock_is_held_by_the_program_that_was_given_it(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as lock:
        code = f"import os; os.fstat({lock.fileno()}); print('held')"
        output = tmp_path / "said"
        assert postmaster.call([sys.executable, "-c", code], account=None, output=output, hold=[lock.fileno()]) == 0
        assert output.read_text() == "held\n"
        assert postmaster.call([sys.executable, "-c", code], account=None, output=output) != 0


def test_the_tools_of_the_wheel_say_the_version_of_the_wheel(tmp_path: Path) -> None:
    output = tmp_path / "said"
    assert postmaster.call([installed().tool("postgres"), "--version"], account=None, output=output) == 0
    assert f"PostgreSQL) {installed().major}." in output.read_text()
