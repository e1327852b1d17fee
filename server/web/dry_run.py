"""Dry runs: one decision on a stated context, by the code that decides live fixes, with nothing written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.decision.decide import Verdict
from server.decision.finding import Finding, Gate
from server.pipeline.rehearse import Rehearsal, rehearse, rehearse_offer
from server.store.moments import shown_of
from server.web.call import Call
from server.web.desk_words import say
from server.web.door import door
from server.web.languages import Language
from server.web.moments import MomentAnswer, told
from server.web.stated import DryRun, read_stated

EXAMPLE: Final = {
    "at": "2026-10-25T00:30:00Z",
    "fix": {"lat": 52.52003, "lon": 13.40489, "accuracy_m": 9, "captured_at": "2026-10-25T00:29:50Z"},
    "weather": {"kind": "rain", "temperature_c": 6.1, "observed_at": "2026-10-25T00:15:00Z"},
    "foreground": True,
}


class DryRunQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """With a language every reason is also `said` in it."""

    language: Language | None = None


class TransitionAnswer(msgspec.Struct, frozen=True):
    """What the fix did to a fence."""

    geofence_id: UUID
    type: Literal["enter", "exit", "dwell_pending"]
    p_inside: float


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of the offer by itself, in the order of the gates, whichever gate stopped it."""

    gate: str
    truth: Literal["holds", "fails", "unknown"]
    reason: str
    values: Mapping[str, Any]
    said: str | msgspec.UnsetType = msgspec.UNSET


class Judged(msgspec.Struct, frozen=True):
    """One offer that was looked at, and what stopped it (or would have waited, or lost)."""

    offer: str
    gate: str | None
    truth: Literal["holds", "fails", "unknown"]
    reason: str
    values: Mapping[str, Any]
    said: str | msgspec.UnsetType = msgspec.UNSET


class DryRunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What would have been. `gate` null: nothing stopped it. `held_until`: it would be asked again then.

    `parts` answers for each condition of the offer's `if`.
    """

    outcome: Literal["show", "held_out", "none"]
    offer: str | None
    gate: str | None
    truth: Literal["holds", "fails", "unknown"]
    reason: str
    values: Mapping[str, Any]
    transitions: list[TransitionAnswer]
    local_time: str
    zone: str
    moment: MomentAnswer | None
    dwell_due: datetime | None
    held_until: datetime | None
    parts: list[Part]
    said: str | msgspec.UnsetType = msgspec.UNSET


class AllAnswer(DryRunAnswer, frozen=True, kw_only=True):
    """A dry run over all live offers; `others` lists those that were looked at beside the winner."""

    others: list[Judged]


def _said(reason: str, language: Language | None) -> str | msgspec.UnsetType:
    return msgspec.UNSET if language is None else say(reason, language)


def _judged(verdict: Verdict, language: Language | None) -> Judged:
    found = verdict.finding
    said = _said(found.reason, language)
    return Judged(verdict.offer.label, found.gate.value, found.truth.value, found.reason, found.values, said)


def _part(found: Finding, language: Language | None) -> Part:
    return Part(
        gate=found.gate.value,
        truth=found.truth.value,
        reason=found.reason,
        values=found.values,
        said=_said(found.reason, language),
    )


def _fields(done: Rehearsal, *, at: datetime, offer: str | None, language: Language | None) -> dict[str, Any]:
    finding, chosen = done.finding, done.chosen
    reason = finding.reason if finding is not None else "There is no live offer."
    held = chosen.hold_until if chosen is not None else None
    outcome = "none" if chosen is None or held is not None else "held_out" if chosen.held_out else "show"
    return {
        "outcome": outcome,
        "offer": offer,
        "gate": done.gate.value if isinstance(done.gate, Gate) else None,
        "truth": finding.truth.value if finding is not None else "holds",
        "reason": reason,
        "said": _said(reason, language),
        "parts": [_part(each, language) for each in done.parts],
        "values": finding.values if finding is not None else {},
        "transitions": [
            TransitionAnswer(each.geofence_id, each.type, round(each.p_inside, 4)) for each in done.decision.transitions
        ],
        "local_time": at.astimezone(ZoneInfo(done.zone)).isoformat(),
        "zone": done.zone,
        "moment": told(shown_of(done.moment), at) if done.moment is not None else None,
        "dwell_due": done.decision.dwell_due,
        "held_until": held,
    }


@door(
    "POST",
    "/v1/offers/{id}/dry-run",
    query=DryRunQuery,
    body=DryRun,
    answer=DryRunAnswer,
    summary="Try one offer, also a draft, on a context that you state",
    example=EXAMPLE,
    tags=("Marketing",),
)
async def try_offer(call: Call) -> DryRunAnswer:
    """Decide on one offer by itself; nothing is written."""
    stated = read_stated(call.body)
    await call.parts.rules.refresh()
    async with call.connection() as db:
        done = await rehearse_offer(
            db, offer_id=call.uuid("id"), stated=stated, snapshot=call.parts.rules.current
        )  # fmt: skip
    label = done.verdict.offer.label if done.verdict is not None else None
    return DryRunAnswer(**_fields(done, at=stated.at, offer=label, language=call.query.language))


@door(
    "POST",
    "/v1/dry-run",
    query=DryRunQuery,
    body=DryRun,
    answer=AllAnswer,
    summary="Try all live offers against each other on a context that you state",
    example=EXAMPLE,
    tags=("Marketing",),
)
async def try_all(call: Call) -> AllAnswer:
    """Decide over all live offers; nothing is written."""
    stated = read_stated(call.body)
    await call.parts.rules.refresh()
    done = rehearse(stated, call.parts.rules.current)
    label = done.chosen.offer.label if done.chosen is not None else None
    language = call.query.language
    others = [_judged(each, language) for each in done.others]
    return AllAnswer(**_fields(done, at=stated.at, offer=label, language=language), others=others)
