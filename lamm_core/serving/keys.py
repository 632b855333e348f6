"""The keys that open the server.

Does not know HTTP. A key is compared in constant time and is never part of a message.
"""

from __future__ import annotations

import hashlib
import hmac
import stat
from pathlib import Path

from lamm_core.errors import ConfigError

__all__ = ["Keys", "read_keys"]

SHORTEST = 8


class Keys:
    """Knows the keys by their hashes only; without one, everybody may enter."""

    def __init__(self, keys: tuple[str, ...] = ()) -> None:
        self._digests = tuple(_digest(key) for key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __repr__(self) -> str:
        return f"Keys({len(self._digests)})"

    def admit(self, given: str) -> bool:
        """Whether this is one of the keys; how long it takes tells nothing about which."""
        digest = _digest(given)
        return sum([hmac.compare_digest(digest, known) for known in self._digests]) > 0


def read_keys(variable: str, file: Path | None) -> Keys:
    """The key in an environment variable and those in a file, one a line. Raises ConfigError.

    The file must be readable by its owner alone.
    """
    keys = [variable.strip()] if variable.strip() else []
    if file is not None:
        try:
            mode = file.stat().st_mode
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The file of keys {file} cannot be read ({type(error).__name__}).") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"The file of keys {file} can be read by others. Type: chmod 600 {file}")
        found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not found:
            raise ConfigError(f"The file of keys {file} holds none. Write one key a line.")
        keys += found
    if any(len(key) < SHORTEST or not key.isascii() for key in keys):
        raise ConfigError(
            f"A key has at least {SHORTEST} characters of ASCII. This makes one: "
            "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return Keys(tuple(keys))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
