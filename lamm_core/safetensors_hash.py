"""The identity of a set of weights: one hash over the tensors of a folder, whatever file order they were written in.

Does not know what the tensors mean, and needs no torch: a safetensors file is a JSON header before raw bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from lamm_core.errors import WeightsError

__all__ = ["weights_hash"]

SIDECAR = "weights-hash.json"


def weights_hash(folder: Path) -> str:
    """SHA-256 over the name, dtype, shape and bytes of every tensor in the folder's safetensors files.

    Stable under renaming or sharding the files and under their metadata. The answer is remembered in a sidecar file
    and taken from there while sizes and times of the files stay the same. Raises WeightsError where there is no
    safetensors file or one is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise WeightsError(f"{folder} holds no safetensors file to identify the weights by.")
    stamps = {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in files}
    sidecar = folder / SIDECAR
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(sidecar.read_text(encoding="utf-8"))
        if known["files"] == stamps:
            return str(known["sha256"])
    answer = hash_tensors(files)
    with contextlib.suppress(OSError):  # a read-only folder is hashed anew each time
        write_atomically(sidecar, json.dumps({"sha256": answer, "files": stamps}))
    return answer


def hash_tensors(files: list[Path]) -> str:
    """Hash the tensors of all files in the order of their names."""
    tensors: dict[str, tuple[Path, int, str, list[int], int]] = {}
    for path in files:
        try:
            with path.open("rb") as file:
                header_bytes = int.from_bytes(file.read(8), "little")
                if header_bytes > path.stat().st_size:
                    raise ValueError("its header is longer than the file")
                header = json.loads(file.read(header_bytes))
            for name, entry in header.items():
                if name == "__metadata__":
                    continue
                start, end = entry["data_offsets"]
                tensors[name] = (path, 8 + header_bytes + start, entry["dtype"], entry["shape"], end - start)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(
                f"{path} is not a whole safetensors file ({error}). Delete it and fetch again."
            ) from error
    digest = hashlib.sha256()
    for name in sorted(tensors):
        path, offset, dtype, shape, size = tensors[name]
        digest.update(json.dumps([name, dtype, shape]).encode())
        with path.open("rb") as file:
            file.seek(offset)
            while size:
                block = file.read(min(size, 1 << 22))
                if not block:
                    raise WeightsError(f"{path} ends in the middle of {name}. Delete it and fetch again.")
                digest.update(block)
                size -= len(block)
    return digest.hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Replace ``path`` in one step, so that a reader beside us sees the old file or the new one."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
