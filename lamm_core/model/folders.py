"""A checkpoint folder that appears whole or not at all.

Does not know what the files hold, only which names belong to a checkpoint.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from lamm_core.errors import CheckpointError

__all__ = ["flush", "replacing"]

OURS = ("config.json", "README.md", "projector-*.safetensors", "encoder-*.safetensors", "adapter-*", ".gitattributes")


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """An empty folder to write into, which takes the place of ``folder`` at the end, or vanishes after an error.

    Raises CheckpointError where ``folder`` exists and holds anything that is no part of a checkpoint.
    """
    folder = folder.expanduser().resolve()
    refuse_strangers(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-", dir=folder.parent))
    try:
        temporary.chmod(0o755)  # mkdtemp makes it private
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                flush(path)
        if folder.exists():
            replaced = temporary.with_name(temporary.name.replace(".partial-", ".replaced-"))
            folder.rename(replaced)
            temporary.rename(folder)
            shutil.rmtree(replaced)
        else:
            temporary.rename(folder)
        flush(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_strangers(folder: Path) -> None:
    """Raise CheckpointError rather than delete a file that somebody else put there."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CheckpointError(f"{folder.name} is a file; a checkpoint is a folder. Choose another name.")
    strangers = sorted(path.name for path in folder.iterdir() if not any(fnmatch(path.name, name) for name in OURS))
    if strangers:
        raise CheckpointError(
            f"{folder.name} holds {', '.join(strangers[:3])}, which is no part of a checkpoint and would be lost. "
            "Choose an empty or a new folder."
        )


def flush(path: Path) -> None:
    """Make a file or folder entry survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
