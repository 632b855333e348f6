"""Places that outlive the disk: a mounted folder, or a data set on the Hub. Both take lines and never change one.

Does not know what the lines say. Of two programs that write to one place only the one that started last may: the other
is told at its next attempt, and nothing of it is kept from then on.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lamm_core.errors import AnnotationError

__all__ = ["FolderShelter", "HubShelter", "Shelter", "Superseded", "shelter"]


class Superseded(AnnotationError):
    """Another program has taken the place over."""


class Shelter(Protocol):
    """Keeps lines. ``at_once`` tells whether keeping is so quick that it is done before an act is answered."""

    name: str
    at_once: bool

    def take_over(self) -> list[str]:
        """Become the one who may write; every line there is. Raises AnnotationError where the place is not there."""
        ...

    def keep(self, lines: Sequence[str]) -> None:
        """Keep lines for good before returning. Raises Superseded, or AnnotationError where it failed."""
        ...


def shelter(text: str) -> Shelter | None:
    """The place that a setting names: ``hf:OWNER/DATASET``, a folder, or none."""
    if not text:
        return None
    return HubShelter(text.removeprefix("hf:")) if text.startswith("hf:") else FolderShelter(Path(text))


class FolderShelter:
    """A folder on a disk that lasts, such as a mounted bucket. Each start writes to a file of its own."""

    at_once = True

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder
        self._file: Path | None = None

    def take_over(self) -> list[str]:
        """The lines of all files, oldest first. A last line that a kill cut short was never kept, and is left out."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Begun before the reading: whoever wrote until now is told from here on, and what it kept is read.
            self._file = self._folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}.jsonl"
            self._append(b"")
            return [line for file in self._files() for line in _whole(file.read_text(encoding="utf-8"))]
        except OSError as error:
            raise AnnotationError(f"{self.name} cannot be used ({error.strerror}). Is it mounted?") from error

    def keep(self, lines: Sequence[str]) -> None:
        """Append and wait until the disk has it."""
        self._require_last()
        try:
            self._append("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise AnnotationError(f"{self.name} took nothing ({error.strerror}).") from error
        self._require_last()  # one that began meanwhile may have read before these lines were there

    def _require_last(self) -> None:
        if self._file is None or self._files()[-1:] != [self._file]:
            raise Superseded(_superseded(self.name))

    def _append(self, content: bytes) -> None:
        assert self._file is not None
        with self._file.open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.jsonl"))


class HubShelter:
    """A private data set on the Hub. Keeping is a commit that adds one file, upon the commit that was last."""

    at_once = False

    def __init__(self, repository: str, *, endpoint: str | None = None, token: str | None = None) -> None:
        self.name = repository
        self._endpoint = endpoint
        self._token = token
        self._last: str | None = None

    def take_over(self) -> list[str]:
        """Every line of every file, the commit after which nobody else may write being ours."""
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self._endpoint, token=self._token)
        with _in_words(self.name):
            api.create_repo(self.name, repo_type="dataset", private=True, exist_ok=True)
            for _ in range(20):
                info = api.repo_info(self.name, repo_type="dataset")
                names = sorted(one.rfilename for one in info.siblings or () if one.rfilename.startswith("events/"))
                self._last = info.sha
                try:
                    self._commit(f"starts/{time.time_ns()}.txt", b"started\n", "A start")
                except Superseded:
                    continue  # somebody wrote meanwhile: read again
                return [line for name in names for line in self._lines(api, name, info.sha)]
        raise AnnotationError(f"Others write to {self.name} without pause. Stop them, then start again.")

    def keep(self, lines: Sequence[str]) -> None:
        """Add a file of these lines, named by the time so that the files have an order."""
        name = f"events/{time.time_ns():020d}.jsonl"
        with _in_words(self.name):
            self._commit(name, "".join(f"{line}\n" for line in lines).encode(), f"{len(lines)} events")

    def _commit(self, path: str, content: bytes, message: str) -> None:
        from huggingface_hub import CommitOperationAdd, HfApi
        from huggingface_hub.errors import HfHubHTTPError

        api = HfApi(endpoint=self._endpoint, token=self._token)
        try:
            made = api.create_commit(
                self.name,
                [CommitOperationAdd(path, content)],
                commit_message=message,
                repo_type="dataset",
                parent_commit=self._last,
            )
        except HfHubHTTPError as error:
            if error.response.status_code == 412:
                raise Superseded(_superseded(self.name)) from error
            raise
        self._last = made.oid

    def _lines(self, api: object, name: str, revision: str) -> Iterator[str]:
        from huggingface_hub import hf_hub_download

        file = hf_hub_download(
            self.name, name, repo_type="dataset", revision=revision, endpoint=self._endpoint, token=self._token
        )
        return _whole(Path(file).read_text(encoding="utf-8"))


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, httpx2.HTTPError, OSError) as error:
        raise AnnotationError(f"{name} on the Hub took nothing ({str(error)[:200]}).") from error


def _superseded(name: str) -> str:
    return f"Another program writes to {name} now. Load the page anew to go on there."


def _whole(text: str) -> Iterator[str]:
    return (line.rstrip("\n") for line in text.splitlines(keepends=True) if line.endswith("\n"))
