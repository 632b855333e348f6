"""Who may sign in to a shared app, and how far each may go: one YAML file, read anew when it changes.

Does not know what the roles allow, nor how somebody signs in. Passwords are kept as scrypt hashes (RFC 7914).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import yaml

from lamm_core.errors import ConfigError

__all__ = ["ROLES", "People", "Person", "Role", "hashed", "matches"]

Role = Literal["none", "viewer", "reviewer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)  # each may do what those before it may

_COST, _BLOCK, _LANES = 2**14, 8, 1  # 16 MB and some 50 ms for each try
_SHORTEST = 10


@dataclass(frozen=True)
class Person:
    """Somebody with a name; without a hash only a service that vouches for them, as Hugging Face does, lets them in."""

    name: str
    role: Role
    password: str = ""


class People:
    """The people of a file. Raises ConfigError where it cannot be read or says something else than it should."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._read: tuple[int, Mapping[str, Person]] | None = None
        self.all()

    def all(self) -> Mapping[str, Person]:
        """Everybody by name, as the file says now."""
        with self._lock:
            try:
                changed = self.file.stat().st_mtime_ns
                if self._read is None or self._read[0] != changed:
                    self._read = (changed, _parsed(self.file.read_text(encoding="utf-8"), self.file))
            except OSError as error:
                raise ConfigError(
                    f"{self.file} cannot be read ({error.strerror}). `lamm people add NAME --role admin` writes it."
                ) from error
            return self._read[1]

    def role(self, name: str, *, otherwise: Role) -> Role:
        """How far somebody may go."""
        person = self.all().get(name)
        return otherwise if person is None else person.role

    def check(self, name: str, password: str) -> bool:
        """Whether this is the person's password. It takes as long for a name that is not there."""
        person = self.all().get(name)
        kept = person.password if person is not None and person.password else _NOBODY
        return matches(password, kept) and person is not None and bool(person.password)

    @staticmethod
    def write(file: Path, people: Mapping[str, Person]) -> None:
        """Write the file anew, for its owner's eyes only."""
        values = {
            person.name: {"role": person.role, **({"password": person.password} if person.password else {})}
            for person in people.values()
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        coming = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            yaml.safe_dump({"people": values}, out, sort_keys=True, allow_unicode=True)
        coming.replace(file)


def hashed(password: str) -> str:
    """A password as it is kept. Raises ConfigError for one that is too short to keep."""
    if len(password) < _SHORTEST:
        raise ConfigError(f"A password has {_SHORTEST} letters at least. Choose a longer one; several words are good.")
    salt = secrets.token_bytes(16)
    return f"scrypt:{salt.hex()}:{_scrypt(password, salt).hex()}"


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one that was kept."""
    _, salt, digest = kept.split(":")
    return secrets.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(digest))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, dklen=32)


_NOBODY = f"scrypt:{'00' * 16}:{'00' * 32}"


def _parsed(text: str, file: Path) -> Mapping[str, Person]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no YAML: {error}") from error
    listed = values.get("people") if isinstance(values, dict) else None
    if not isinstance(listed, dict):
        raise ConfigError(f"{file} must begin with `people:` and a line for each of them.")
    found = {}
    for name, entry in listed.items():
        entry = {"role": entry} if isinstance(entry, str) else entry
        if not isinstance(name, str) or not isinstance(entry, dict) or entry.get("role") not in ROLES:
            raise ConfigError(f"{file}: {name} needs a role, one of {', '.join(ROLES)}.")
        password = entry.get("password", "")
        if password and not (isinstance(password, str) and _is_hash(password)):
            raise ConfigError(f"{file}: the password of {name} is no hash. `lamm people add {name}` writes one.")
        found[name] = Person(name, cast(Role, entry["role"]), password)
    return found


def _is_hash(text: str) -> bool:
    parts = text.split(":")
    return len(parts) == 3 and parts[0] == "scrypt" and all(len(part) >= 32 for part in parts[1:])
