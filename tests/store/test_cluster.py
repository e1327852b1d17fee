"""The cluster folder: what is written into it, who may read it, and how its databases are addressed."""

from __future__ import annotations

import hashlib
import hmac
import socket
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Misconfigured
from server.store import cluster
from server.store.cluster import Address, Home
from server.store.embedded import Embedded
from server.store.memory import available, buffers_mb
from server.store.postmaster import Notice
from server.store.program import Program


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A folder with a secret and an empty cluster in it."""
    home = Home(tmp_path)
    home.secret.touch(mode=0o600)
    home.secret.write_bytes(b"s" * 32)
    home.cluster.mkdir()
    (home.cluster / "postgresql.conf").write_text("max_connections = 100\n")
    home.sockets.mkdir()
    return home


def settings(home: Home) -> dict[str, str]:
    lines = (home.cluster / "kairos.conf").read_text().splitlines()
    pairs = [line.split("#")[0].split(" = ", 1) for line in lines if " = " in line.split("#")[0]]
    return {name.strip(): value.strip() for name, value in pairs}


def test_each_role_has_its_own_password_derived_from_the_one_secret(home: Home) -> None:
    roles: tuple[cluster.Role, ...] = ("postgres", "kairos_owner", "kairos_app", "kairos_readonly")
    passwords = [cluster.password(home, role) for role in roles]
    assert len(set(passwords)) == 4
    assert passwords[1] == hmac.digest(b"s" * 32, b"kairos_owner", hashlib.sha256).hex()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_may_read_is_refused(home: Home, mode: int) -> None:
    home.secret.chmod(mode)
    with pytest.raises(Misconfigured, match="chmod 600"):
        cluster.password(home, "kairos_owner")


@given(folder=st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40))
def test_any_folder_can_be_written_as_an_address_and_read_again(
    folder: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home(tmp_path_factory.getbasetemp())
    home.secret.touch(mode=0o600)
    written = urlsplit(cluster.dsn(home, Address(f"/{folder}", 5432), role="kairos_app", database="t/1 ?"))
    assert written.username == "kairos_app"
    assert unquote(written.path) == "/t/1 ?"
    assert parse_qs(written.query) == {"host": [f"/{folder}"], "port": ["5432"]}


def test_the_address_of_a_server_is_its_socket_folder_or_else_its_ip() -> None:
    assert cluster.address_of(Notice(1, 5432, "/run/x", "", True)) == ("/run/x", 5432)
    assert cluster.address_of(Notice(1, 40001, "", "127.0.0.1", True)) == ("127.0.0.1", 40001)


def test_settings_are_written_anew_at_each_start_and_included_once(home: Home) -> None:
    for _ in range(3):
        cluster.configure(home, account=None)
    assert (home.cluster / "postgresql.conf").read_text().count("kairos.conf") == 1
    written = settings(home)
    assert [written[name] for name in ("fsync", "full_page_writes", "synchronous_commit")] == ["on"] * 3
    assert written["shared_buffers"] == f"'{buffers_mb(available())}MB'"
    cluster.configure(home._replace(buffers_mb=48), account=None)
    assert settings(home)["shared_buffers"] == "'48MB'"
    assert written["listen_addresses"] == "''"
    assert written["unix_socket_directories"] == f"'{home.sockets}'"
    assert list(home.sockets.iterdir()) == [], "the trial socket is gone"


@pytest.mark.parametrize("name", ["x" * 100, "with,comma", 'with"quote'])
def test_where_a_socket_cannot_be_a_free_port_on_loopback_is_taken_and_kept(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path / name)
    home.cluster.mkdir(parents=True)
    home.sockets.mkdir()
    (home.cluster / "postgresql.conf").touch()
    cluster.configure(home, account=None)
    first = settings(home)
    assert first["listen_addresses"] == "'127.0.0.1'"
    assert first["unix_socket_directories"] == "''"
    cluster.configure(home, account=None)
    assert settings(home)["port"] == first["port"]
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", int(first["port"])))
        rival.listen()
        cluster.configure(home, account=None)
        assert settings(home)["port"] != first["port"]


def test_a_folder_of_another_major_version_or_without_one_is_refused(home: Home) -> None:
    with pytest.raises(Misconfigured, match="not a whole PostgreSQL folder"):
        cluster.check_major(home, Program(Path("/x"), "18.6.3"))
    (home.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(Misconfigured, match=r"PostgreSQL 17.*18\.6\.3"):
        cluster.check_major(home, Program(Path("/x"), "18.6.3"))
    cluster.check_major(home, Program(Path("/x"), "17.1"))


async def test_the_roles_are_no_superusers_and_only_the_owner_makes_databases(cluster: Embedded) -> None:
    db = await asyncpg.connect(cluster.dsn)
    try:
        rows = await db.fetch(
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname ~ '^kairos_'"
        )
        assert {row["rolname"]: tuple(row)[1:] for row in rows} == {
            "kairos_owner": (False, True, False),
            "kairos_app": (False, False, False),
            "kairos_readonly": (False, False, False),
        }
    finally:
        await db.close()


async def test_the_log_tells_no_values_of_rows(cluster: Embedded) -> None:
    db = await asyncpg.connect(cluster.dsn)
    try:
        assert await db.fetchval("SHOW log_error_verbosity") == "terse"
        assert await db.fetchval("SHOW log_parameter_max_length_on_error") == "0"
    finally:
        await db.close()
