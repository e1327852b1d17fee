"""Who did something: people by their names, programs as such."""

from __future__ import annotations

from uuid import UUID

from server.web.screens.authors import actors, signature


def test_who_wrote_it_is_a_person_or_a_program() -> None:
    people = {UUID(int=1): "Kim"}
    assert signature(f"user:{UUID(int=1)}", people, "de") == "Kim"
    assert signature(f"user:{UUID(int=2)}", people, "de") == "jemand"
    assert signature(f"key:{UUID(int=2)}", people, "en") == "a program"
    assert signature("system", people, "en") == "system"


def test_people_are_picked_out_of_those_who_did_something() -> None:
    assert actors([f"user:{UUID(int=1)}", f"key:{UUID(int=2)}", "system"]) == [UUID(int=1)]
