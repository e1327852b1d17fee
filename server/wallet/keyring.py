"""The secrets of an installation: made once in its data directory, known to every process, replaced with an overlap.

    DATA/secrets/            0700
        code.1.json          0600: {"kind", "id", "not_before", "not_after", "secret"}, one file for each key (of OFFLINE
                             the secret is an Ed25519 seed: tills get the public half)
        rotate.lock          held while a key is replaced

Rule 1: a key file appears whole or not at all, and only once (a hard link to a finished file), so processes may race.
Rule 2: a file or folder that others may read is refused: the key in it is no secret any more.
Rule 3: at most two keys of a kind are good at a time. The new one starts a minute after it was made, when every
        process has seen it; the old one is good until its own end.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.errors import Misconfigured

_BYTES = 32
_NONCE = 12
_HEAD_START = timedelta(minutes=1)
_LOOK_AGAIN = timedelta(seconds=5)
_LARGEST_ID = 255
"""A key's id is one byte of every code, link and sealed value."""


class Kind(StrEnum):
    """What a key is for: codes at the counter, links to passes, values sealed at rest, codes that tills verify themselves."""

    CODE = "code"
    LINK = "link"
    SEAL = "seal"
    OFFLINE = "offline"


OVERLAP: Mapping[Kind, timedelta] = {
    Kind.CODE: timedelta(days=400),  # as long as a reward may wait in a wallet
    Kind.LINK: timedelta(hours=1),  # links live five minutes
    Kind.OFFLINE: timedelta(days=400),  # as codes
    Kind.SEAL: timedelta(days=3650),  # sealed values stay where they are; a pass keeps its token for life
}
"""How long a replaced key is good for what it has signed or sealed."""


@dataclass(frozen=True, slots=True)
class Key:
    """One secret of 32 bytes; good from `not_before`, and until `not_after` if it has an end."""

    kind: Kind
    id: int
    not_before: datetime
    not_after: datetime | None
    secret: bytes = field(repr=False)

    def good(self, now: datetime) -> bool:
        """Tell whether what it signed is believed at `now`."""
        return self.not_after is None or now < self.not_after

    def __str__(self) -> str:
        """Name it without telling it."""
        return f"{self.kind}.{self.id}(***)"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Kind
    id: int
    not_before: datetime
    not_after: datetime | None
    secret: str


class Keyring:
    """All keys of one data directory; made by `open_keyring`. Safe to use from several threads."""

    __slots__ = ("_folder", "_keys", "_looked_at", "_stamp")

    def __init__(self, folder: Path) -> None:
        """Keep the folder; nothing is read yet."""
        self._folder = folder
        self._keys: Mapping[tuple[Kind, int], Key] = {}
        self._stamp = -1
        self._looked_at: datetime | None = None

    def __repr__(self) -> str:
        """Name the keys without telling them."""
        return f"Keyring({', '.join(sorted(str(key) for key in self._keys.values()))})"

    def current(self, kind: Kind, *, now: datetime) -> Key:
        """Give the key that signs at `now`: the newest that has begun."""
        self._look(now)
        begun = [key for key in self._keys.values() if key.kind is kind and key.not_before <= now and key.good(now)]
        if not begun:
            raise Misconfigured(f"{self._folder}: no key for {kind} is good at this time.")
        return max(begun, key=lambda key: key.id)

    def find(self, kind: Kind, identifier: int, *, now: datetime) -> Key | None:
        """Give a key by its id if it is still good at `now`; looks into the folder for one that it does not know."""
        self._look(now)
        key = self._keys.get((kind, identifier))
        if key is None:
            self._look(now, at_once=True)
            key = self._keys.get((kind, identifier))
        return key if key is not None and key.good(now) else None

    def keys(self, kind: Kind, *, now: datetime) -> list[Key]:
        """List the keys of a kind that are still good, oldest first."""
        self._look(now, at_once=True)
        return sorted((k for k in self._keys.values() if k.kind is kind and k.good(now)), key=lambda key: key.id)

    def rotate(self, kind: Kind, *, now: datetime, overlap: timedelta | None = None) -> Key:
        """Make a new key that starts within a minute; the present one is good for `overlap` more (OVERLAP by default).

        Raises Misconfigured while two keys of the kind are good already: a third would end one before its time.
        """
        with _locked(self._folder / "rotate.lock"):
            good = self.keys(kind, now=now)
            if len(good) > 1:
                raise Misconfigured(
                    f"Two keys for {kind} are good until {good[0].not_after:%Y-%m-%d %H:%M}: wait for that day."
                )
            largest = self.largest(kind)
            if largest >= _LARGEST_ID:
                raise Misconfigured(f"{self._folder}: the ids of the keys for {kind} are used up.")
            start = now + _HEAD_START
            fresh = _make(self._folder, kind, largest + 1, not_before=start)
            for old in good:
                _write(self._folder, _ended(old, start + (OVERLAP[kind] if overlap is None else overlap)), anew=False)
            self.read(now=now)
        return fresh

    def end(self, kind: Kind, *, before: int, at: datetime, now: datetime) -> None:
        """Let keys with a smaller id than `before` end at `at`, where they would be good for longer."""
        with _locked(self._folder / "rotate.lock"):
            for key in self.keys(kind, now=now):
                if key.id < before and (key.not_after is None or key.not_after > at):
                    _write(self._folder, _ended(key, at), anew=False)
            self.read(now=now)

    def largest(self, kind: Kind) -> int:
        """Tell the largest id that a key of this kind ever had, ended ones included; 0 where there is none."""
        return max((identifier for known, identifier in self._keys if known is kind), default=0)

    def read(self, *, now: datetime) -> None:
        """Read the folder, whatever is known of it."""
        stamp = self._folder.stat().st_mtime_ns
        self._keys = {(key.kind, key.id): key for key in _read_all(self._folder)}
        self._stamp, self._looked_at = stamp, now

    def seal(self, plain: bytes, *, table: str, row: bytes, now: datetime) -> bytes:
        """Encrypt a value (AES-256-GCM) so that it opens only at this row: key id, nonce, ciphertext, tag."""
        key = self.current(Kind.SEAL, now=now)
        nonce = secrets.token_bytes(_NONCE)
        return bytes((key.id,)) + nonce + AESGCM(key.secret).encrypt(nonce, plain, _context(table, row, key.id))

    def unseal(self, sealed: bytes, *, table: str, row: bytes, now: datetime) -> bytes | None:
        """Decrypt a sealed value; None where it was changed, belongs to another row, or its key has ended."""
        key = self.find(Kind.SEAL, sealed[0], now=now) if len(sealed) > _NONCE else None
        if key is None:
            return None
        try:
            nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
            return AESGCM(key.secret).decrypt(nonce, rest, _context(table, row, key.id))
        except InvalidTag:
            return None

    def _look(self, now: datetime, *, at_once: bool = False) -> None:
        """Read the folder again every few seconds, or `at_once` if it has changed since.

        A key that is known stays in use when the folder cannot be read for a while.
        """
        recent = self._looked_at is not None and abs(now - self._looked_at) < _LOOK_AGAIN
        if recent and not at_once:
            return
        try:
            if not recent or self._folder.stat().st_mtime_ns != self._stamp:
                self.read(now=now)
        except OSError:
            if not self._keys:
                raise


def open_keyring(data_dir: Path, *, now: datetime) -> Keyring:
    """Read the secrets of a data directory; the first process to come makes them.

    Raises Misconfigured with a sentence where they cannot be used or others may read them.
    """
    folder = data_dir / "secrets"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_shared(folder)
        keyring = Keyring(folder)
        for kind in Kind:
            if not keyring.keys(kind, now=now):
                _make(folder, kind, keyring.largest(kind) + 1, not_before=now)
        keyring.read(now=now)
    except OSError as error:
        raise Misconfigured(f"{error.filename or folder}: cannot be used ({error.strerror}).") from error
    return keyring


def write_secret(path: Path, content: bytes) -> bool:
    """Put a whole file of mode 0600 in place unless one of that name is there; tell whether it was put.

    Of several processes that do so at once exactly one is told True, and nobody ever sees half a file.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def read_secret(path: Path) -> bytes:
    """Read a file that only its owner may read; raises Misconfigured naming it otherwise."""
    try:
        _refuse_shared(path)
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror}).") from error


def _refuse_shared(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        wanted = "0700" if path.is_dir() else "0600"
        raise Misconfigured(f"{path}: has mode {mode:04o}, so others may read it; make it {wanted}.")


def _make(folder: Path, kind: Kind, identifier: int, *, not_before: datetime) -> Key:
    key = Key(kind, identifier, not_before, None, secrets.token_bytes(_BYTES))
    _write(folder, key, anew=True)
    return key


def _ended(key: Key, not_after: datetime) -> Key:
    return Key(key.kind, key.id, key.not_before, not_after, key.secret)


def _write(folder: Path, key: Key, *, anew: bool) -> None:
    """Write one key's file: a new one only if there is none yet, an old one in place of itself."""
    secret = base64.b64encode(key.secret).decode()
    content = msgspec.json.encode(_File(key.kind, key.id, key.not_before, key.not_after, secret))
    path = folder / f"{key.kind}.{key.id}.json"
    if anew:
        write_secret(path, content)
        return
    draft = folder / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}"
    write_secret(draft, content)
    draft.replace(path)


def _read_all(folder: Path) -> Iterator[Key]:
    for path in folder.glob("*.*.json"):
        try:
            read = msgspec.json.decode(read_secret(path), type=_File)
            secret = base64.b64decode(read.secret, validate=True)
        except (msgspec.MsgspecError, binascii.Error):
            raise Misconfigured(f"{path}: is not a key of this server.") from None
        if len(secret) != _BYTES or path.name != f"{read.kind}.{read.id}.json" or not 1 <= read.id <= _LARGEST_ID:
            raise Misconfigured(f"{path}: is not a key of this server.")
        end = None if read.not_after is None else read.not_after.astimezone(UTC)
        yield Key(read.kind, read.id, read.not_before.astimezone(UTC), end, secret)


def _context(table: str, row: bytes, identifier: int) -> bytes:
    return b"\0".join((table.encode(), bytes((identifier,)), row))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
