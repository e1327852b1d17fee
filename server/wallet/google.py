"""Our passes as Google Wallet has them: classes, objects, and the links that save them.

Rule 1: a link carries the whole pass where it is short enough, so that nobody's pass is at Google who does not want it
        there; its places and small print follow when Google says that it was saved. A longer one, one whose barcode
        changes, and every one where Google calls nobody back is inserted by the outbox, and the link names it.
Rule 2: the secret of a changing barcode is sealed at rest, opened for the call that brings it, and in no link.
Rule 3: the class tells of the offer in all its languages, the object of the pass; neither tells who holds it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from passes.errors import GoogleError
from passes.google.credentials import ServiceAccount
from passes.google.objects import Design, State, class_body, kind_of, object_body, resource_id
from passes.google.rotating import rotating_barcode
from passes.google.save_link import Entry, SaveLink, save_link
from passes.model import Colour, Fields, Section
from passes.model import Pass as Paper
from server.model.look import GoogleKind
from server.model.pass_ import Pass, PassState
from server.model.titled import Words
from server.settings import Settings
from server.wallet.certificates import GREEN
from server.wallet.codes import CHANGING, issue_code
from server.wallet.design import STYLES_OF, draw
from server.wallet.issue import Desk
from server.wallet.keyring import Keyring
from server.wallet.words import OUR_TERMS, in_language, words_for

CALLBACK: Final = "/wallet/google/callback"
STATES: Final[Mapping[PassState, State]] = {
    PassState.ACTIVE: State.ACTIVE,
    PassState.REDEEMED: State.COMPLETED,
    PassState.EXPIRED: State.EXPIRED,
    PassState.VOIDED: State.INACTIVE,
}

_UNSAID: Final = frozenset({"until", "serial", "offer", "rules"})
"""Fields that Google shows itself (the end), tells of in the class (our terms), or that no customer needs there."""

_SECRET_BYTES: Final = 20
"""As long as SHA-1's digest (RFC 4226 R6)."""

_LINKS: Final = 2_000
"""Links that are remembered, of two kilobytes at most each: an app shows its passes again and again."""


class Known(NamedTuple):
    """What is known of a pass at Google: the kind of the object that is (or is being) inserted, whether its class is there."""

    kind: str | None = None
    class_there: bool = False


class Issuer:
    """Writes what Google gets. Made once; safe to use from several threads but for `links`, which belongs to the loop."""

    def __init__(self, settings: Settings, account: ServiceAccount, *, desk: Desk, keyring: Keyring) -> None:
        """Keep who we are to Google and how our passes look."""
        self._settings, self._account = settings.google_wallet, account
        self._desk, self._keyring = desk, keyring
        self._brand = settings.apple.organization or settings.programme.name
        url = settings.server.public_url.rstrip("/")
        self._callback = f"{url}{CALLBACK}" if url.startswith("https://") and self._settings.callback else None
        # A stand-in calls back by itself, whatever the class says.
        self.calls_back = self._callback is not None or (self._settings.callback and settings.mode == "test")
        self._shift = timedelta(seconds=settings.clock_shift_s)
        self.within = timedelta(days=settings.wallet.push_days)  # so long a change is tried to be told
        self._links: OrderedDict[tuple[Any, ...], str] = OrderedDict()

    @property
    def id(self) -> str:
        """The issuer's number."""
        return self._settings.issuer_id

    def object_id(self, serial: UUID) -> str:
        """Name a pass at Google."""
        return resource_id(self.id, str(serial))

    def serial_of(self, object_id: str) -> UUID | None:
        """Read the serial out of an object's name; None where it is none of ours."""
        issuer, _, suffix = object_id.partition(".")
        try:
            return UUID(suffix) if issuer == self.id and len(suffix) == 36 else None
        except ValueError:
            return None

    def kind(self, pass_: Pass) -> str:
        """Tell the kind of the pass's class."""
        return kind_of(STYLES_OF[pass_.card.dress.google])

    def class_id(self, pass_: Pass) -> str:
        """Name the class of the pass's offer; one that changed its kind has a class of each."""
        kind = self.kind(pass_)
        return resource_id(self.id, str(pass_.offer_id) + ("" if kind == "offer" else f".{kind}"))

    def class_of(self, pass_: Pass, words: Words, *, now: datetime, lean: bool = False) -> dict[str, Any]:
        """Write the class of the pass's offer; `lean` leaves out what may follow later.

        Raises GoogleError where a picture is missing that the kind demands.
        """
        design = self._class_design(pass_, words, self._paper(pass_, now=now))
        if lean:
            logo = design.logo if kind_of(design.style) == "loyalty" else None
            design = replace(design, fine_print=None, translations={}, logo=logo)
        return class_body(design, issuer_id=self.id)

    def object_of(
        self,
        pass_: Pass,
        *,
        now: datetime,
        secret: bytes | None = None,
        linked: Iterable[UUID] = (),
        lean: bool = False,
    ) -> dict[str, Any]:
        """Write the object: the pass as it is at `now`. `secret` is that of its changing barcode, opened; `lean` leaves
        out what may follow later."""
        paper = self._paper(pass_, now=now, lean=lean)
        body = object_body(
            paper,
            self._design(pass_, paper, title=pass_.card.title, language=pass_.card.language),
            issuer_id=self.id,
            state=STATES[pass_.state_at(now)],
            valid_from=None if lean else pass_.valid_from,
            rotating=None if secret is None else rotating_barcode(prefix=self._name(pass_, now=now), key=secret),
        )
        others = [self.object_id(serial) for serial in linked]
        return body | ({"linkedObjectIds": others} if others else {})

    def new_secret(self, serial: UUID, *, table: str, now: datetime) -> bytes | None:
        """Make the secret of a changing barcode, and give it sealed; None where barcodes do not change."""
        if not self._settings.rotating:
            return None
        key = secrets.token_bytes(_SECRET_BYTES)
        return self._keyring.seal(key, table=table, row=serial.bytes, now=now)

    def open_secret(self, sealed: bytes, *, serial: UUID, table: str, now: datetime) -> bytes | None:
        """Open a secret; None where its key is missing."""
        return self._keyring.unseal(sealed, table=table, row=serial.bytes, now=now)

    def must_insert(self, pass_: Pass, words: Words, *, now: datetime) -> bool:
        """Tell whether a new pass is to be inserted at once, since no link can carry it, or nobody would say it was saved."""
        if self._settings.rotating or not self.calls_back:
            return True
        return self._sign(pass_, words, Known(), now=now).insert_first

    async def links(
        self, passes: Sequence[Pass], words: Mapping[UUID, Words], known: Mapping[UUID, Known], *, now: datetime
    ) -> dict[UUID, str]:
        """Write the links of those passes that can be saved: the active ones. Each is signed once, off the event loop."""
        found, new = {}, []
        for pass_ in passes:
            if pass_.state_at(now) is not PassState.ACTIVE:
                continue
            key = (pass_.serial, pass_.modified_at, known.get(pass_.serial, Known()))
            if key in self._links:
                self._links.move_to_end(key)
                found[pass_.serial] = self._links[key]
            else:
                new.append((key, pass_))
        if new:
            signed = await asyncio.to_thread(
                lambda: [self._link(pass_, words[pass_.offer_id], key[2], now=now) for key, pass_ in new]
            )
            for (key, pass_), link in zip(new, signed, strict=True):
                if link is not None:
                    self._links[key] = found[pass_.serial] = link
            while len(self._links) > _LINKS:
                self._links.popitem(last=False)
        return found

    def _link(self, pass_: Pass, words: Words, known: Known, *, now: datetime) -> str | None:
        try:
            return self._sign(pass_, words, known, now=now).url
        except GoogleError:  # a loyalty card without a logo: there is none to show
            return None

    def _sign(self, pass_: Pass, words: Words, known: Known, *, now: datetime) -> SaveLink:
        if known.kind is not None:
            pass_ = of_kind(pass_, known.kind)
            names = {"id": self.object_id(pass_.serial), "classId": self.class_id(pass_)}
            entry = Entry(self.kind(pass_), names)
        else:
            whole = None if known.class_there else self.class_of(pass_, words, now=now, lean=True)
            entry = Entry(self.kind(pass_), self.object_of(pass_, now=now, lean=True), whole)
        return save_link(self._account, [entry], now=now - self._shift, origins=self._settings.origins)

    def _name(self, pass_: Pass, *, now: datetime) -> str:
        return issue_code(pass_.serial, keyring=self._keyring, key_id=pass_.key_id, now=now, version=CHANGING)

    def _paper(self, pass_: Pass, *, now: datetime, lean: bool = False) -> Paper:
        drawn = draw(
            pass_,
            code=self._desk.code(pass_, now=now),
            signed=self._desk.signed_code(pass_, now=now),
            brand=self._brand,
            background=GREEN,
            service=None,
            now=now,
            style=STYLES_OF[pass_.card.dress.google],
        )
        fields = {
            section.value: tuple(one for one in several if one.key not in _UNSAID)
            for section, several in drawn.fields
            if not (lean and section is Section.BACK)
        }
        drawn = replace(drawn, fields=Fields(**fields))
        return replace(drawn, locations=(), localisations={}, barcodes=_plain(drawn)) if lean else drawn

    def _design(self, pass_: Pass, paper: Paper, *, title: str, language: str) -> Design:
        suffix = self.class_id(pass_).partition(".")[2]
        return Design(
            suffix=suffix,
            style=paper.style,
            title=title,
            issuer_name=self._brand,
            provider=self._brand,
            language=language,
            logo=self._settings.logo_url or None,
            background=paper.background or Colour(*GREEN),
            callback_url=self._callback,
        )

    def _class_design(self, pass_: Pass, words: Words, paper: Paper) -> Design:
        title, language, others = titles_of(pass_, words)
        if kind_of(paper.style) == "loyalty":
            title, others = self._brand, {}
        design = self._design(pass_, paper, title=title, language=language)
        terms = in_language(OUR_TERMS, "de" if language.startswith("de") else "en") or OUR_TERMS
        translations: dict[str, dict[str, str]] = {locale: {title: text} for locale, text in others.items()}
        for other in ("de", "en"):
            said = in_language(terms, other)
            if said is not None and said != terms:
                translations.setdefault(other, {})[terms] = said
        return replace(design, fine_print=terms, translations=translations)


def of_kind(pass_: Pass, kind: str) -> Pass:
    """Give the pass as one of this kind: an object stays what it was made as, whatever its offer says by now."""
    if pass_.card.dress.google == kind:
        return pass_
    return replace(pass_, card=replace(pass_.card, dress=replace(pass_.card.dress, google=cast("GoogleKind", kind))))


def _plain(paper: Paper) -> tuple[Any, ...]:
    """Give the barcodes without the code in letters: it is in the app, too."""
    return tuple(replace(one, alt_text=None) for one in paper.barcodes)


def titles_of(pass_: Pass, words: Words) -> tuple[str, str, dict[str, str]]:
    """Give the class's title, its language and the title in the other locales.

    The offer's own, unless one of them names the customer, the place or anything else of a single moment.
    """
    titles = words.titles
    if titles and not any("{{" in title for title in titles.values()):
        first = words.fallback if words.fallback in titles else next(iter(titles))
        return titles[first], first, {locale: text for locale, text in titles.items() if locale != first}
    english, german = (words_for(pass_.benefit, german=each) for each in (False, True))
    return english, "en", {"de": german}


def digest_of(body: Any) -> bytes:
    """Tell two bodies apart without keeping them."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).digest()


def digests_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Tell of each member whether it changed, without keeping what it was: there is a code among them."""
    return {name: digest_of(value).hex()[:32] for name, value in body.items()}
