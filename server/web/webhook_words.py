"""What the page about webhooks says, in German and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.web.languages import Language

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "title": "Webhooks",
        "leave": "Log out",
        "back": "Funnel",
        "none": "No other system is told anything. POST /v1/webhooks adds an endpoint.",
        "wants": "Is told",
        "everything": "everything",
        "state": "State",
        "state_on": "In use",
        "state_trouble": "In use, but has taken nothing since {}",
        "state_off": "Turned off",
        "state_gone": "Turned off by Kairos: it said that it is gone for good (410)",
        "state_failing": "Turned off by Kairos: it took nothing since {}",
        "event": "Event",
        "at": "When",
        "call": "Told",
        "tries": "Tries",
        "answer": "Last answer",
        "next": "Next try",
        "call_queued": "waits",
        "call_leased": "on its way",
        "call_sent": "taken",
        "call_dead": "given up",
        "no_calls": "Nothing was told yet.",
        "first": "First day",
        "last": "Last day",
        "replay": "Tell again",
        "test": "Send a test",
        "on": "Turn on",
        "off": "Turn off",
        "done_replay": "{} events are on their way once more.",
        "done_test": "A test is on its way.",
        "done_on": "It is in use again.",
        "done_off": "It is turned off.",
        "about": "Events can be told again for {} days. Days and times are those of {}.",
        "broken": "{} webhooks are turned off because nothing was taken there: see Webhooks",
        "broken_one": "A webhook is turned off because nothing was taken there: see Webhooks",
    },
    "de": {
        "title": "Webhooks",
        "leave": "Abmelden",
        "back": "Trichter",
        "none": "Keinem anderen System wird etwas gemeldet. POST /v1/webhooks fügt einen Endpunkt hinzu.",
        "wants": "Bekommt",
        "everything": "alles",
        "state": "Zustand",
        "state_on": "In Betrieb",
        "state_trouble": "In Betrieb, nimmt aber seit {} nichts an",
        "state_off": "Abgeschaltet",
        "state_gone": "Von Kairos abgeschaltet: Den Endpunkt gibt es nach eigener Auskunft nicht mehr (410)",
        "state_failing": "Von Kairos abgeschaltet: Er nahm seit {} nichts an",
        "event": "Ereignis",
        "at": "Wann",
        "call": "Meldung",
        "tries": "Versuche",
        "answer": "Letzte Antwort",
        "next": "Nächster Versuch",
        "call_queued": "wartet",
        "call_leased": "unterwegs",
        "call_sent": "angenommen",
        "call_dead": "aufgegeben",
        "no_calls": "Noch wurde nichts gemeldet.",
        "first": "Erster Tag",
        "last": "Letzter Tag",
        "replay": "Noch einmal melden",
        "test": "Test senden",
        "on": "Einschalten",
        "off": "Abschalten",
        "done_replay": "{} Ereignisse sind noch einmal unterwegs.",
        "done_test": "Ein Test ist unterwegs.",
        "done_on": "Der Endpunkt ist wieder in Betrieb.",
        "done_off": "Der Endpunkt ist abgeschaltet.",
        "about": "Ereignisse können {} Tage lang noch einmal gemeldet werden. Tage und Zeiten sind die von {}.",
        "broken": "{} Webhooks sind abgeschaltet, weil dort nichts angenommen wurde: siehe Webhooks",
        "broken_one": "Ein Webhook ist abgeschaltet, weil dort nichts angenommen wurde: siehe Webhooks",
    },
}


def say_broken(count: int, language: Language) -> list[str]:
    """Say that endpoints were turned off and nobody has looked since; nothing where there are none."""
    words = WORDS[language]
    return [] if not count else [words["broken_one"] if count == 1 else words["broken"].format(count)]
