"""`kairos passes`: what is done to many passes at once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final
from uuid import UUID

import typer

from server.commands.house import ConfigOption, DataDirOption, fail, log_to_stderr, pool_for, read_settings, run
from server.errors import NotFound
from server.pipeline import pass_jobs
from server.store import audit, offers
from server.store import pass_jobs as jobs
from server.store.pool import Pool

app = typer.Typer(help="Passes: sign all anew.", no_args_is_help=True)

ACTOR: Final = "command line"
_LOOK_S: Final = 0.5


@app.callback()
def passes() -> None:
    """Keep this a group: there is one command as yet."""


@app.command()
def resign(
    *,
    offer: Annotated[str | None, typer.Option(help="Only this offer's passes, by its name.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay until all were gone through, and tell how far it is.")
    ] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Have every pass in a wallet fetched anew, signed by the certificate in force: after a change of certificate.

    A running server goes through them in small portions, and their wallets are told as after any change.
    """

    async def work() -> None:
        async with pool_for(read_settings(config, data_dir)) as pool:
            job = await begin(pool, offer=offer)
            typer.echo(str(job))
            if wait:
                await watch(pool, job)

    log_to_stderr(quiet=True)
    run(work)


async def begin(pool: Pool, *, offer: str | None) -> UUID:
    """Begin the job, with its entry in the audit; raises NotFound for an offer that there is not."""
    async with pool.transaction() as db:
        offer_id = None
        if offer is not None:
            offer_id = await offers.named(db, name=offer)
            if offer_id is None:
                raise NotFound(f"There is no offer {offer!r}.")
        job = await pass_jobs.resign(db, offer_id=offer_id, by=ACTOR)
        await audit.record(
            db,
            actor=ACTOR,
            action="passes.resign",
            object=f"offer:{offer_id}" if offer_id else "passes",
            after=str(job),
        )
    return job


async def watch(pool: Pool, job: UUID) -> None:
    """Tell how far a job is, whenever it went on, until it is over."""
    told = ""
    while True:
        async with pool.acquire() as db:
            found = await jobs.find(db, job_id=job)
        if found is None or found.state == "replaced":
            fail("another one has taken its place")
        line = f"{found.state}: {found.looked} of {'…' if found.total is None else found.total}"
        if line != told:
            typer.echo(told := line, err=True)
        if found.state == "done":
            return
        await asyncio.sleep(_LOOK_S)
