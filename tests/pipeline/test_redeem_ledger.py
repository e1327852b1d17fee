"""The ledger adds up: any journey of redemptions, reversals, holds, voids and expiries agrees with a model in Python.

The model is a few dictionaries without a clock: what the database says after each step must be what it says.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from server.errors import Refusal
from server.pipeline import redeem, voiding
from server.store import passes
from server.store.pool import Connection
from server.store.redemptions import Till
from tests.counter_rows import NO_PURCHASE, Scene, set_scene

WINDOW = timedelta(minutes=15)
TILLS = ("key:a", "key:b", "key:c")


@dataclass
class Twin:
    """What a pass should be."""

    scene: Scene
    uses: int
    left: int
    state: Literal["active", "redeemed", "expired", "voided"] = "active"
    held_by: str | None = None
    made: list[UUID] = field(default_factory=list)
    given_back: set[UUID] = field(default_factory=set)


class Ledger(RuleBasedStateMachine):
    """Three passes of one to three uses, three tills of each store, an admin, and time that ends a pass by hand."""

    dsn = ""
    folder = Path()
    lived: ClassVar[set[str]] = set()
    """What came of passes, over all journeys."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.db: Connection = self.run(asyncpg.connect(self.dsn))
        self.twins: list[Twin] = []

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize(uses=st.lists(st.integers(1, 3), min_size=3, max_size=3))
    def issue(self, uses: list[int]) -> None:
        for count in uses:
            scene = self.run(set_scene(self.db, self.folder, uses=count))
            self.twins.append(Twin(scene, count, count))

    def within(self, work: Any) -> Any:
        """Do it in a transaction; a refusal is its code."""

        async def do() -> Any:
            try:
                async with self.db.transaction():
                    return await work()
            except Refusal as refusal:
                return refusal.reason

        return self.run(do())

    def expected(self, twin: Twin, till: str) -> str | None:
        if twin.state != "active":
            return {"redeemed": "already_redeemed"}.get(twin.state, twin.state)
        return "held" if twin.held_by not in (None, till) else None

    @rule(which=st.integers(0, 2), till=st.sampled_from(TILLS))
    def redeem(self, which: int, till: str) -> None:
        twin = self.twins[which]
        by = Till(twin.scene.store_id, till, 30)
        told = self.within(lambda: redeem.redeem(self.db, serial=twin.scene.serial, till=by, purchase=NO_PURCHASE))
        wanted = self.expected(twin, till)
        if wanted is not None:
            assert told == wanted
            return
        twin.left -= 1
        twin.held_by = None
        twin.state = "active" if twin.left else "redeemed"
        assert (told.serial, told.uses_left) == (twin.scene.serial, twin.left)
        twin.made.append(told.id)

    @rule(which=st.integers(0, 2), till=st.sampled_from(TILLS))
    def hold(self, which: int, till: str) -> None:
        twin = self.twins[which]
        by, minutes = Till(twin.scene.store_id, till, 30), timedelta(minutes=5)
        checked = self.within(
            lambda: redeem.check(self.db, serial=twin.scene.serial, till=by, purchase=NO_PURCHASE, hold=minutes)
        )
        wanted = self.expected(twin, till)
        assert (checked.refusal.reason if checked.refusal else None) == wanted
        if wanted is None:
            twin.held_by = till

    @precondition(lambda self: any(twin.made for twin in self.twins))
    @rule(data=st.data(), admin=st.booleans())
    def reverse(self, data: st.DataObject, admin: bool) -> None:
        twin = data.draw(st.sampled_from([twin for twin in self.twins if twin.made]))
        identifier = data.draw(st.sampled_from(twin.made))
        told = self.within(
            lambda: redeem.reverse(
                self.db,
                redemption_id=identifier,
                store_id=None if admin else twin.scene.store_id,
                window=WINDOW,
                actor="key:a",
                reason="model",
            )
        )
        if identifier in twin.given_back:
            assert told == "already_reversed"
            return
        twin.given_back.add(identifier)
        twin.left += 1
        twin.state = "active" if twin.state == "redeemed" else twin.state
        assert told.uses_left == twin.left

    @rule(which=st.integers(0, 2))
    def void(self, which: int) -> None:
        twin = self.twins[which]
        told = self.within(
            lambda: voiding.void(
                self.db, serial=twin.scene.serial, reason="model", actor="user:boss", address=None, request_id=None
            )
        )
        if twin.state == "active":
            twin.state, twin.held_by = "voided", None
        else:
            wanted = {"voided": "already_voided", "redeemed": "already_redeemed", "expired": "expired"}
            assert told == wanted[twin.state]

    @rule(which=st.integers(0, 2))
    def expire(self, which: int) -> None:
        """Its time passes, and the job runs: over all three, of which only this one is due."""
        twin = self.twins[which]
        self.run(
            self.db.execute("UPDATE passes SET valid_until = clock_timestamp() WHERE serial = $1", twin.scene.serial)
        )
        now = self.run(self.db.fetchval("SELECT clock_timestamp()"))
        ended = self.within(lambda: passes.expire(self.db, now=now, limit=100))
        assert ended == (1 if twin.state == "active" else 0)
        if twin.state == "active":
            twin.state, twin.held_by = "expired", None
        elif twin.state == "redeemed":  # a reversal shall find it in time again
            self.run(self.db.execute("UPDATE passes SET valid_until = NULL WHERE serial = $1", twin.scene.serial))

    @invariant()
    def the_rows_are_the_models(self) -> None:
        for twin in self.twins:
            row = self.run(self.db.fetchrow("SELECT * FROM passes WHERE serial = $1", twin.scene.serial))
            assert (row["state"], row["uses_left"], row["uses_made"]) == (twin.state, twin.left, len(twin.made))
            assert row["held_by"] == twin.held_by

    @invariant()
    def the_ledger_adds_up(self) -> None:
        for twin in self.twins:
            serial, moment = twin.scene.serial, twin.scene.moment_id
            made = self.run(
                self.db.fetch("SELECT id, use_no FROM redemptions WHERE serial = $1 ORDER BY use_no", serial)
            )
            back = self.run(self.db.fetch("SELECT redemption_id FROM reversals WHERE serial = $1", serial))
            assert [row["id"] for row in made] == twin.made
            assert [row["use_no"] for row in made] == list(range(1, len(made) + 1))
            assert {row["redemption_id"] for row in back} == twin.given_back
            assert twin.uses == twin.left + len(made) - len(back)
            told = "SELECT coalesce(sum(delta), 0), coalesce(sum(delta * value_minor), 0) FROM funnel_facts "
            count, value = self.run(self.db.fetchrow(told + "WHERE step = 'redeemed' AND moment_id = $1", moment))
            assert (count, value) == (len(made) - len(back), 250 * (len(made) - len(back)))
            known = self.run(
                self.db.fetch("SELECT id FROM customer_events WHERE customer_id = $1", twin.scene.customer_id)
            )
            assert {row["id"] for row in known} == set(twin.made) - twin.given_back

    def teardown(self) -> None:
        self.lived.update({"redeemed", "given back"} if any(twin.given_back for twin in self.twins) else ())
        self.lived.update(twin.state for twin in self.twins)
        self.run(self.db.close())
        self.runner.close()


def test_every_journey_of_the_ledger_agrees_with_the_model(shared_dsn: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lived: set[str] = set()
        machine = type("Here", (Ledger,), {"dsn": shared_dsn, "folder": Path(folder), "lived": lived})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=20,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
                derandomize=True,
            ),
        )
    assert lived == {"active", "redeemed", "given back", "voided", "expired"}
