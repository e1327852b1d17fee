"""The passes that are measured: a small coupon, and a whole one as a programme with shops gives it out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from passes.apple.authority import Authority, throwaway_authority
from passes.apple.template import Template
from passes.images import default_images
from passes.model import Barcode, Colour, DateStyle, Field, Fields, Location, Pass, Symbology

NOW = datetime(2026, 11, 3, 8, 2, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=2)
PASS_TYPE, TEAM, BRAND = "pass.example.coupon", "KAIROS1234", "Kairos"
CODE = "04050305030503050305030503050305030503050305030503"
GREEN = (20, 90, 60)

GERMAN = {
    "REWARD": "PRÄMIE",
    "WORTH": "WERT",
    "VALID UNTIL": "GÜLTIG BIS",
    "WHERE": "WO",
    "USES LEFT": "NOCH",
    "STORES NEARBY": "FILIALEN IN DER NÄHE",
    "TERMS": "BEDINGUNGEN",
    "OFFER": "ANGEBOT",
    "SERIAL NUMBER": "SERIENNUMMER",
    "Coffee on us": "Kaffee aufs Haus",
    "In every store": "In jeder Filiale",
    "One use at a time. Whoever shows the code first has used it. Not exchangeable for cash.": (
        "Je Vorlage eine Einlösung. Wer den Code zuerst zeigt, hat ihn eingelöst. Keine Barauszahlung."
    ),
}


def authority() -> Authority:
    """Make a throw-away chain and key."""
    return throwaway_authority(pass_type_id=PASS_TYPE, team_id=TEAM, organization=BRAND, now=NOW)


def template(own: Authority) -> Template:
    """Load a template with the default images."""
    return Template.load(
        certificate=own.certificate,
        key=own.key,
        wwdr=own.wwdr,
        images=default_images(GREEN),
        pass_type_id=PASS_TYPE,
        team_id=TEAM,
        organization=BRAND,
        now=NOW,
    )


def coupon(serial: str) -> Pass:
    """Write a coupon of three fields and a code."""
    return Pass(
        serial=serial,
        style="coupon",
        description="Coffee on us",
        fields=Fields(
            primary=(Field("offer", "Coffee on us", label="At Marktplatz"),),
            auxiliary=(Field("until", UNTIL, label="Until", date_style=DateStyle.SHORT, time_style=DateStyle.SHORT),),
            back=(Field("terms", "One small coffee, until 11 o'clock.", label="Terms"),),
        ),
        barcodes=(Barcode(CODE),),
    )


def whole(serial: str) -> Pass:
    """Write a coupon with all that a programme puts on it: eight fields, ten shops, German, updates, two codes."""
    terms = next(reversed(GERMAN))
    return Pass(
        serial=serial,
        style="coupon",
        description="Coffee on us",
        fields=Fields(
            header=(Field("uses", 1, "USES LEFT", change_message="%@"),),
            primary=(Field("reward", "Coffee on us", "REWARD"),),
            secondary=(Field("place", "Marktplatz 3", "WHERE"), Field("worth", 250, "WORTH", currency="EUR")),
            auxiliary=(
                Field(
                    "until",
                    UNTIL,
                    "VALID UNTIL",
                    change_message="%@",
                    date_style=DateStyle.SHORT,
                    time_style=DateStyle.SHORT,
                ),
            ),
            back=(
                Field("terms", terms, "TERMS"),
                Field("stores", "\n".join(f"Marktplatz {number}" for number in range(10)), "STORES NEARBY"),
                Field("serial", serial, "SERIAL NUMBER", detectors=()),
            ),
        ),
        logo_text=BRAND,
        barcodes=(Barcode(CODE, alt_text=serial), Barcode(CODE, Symbology.CODE128, alt_text=serial)),
        background=Colour(*GREEN),
        foreground=Colour(255, 255, 255),
        label_colour=Colour(200, 220, 210),
        locations=tuple(Location(48.39 + number / 100, 9.99, relevant_text="Coffee is near") for number in range(10)),
        expiration=UNTIL,
        sharing_prohibited=True,
        web_service_url="https://kairos.example/wallet/",
        authentication_token=CODE,
        localisations={"de": GERMAN},
    )
