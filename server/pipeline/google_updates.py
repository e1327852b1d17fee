"""Passes that changed, on their way to Google: a Way of the outbox (server/pipeline/deliveries.py).

    lease → (in the same transaction) what does it look like now, what has Google of it → patch what differs → remember

Rule 1: a row says which pass, never what of it: what is sent is the pass as it is at each try.
Rule 2: whoever stands at a counter is told by the till. What happens behind a customer's back (a use given back, a pass
        voided, another end) is said in words, with a sound where the ledger has room for one.
Rule 3: a pass that is nobody's any more is switched off at Google, silently, and linked to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from passes.errors import PassError
from passes.google.objects import message_body
from server.channels.base import Outcome, Receipt
from server.channels.google_wallet import Card, GoogleWallet
from server.decision.formats import is_german
from server.decision.ruleset import Ruleset
from server.model.pass_ import Pass, PassState
from server.model.titled import Words
from server.pipeline.deliveries import Prepared, Ready
from server.pipeline.google_saves import CHANNEL, tell
from server.pipeline.notices import claim
from server.pipeline.queue import Ended
from server.store import google_classes, google_objects, google_outbox, knocks, passes
from server.store.google_outbox import Held, Other, Sent, linked
from server.store.outbox import End, Leased
from server.store.pool import Connection
from server.wallet.google import Issuer, digest_of, digests_of, of_kind


class Notice(NamedTuple):
    """What a customer is told of a change behind their back, in English and German; of a change of fields no words."""

    english: tuple[str, str]
    german: tuple[str, str]


GIVEN_BACK: Final = Notice(
    ("Valid again", "A use was given back: {title}"), ("Wieder gültig", "Eine Einlösung wurde zurückgegeben: {title}")
)
VOIDED: Final = Notice(("No longer valid", "{title}"), ("Nicht mehr gültig", "{title}"))
MOVED: Final = Notice(("Another end", "{title}"), ("Neue Frist", "{title}"))


@dataclass(frozen=True, slots=True)
class Update:
    """A card on its way, and what is to be remembered once Google took it."""

    card: Card
    sent: Sent
    class_id: str
    class_digest: bytes = field(repr=False)


Item = Ready[Update, str]


class _Scene(NamedTuple):
    """What is known of the rows that were leased together."""

    passes: Mapping[UUID, Pass]
    held: Mapping[UUID, Held]
    words: Mapping[UUID, Words]
    classes: Mapping[str, bytes]
    others: Sequence[Other]


class GoogleUpdates:
    """The Way of Google's wallet."""

    name = CHANNEL
    channel = CHANNEL

    def __init__(
        self,
        wallet: GoogleWallet,
        issuer: Issuer,
        *,
        ruleset: Callable[[], Ruleset],
        shift: timedelta = timedelta(0),
    ) -> None:
        """Keep who sends, who writes, and where the rules in force are.

        `shift` is how far the house's day is moved (in test mode): passes are of that day, the outbox and Google are not.
        """
        self._wallet, self._issuer, self._ruleset, self._shift = wallet, issuer, ruleset, shift

    async def lease(self, db: Connection, *, limit: int, now: datetime, for_s: float) -> Sequence[Leased]:
        """Take rows that are due, of each pass one."""
        return await google_outbox.lease(db, limit=limit, now=now, for_s=for_s)

    async def prepare(self, db: Connection, leased: Sequence[Leased], *, now: datetime) -> Prepared[Update, str]:
        """Write what Google is to have of each pass; rows without anything to tell end."""
        scene, now = await self._look(db, leased), now + self._shift
        ready, ends = [], []
        for each in leased:
            why = self._why_not(each, scene)
            if why is not None:
                ends.append(End(each, "suppressed", why))
                continue
            made = await self._make(db, each, scene, now=now)
            if isinstance(made, str):
                ends.append(End(each, "dead", made))
            else:
                ready.append(made)
        return Prepared(ready, ends)

    async def send(self, ready: Item, *, now: datetime) -> Receipt:
        """Send it."""
        return await self._wallet.send(ready.thing.card, ready.address, now=now)

    async def settle(self, db: Connection, ended: Sequence[Ended[Item]], *, now: datetime) -> None:
        """Remember what Google took; have the passes told that are linked with one that it had not before."""
        done = [e.item for e in ended if e.receipt is not None and e.receipt.outcome is Outcome.SENT]
        new = await google_outbox.sent(db, sent=[item.thing.sent for item in done])
        for class_id, digest in sorted({item.thing.class_id: item.thing.class_digest for item in done}.items()):
            await google_classes.sent(db, id=class_id, digest=digest)
        if new:
            await self._tell_linked(db, [item for item in done if item.leased.serial in set(new)])
        if await google_outbox.any_waiting(db, serials=[e.item.thing.sent.serial for e in ended]):
            await knocks.knock(db, CHANNEL)

    async def _look(self, db: Connection, leased: Sequence[Leased]) -> _Scene:
        held = await google_outbox.begin(db, leased=leased)
        read = await passes.find_all(db, serials=list(held))
        found = {each.serial: of_kind(each, held[each.serial].kind) for each in read}
        words = await google_classes.words(db, offers={each.offer_id for each in found.values()})
        classes = await google_classes.digests(db, ids={self._issuer.class_id(each) for each in found.values()})
        customers = {each.customer_id for each in found.values() if each.customer_id is not None}
        others = await google_outbox.others(db, customers=customers) if customers else []
        return _Scene(found, held, words, classes, others)

    def _why_not(self, leased: Leased, scene: _Scene) -> str | None:
        """Say why there is nothing to tell, if so."""
        serial = leased.serial
        if serial is None or serial not in scene.held or serial not in scene.passes:
            return "unknown"
        return "removed" if scene.held[serial].removed_at is not None else None

    async def _make(self, db: Connection, leased: Leased, scene: _Scene, *, now: datetime) -> Item | str:
        """Make the card of one row, or say why that is not possible."""
        assert leased.serial is not None  # noqa: S101  `_why_not` has looked
        pass_, held = scene.passes[leased.serial], scene.held[leased.serial]
        secret = None
        if held.totp_sealed is not None:
            table = google_objects.TABLE
            secret = self._issuer.open_secret(held.totp_sealed, serial=pass_.serial, table=table, now=now)
            if secret is None:
                return "key_missing"
        links = linked(scene.others, serial=pass_.serial, customer_id=pass_.customer_id, kind=held.kind)
        try:
            class_ = self._issuer.class_of(pass_, scene.words[pass_.offer_id], now=now)
            object_ = self._issuer.object_of(pass_, now=now, secret=secret, linked=links)
        except PassError as error:
            return error.code
        digests, digest = digests_of(object_), digest_of(class_)
        changes = None if held.known_at is None else differing(held.digests, digests, object_)
        notice = notice_of(pass_, held, digests, now=now)
        loud = notice is not None and await self._may_sound(db, leased, pass_, held, now=now)
        card = Card(
            id=leased.id,
            kind=self._issuer.kind(pass_),
            class_body=class_,
            class_known=class_["id"] in scene.classes,
            class_fresh=scene.classes.get(class_["id"]) == digest,
            object_body=object_,
            changes=_notifying(changes) if loud and notice is MOVED else changes,
            message=None if notice in (None, MOVED) else _words(notice, pass_, held, by=leased.id, loud=loud),
        )
        sent = Sent(pass_.serial, leased.lease, digests, pass_.state_at(now).value, pass_.uses_left)
        return Ready(leased, Update(card, sent, class_["id"], digest), self._issuer.object_id(pass_.serial))

    async def _may_sound(self, db: Connection, leased: Leased, pass_: Pass, held: Held, *, now: datetime) -> bool:
        """Tell whether the notice may make a sound; decided, and counted, with the first try."""
        if held.noticed == leased.id:
            return bool(held.noticed_loud)
        loud = pass_.customer_id is not None and await claim(
            db,
            customer_id=pass_.customer_id,
            consents=held.consents,
            zone=held.zone,
            ruleset=self._ruleset(),
            now=now,
        )
        await google_outbox.noticed(db, serial=pass_.serial, by=leased.id, loud=loud)
        return loud

    async def _tell_linked(self, db: Connection, new: Sequence[Item]) -> None:
        """Have the other side of a link told, now that both are there."""
        for item in new:
            customer_id, serial = item.leased.customer_id, item.thing.sent.serial
            if customer_id is None:
                continue
            others = await google_outbox.others(db, customers=[customer_id])
            found = linked(others, serial=serial, customer_id=customer_id, kind=item.thing.card.kind)
            if found:
                await tell(db, found, within=self._issuer.within)


def differing(before: Mapping[str, str], after: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    """Give the members of a body that Google does not have like that, whole, and None for those that are gone."""
    changed = {name: body[name] for name in after if before.get(name) != after[name]}
    return changed | dict.fromkeys(name for name in before if name not in after)


def notice_of(pass_: Pass, held: Held, digests: Mapping[str, str], *, now: datetime) -> Notice | None:
    """Tell what the customer should hear of, comparing the pass with what Google had of it. Pure."""
    if pass_.customer_id is None or held.sent_state is None or held.sent_uses is None:
        return None
    state = pass_.state_at(now)
    if state is PassState.ACTIVE and pass_.uses_left > held.sent_uses:
        return GIVEN_BACK
    if state is PassState.VOIDED and held.sent_state == PassState.ACTIVE:
        return VOIDED
    interval = held.digests.get("validTimeInterval")
    moved = interval is not None and digests.get("validTimeInterval") != interval
    return MOVED if state is PassState.ACTIVE and moved else None


def _words(notice: Notice | None, pass_: Pass, held: Held, *, by: UUID, loud: bool) -> dict[str, Any] | None:
    if notice is None:
        return None
    header, body = notice.german if is_german(held.locale or pass_.card.told.locale) else notice.english
    return message_body(message_id=str(by), header=header, body=body.format(title=pass_.card.title), notify=loud)


def _notifying(changes: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ask Google to tell of changed fields; it does for those that it has chosen."""
    return None if changes is None else changes | {"notifyPreference": "NOTIFY_ON_UPDATE"}
