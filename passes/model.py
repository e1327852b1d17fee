"""What a pass is, for every wallet: frozen values that know nothing of Apple's JSON or Google's bodies.

Nothing is checked here: the rules belong to a wallet and stand in `apple.rules`, `apple.fields` and `google.objects`, which
name the code of each refusal. All times are aware; a naive one is refused where it is written down (`date.zone`).
Meanings: Apple's "Wallet Passes" (Pass, PassFields, PassFieldContent); the class names the page where it has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, NamedTuple

Value = str | int | float | Decimal | datetime


class Section(StrEnum):
    """The groups of fields, named as on the pass: header stays visible in the stack, back is behind the (i)."""

    HEADER = "header"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    AUXILIARY = "auxiliary"
    BACK = "back"
    ADDITIONAL_INFO = "additional_info"


class Role(StrEnum):
    """What a field is for; a style says in which section such a field stands."""

    HEADLINE = "headline"
    DEADLINE = "deadline"
    PLACE = "place"
    HOLDER = "holder"
    BALANCE = "balance"
    DETAIL = "detail"
    SMALL_PRINT = "small_print"


class Alignment(StrEnum):
    """How a field's text stands; NATURAL follows the script. Not for primary and back fields (`field.alignment`)."""

    LEFT = "Left"
    CENTER = "Center"
    RIGHT = "Right"
    NATURAL = "Natural"


class DateStyle(StrEnum):
    """How much of a date, or of a time, the phone shows, in its owner's own form; NONE hides that half."""

    NONE = "None"
    SHORT = "Short"
    MEDIUM = "Medium"
    LONG = "Long"
    FULL = "Full"


class NumberStyle(StrEnum):
    """How the phone writes a number; PERCENT shows 0.25 as 25 %."""

    DECIMAL = "Decimal"
    PERCENT = "Percent"
    SCIENTIFIC = "Scientific"
    SPELL_OUT = "SpellOut"


class Detector(StrEnum):
    """What a phone may turn into a link on the back of the pass."""

    PHONE_NUMBER = "PhoneNumber"
    LINK = "Link"
    ADDRESS = "Address"
    CALENDAR_EVENT = "CalendarEvent"


class Symbology(StrEnum):
    """The four codes that every Wallet since iOS 9 draws. Code 128 holds ASCII alone (`barcode.ascii`)."""

    QR = "QR"
    PDF417 = "PDF417"
    AZTEC = "Aztec"
    CODE128 = "Code128"


class Colour(NamedTuple):
    """A colour by its parts, 0 to 255 (`colour.range`)."""

    red: int
    green: int
    blue: int


@dataclass(frozen=True, slots=True)
class Field:
    """One labelled value. Apple: PassFieldContent.

    `key` is unique in the whole pass (`field.duplicate_key`). `value` is a text, a finite number, or a time, which needs
    `date_style` and `time_style` (`field.undated`) and may be shown relative to now. `attributed_value` takes its place
    on the screen and may hold links, `<a href='…'>`, and no other tag (`field.markup`). `change_message` holds `%@`, where
    the phone puts the new value (`field.change_message`); without it nobody is told of a change. A number has a `currency`
    (ISO 4217) or a `number_style`. `detectors` are for back fields: () for none, None for all. `row` 0 or 1 is for
    auxiliary fields. `semantics` are Apple's SemanticTags, handed through as JSON.
    """

    key: str
    value: Value
    label: str | None = None
    attributed_value: Value | None = None
    change_message: str | None = None
    alignment: Alignment | None = None
    date_style: DateStyle | None = None
    time_style: DateStyle | None = None
    is_relative: bool = False
    ignores_time_zone: bool = False
    currency: str | None = None
    number_style: NumberStyle | None = None
    detectors: tuple[Detector, ...] | None = None
    row: Literal[0, 1] | None = None
    semantics: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """All fields of a pass by section, in the order in which they are shown. Apple: PassFields.

    A style says how many a section shows (`fields.many`); `additional_info` is for poster event tickets since iOS 18.
    """

    header: tuple[Field, ...] = ()
    primary: tuple[Field, ...] = ()
    secondary: tuple[Field, ...] = ()
    auxiliary: tuple[Field, ...] = ()
    back: tuple[Field, ...] = ()
    additional_info: tuple[Field, ...] = ()

    def __iter__(self) -> Iterator[tuple[Section, tuple[Field, ...]]]:
        for section in Section:
            yield section, getattr(self, section.value)


@dataclass(frozen=True, slots=True)
class Barcode:
    """A code at the counter. Apple: Pass.Barcodes.

    `message` is not empty and is writable in `encoding`, an IANA name (`barcode.message`, `barcode.encoding`); `alt_text`
    stands beneath it. Of several, a wallet shows the first that it can draw; the first that is no Code 128 is also written
    under the older key `barcode`, which readers of other makers know.
    """

    message: str
    symbology: Symbology = Symbology.QR
    encoding: str = "iso-8859-1"
    alt_text: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """A point (WGS 84, degrees; altitude in metres) near which the pass comes up on the lock screen. Apple: Pass.Locations.

    At most ten in a pass (`location.many`); `relevant_text` is what the screen says there.
    """

    latitude: float
    longitude: float
    altitude: float | None = None
    relevant_text: str | None = None


@dataclass(frozen=True, slots=True)
class Beacon:
    """A Bluetooth beacon near which the pass comes up. Apple: Pass.Beacons.

    Without `major` and `minor` (0 to 65535) every beacon of that UUID counts; at most ten UUIDs (`beacon.many`).
    """

    proximity_uuid: str
    major: int | None = None
    minor: int | None = None
    relevant_text: str | None = None


@dataclass(frozen=True, slots=True)
class RelevantDate:
    """When the pass comes up: a moment (`end` is None) or from `start` to `end`, 24 hours at most (`date.interval`).

    For event tickets and generic passes; a generic pass comes up only if it has a location, too. Apple: Pass.RelevantDates.
    """

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Nfc:
    """A contactless payload (1 to 64 bytes) and the terminal's public key (base64 of a P-256 SubjectPublicKeyInfo).

    Apple: Pass.NFC. Phones take it only from a pass type with Apple's NFC certificate.
    """

    message: str
    encryption_public_key: str
    requires_authentication: bool = False


@dataclass(frozen=True, slots=True)
class Pass:
    """One customer's pass. `style` is the name of a file in `passes.styles`. Apple: Pass.

    `serial` and the pass type name a pass for ever: the same pair again replaces it. `description` is read aloud by the
    phone. `max_distance` (metres) narrows where locations count. A pass past its `expiration`, or `voided`, is greyed out.
    `web_service_url` (https, without `/v1`) and `authentication_token` (16 or more characters) go together, and neither the
    token nor the serial ever changes; a pass issued without them is never updated. `grouping` stacks event tickets.
    `app_launch_url` needs `associated_apps` (App Store numbers). `preferred_schemes`, such as `posterEventTicket`, are
    tried in their order before the style. `semantics` and `user_info` are handed through as JSON.

    `pass_type_id`, `team_id` and `organization` are the template's where they are None; another pass type or team than
    the template's is refused, since the certificate names both. `localisations` maps a language (`de`, `pt-BR`) to its
    strings, whose keys are the literal texts used in the pass.
    """

    serial: str
    style: str
    description: str
    fields: Fields = Fields()
    pass_type_id: str | None = None
    team_id: str | None = None
    organization: str | None = None
    logo_text: str | None = None
    barcodes: tuple[Barcode, ...] = ()
    background: Colour | None = None
    foreground: Colour | None = None
    label_colour: Colour | None = None
    locations: tuple[Location, ...] = ()
    max_distance: float | None = None
    beacons: tuple[Beacon, ...] = ()
    relevant_dates: tuple[RelevantDate, ...] = ()
    expiration: datetime | None = None
    voided: bool = False
    sharing_prohibited: bool = False
    suppress_strip_shine: bool = False
    preferred_schemes: tuple[str, ...] = ()
    semantics: Mapping[str, Any] | None = None
    grouping: str | None = None
    associated_apps: tuple[int, ...] = ()
    app_launch_url: str | None = None
    nfc: Nfc | None = None
    web_service_url: str | None = None
    authentication_token: str | None = field(default=None, repr=False)
    user_info: Mapping[str, Any] | None = None
    localisations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Style:
    """One kind of pass: where fields go at Apple, which class at Google, which images it shows.

    `limits` counts the fields that Wallet draws per section, `rows` the secondary and auxiliary fields together;
    `images` maps an image's name to the largest (width, height) in points; `excludes` lists pairs of images of which
    Wallet takes one or the other.
    """

    name: str
    apple: str
    google: Literal["offer", "loyalty", "generic", "eventTicket"]
    places: Mapping[Role, Section]
    limits: Mapping[Section, int]
    rows: int
    images: Mapping[str, tuple[int, int]]
    demanded: frozenset[str] = frozenset({"icon"})
    excludes: tuple[tuple[str, str], ...] = ()
    may_group: bool = False
    may_be_dated: bool = False


def arrange(style: Style, entries: Mapping[Role, tuple[Field, ...]]) -> Fields:
    """Put each field where the style shows its role; within a section the roles keep the mapping's order."""
    sections: dict[str, tuple[Field, ...]] = {}
    for role, fields in entries.items():
        name = style.places[role].value
        sections[name] = (*sections.get(name, ()), *fields)
    return Fields(**sections)
