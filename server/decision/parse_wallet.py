"""`reward.wallet`: how the wallets show a reward: kind, colours, lines and terms of the author's own.

Rule 1: a pass outlives the moment it came from: what is only true then (the weather) cannot be named on it.
Rule 2: a pass names nobody. The first name alone can be asked for, by `name`, and stands in a field of its own.
Rule 3: whoever is told the moment in a language can read the whole pass in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, get_args

from server.decision.formats import language_of
from server.decision.reading import Node
from server.decision.templates import ALLOWED, placeholders
from server.model.look import AppleKind, GoogleKind, Look, Relevance, Section, contrast, look_from, rgb

ON_A_PASS: Final = frozenset(name for name in ALLOWED if not name.startswith("weather."))
"""What the words of a pass may name."""

LEAST_CONTRAST: Final = 3.0
"""WCAG 2.2 asks for 3:1 where letters are large, as a pass's are: what reads worse is taken, with a warning."""

_KEYS = ("apple", "google", "relevance", "colours", "fields", "terms", "name", "max_distance_m", "group")
_COLOURS = ("background", "foreground", "label")
_MOST_LINES, _MOST_HEADERS = 10, 2
_LABEL, _FRONT, _BACK, _TERMS = 40, 80, 500, 2_000
"""How long templates may be, in characters: on the front a phone cuts what is longer."""
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?")


def spoken_in(moment: Node) -> frozenset[str]:
    """List the languages that the moment's words are in."""
    content = moment.child("content").value
    return frozenset(map(language_of, content)) if isinstance(content, Mapping) else frozenset()


def parse_wallet(node: Node, *, spoken: Collection[str] = ()) -> Look:
    """Read how the wallets show it; `spoken` are the languages of the moment."""
    before = len(node.errors)
    if not node.object(*_KEYS):
        return Look()
    kind = node.child("apple").choice("coupon", get_args(AppleKind))
    node.child("google").choice("offer", get_args(GoogleKind))
    node.child("relevance").choice("while_valid", get_args(Relevance))
    _check_colours(node.child("colours"))
    _check_lines(node.child("fields"), spoken)
    _check_texts(node.child("terms"), spoken, longest=_TERMS)
    name, group = node.child("name"), node.child("group")
    if name.given and not isinstance(name.value, bool):
        name.wrong("must be true (the pass bears the customer's first name) or false")
    node.child("max_distance_m").integer(100, low=10, high=100_000)
    group.text(longest=64, shape=r"[A-Za-z0-9._-]+", hint="may have letters, digits, dots, underscores and dashes")
    if group.given and kind != "eventTicket":
        group.wrong("is for event tickets alone (Apple groups no others)")
    return look_from(node.value) if len(node.errors) == before else Look()


def _check_colours(node: Node) -> None:
    """Read the colours, and warn of words that nobody could read."""
    if not node.object(*_COLOURS):
        return
    before, read = len(node.errors), {}
    for key in _COLOURS:
        child = node.child(key)
        hint = "must be a colour such as #145a3c"
        read[key] = child.text(shape=r"#[0-9A-Fa-f]{6}", hint=hint)
    if len(node.errors) > before or not read["background"]:
        return
    for key in _COLOURS[1:]:
        if read[key] and contrast(rgb(read[key]), rgb(read["background"])) < LEAST_CONTRAST:
            node.child(key).warn("can hardly be read on this background")


def _check_lines(node: Node, spoken: Collection[str]) -> None:
    headers = 0
    for each in node.each(most=_MOST_LINES):
        if not each.object("section", "label", "value", need=("section", "label", "value")):
            continue
        section = each.child("section").choice("back", get_args(Section))
        headers += section == "header"
        if headers > _MOST_HEADERS:
            each.child("section").wrong(f"at most {_MOST_HEADERS} lines have room in the header")
        _check_texts(each.child("label"), spoken, longest=_LABEL)
        _check_texts(each.child("value"), spoken, longest=_BACK if section == "back" else _FRONT)


def _check_texts(node: Node, spoken: Collection[str], *, longest: int) -> None:
    """Read one text for all languages, or one by locale that leaves none of the moment's out."""
    if not isinstance(node.value, Mapping):
        _check_words(node, node.text(longest=longest))
        return
    if not node.value:
        node.wrong("must have a text by locale")
    for locale, member in node.members():
        if _LOCALE.fullmatch(locale) is None:
            member.wrong("is no locale such as de-DE")
        else:
            _check_words(member, member.text(longest=longest))
    missing = sorted(set(spoken) - {language_of(locale) for locale in node.value})
    if missing and node.value:
        node.wrong(f"the moment is told in {', '.join(missing)}, too: a text in it is missing")


def _check_words(node: Node, text: str) -> None:
    """Note placeholders that cannot be filled on a pass."""
    for found in placeholders(text):
        name: Any = found if isinstance(found, str) else found.name
        if isinstance(found, str) or (not found.is_customers and name not in ON_A_PASS):
            listed = ", ".join(sorted(ON_A_PASS))
            node.wrong(f"{name[:60]} is no placeholder of a pass; known are {listed}")
        elif found.is_customers:
            node.wrong(f"{name} cannot stand on a pass, which anybody may see; name asks for the first name")
