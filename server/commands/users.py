"""`kairos users`: people who may log in are added, and get in again who have lost the phone.

A one-time password is printed once, alone, on stdout.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, pool_for, read_settings, run
from server.commands.keys import ACTOR
from server.store import audit, second_factors, sessions, users
from server.web.passwords import Hasher, one_time_password
from server.web.users import LONGEST_NAME, is_address, is_name

app = typer.Typer(help="People who log in.", no_args_is_help=True)


class Role(StrEnum):
    """What a person may be."""

    MARKETER = "marketer"
    ANALYST = "analyst"
    ADMIN = "admin"
    COUNTER = "counter"


@app.command()
def create(
    email: Annotated[str, typer.Argument(help="The address to log in with.")],
    *,
    role: Annotated[list[Role], typer.Option(help="marketer, analyst, admin or counter; may be given again.")],
    name: Annotated[str | None, typer.Option(help="How to call them.")] = None,
    store: Annotated[UUID | None, typer.Option(help="The store of somebody at the counter.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Add a person and print a one-time password: it must be changed at the first log-in."""
    if (Role.COUNTER in role) != (store is not None):
        fail("role counter needs --store, and no other role has one")
    if not is_address(email):
        fail("this is not an e-mail address")
    if name is not None and not is_name(name):
        fail(f"--name has 1 to {LONGEST_NAME} characters that can be seen")

    async def work() -> str:
        password, hasher = one_time_password(), Hasher(queue=1)
        hashed = await hasher.hash(password)
        hasher.close()
        async with pool_for(read_settings(config, data_dir)) as pool, pool.transaction() as db:
            made = await users.create(
                db,
                email=email,
                name=name or email.partition("@")[0],
                roles=[str(one) for one in role],
                store_id=store,
                password_hash=hashed,
            )
            if made is None:
                fail("this address is taken, or there is no such store")
            await audit.record(db, actor=ACTOR, action="user.create", object=f"user:{made.id}", after=made.roles)
        return password

    log_to_stderr(quiet=True)
    typer.echo(run(work))


@app.command("reset-second-factor")
def reset_second_factor(
    email: Annotated[str, typer.Argument(help="The address they log in with.")],
    *,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Take somebody's second factor and recovery codes away, and end their log-ins: the password alone will do again."""

    async def work() -> None:
        async with pool_for(read_settings(config, data_dir)) as pool, pool.transaction() as db:
            found = await users.by_email(db, email=email)
            if found is None:
                fail("nobody has this address")
            if not await second_factors.remove(db, user_id=found):
                fail("there is no second factor to take away")
            await sessions.end_all(db, user_id=found)
            await audit.record(db, actor=ACTOR, action="user.second_factor.off", object=f"user:{found}")

    log_to_stderr(quiet=True)
    run(work)
