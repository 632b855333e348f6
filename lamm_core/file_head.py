"""The first bytes of a file that somebody gave, by which it is told what it is.

Does not know any format; standard library only.
"""

from __future__ import annotations

from pathlib import Path

from lamm_core.errors import MediaError

__all__ = ["file_head"]


def file_head(path: Path, count: int, *, expected: str) -> tuple[bytes, int]:
    """The first ``count`` bytes, at least one, and the size of the file.

    Raises MediaError, which ends in what was ``expected``, where there is no file, nothing in it, or no right to it.
    """
    if path.is_dir():
        raise MediaError(f"{path.name} is a folder; {expected}.")
    try:
        if path.exists() and not path.is_file():
            raise MediaError(f"{path.name} is not a regular file; {expected}.")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(count)
    except FileNotFoundError as error:
        raise MediaError(f"{path.name} does not exist; {expected}.") from error
    except (OSError, ValueError) as error:
        raise MediaError(f"{path.name} cannot be read ({error.__class__.__name__}); {expected}.") from error
    if not head:
        raise MediaError(f"{path.name} is an empty file; {expected}.")
    return head, size
