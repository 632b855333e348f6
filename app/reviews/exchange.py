"""Data coming into the queue from files, and leaving it as pinned versions.

Does not know file formats nor the page. Only files below folders that the settings name are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from annotation.review.forms import checks_from, turns_from
from annotation.review.items import USABLE, Draft
from annotation.review.marks import take_out
from annotation.sources.source import Broken
from app.marks import MarkBook
from app.reviews.asked import Asked
from app.reviews.desk import Act, Answer
from app.reviews.jobs import Job, Jobs
from app.reviews.service import Reviews
from lamm_core.conversation import Media, Turn
from lamm_core.errors import AnnotationError, DataError

__all__ = ["Exchange", "read_lines"]

FORMS = {
    "lamm": "LAMM's JSON",
    "llava": "LLaVA's JSON",
    "parquet": "Parquet, or a data set's folder from the Hub",
    "marked": "Marked samples (marked.jsonl)",
    "drafts": "Generated drafts (drafts.jsonl)",
}
EXPORTS = {"lamm": "LAMM's JSON", "llava": "LLaVA's JSON", "datasets": "Parquet for datasets and the Hub"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REPORTED = 50


class Exchange:
    """The acts of importing and exporting.

    ``roots`` are the folders that may be read from, ``token`` is the Hub's, from the environment.
    """

    def __init__(
        self,
        reviews: Reviews,
        jobs: Jobs,
        marks: MarkBook,
        *,
        roots: Sequence[Path],
        exports: Path,
        demo: Path,
        token: str | None = None,
    ) -> None:
        self._reviews = reviews
        self._jobs = jobs
        self._marks = marks
        self._roots = tuple(root.resolve() for root in roots)
        self._exports = exports
        self._demo = demo
        self._token = token

    @property
    def example(self) -> str:
        """The folder of the shipped pictures, which the generator reads as a CSV of one's own."""
        return str(self._demo)

    @property
    def acts(self) -> Mapping[str, Act]:
        """By name."""
        return {
            "exchange": self._exchange,
            "import": self._import,
            "import_marked": self._import_marked,
            "export": self._export,
            "push": self._push,
            "stop_job": self._stop,
            "example": self._example,
        }

    def _exchange(self, who: str, asked: Asked) -> Answer:
        return {
            "forms": FORMS,
            "exportForms": EXPORTS,
            "jobs": self._jobs.views(),
            "marked": self._marks.waiting(),
            "exports": self._exported(),
            "roots": [str(root) for root in self._roots[:1]],
            "exportFolder": str(self._exports),
        }

    # Coming in.

    def _import(self, who: str, asked: Asked) -> Answer:
        form, source = asked.text("form", most=20), asked.text("source", most=200).strip()
        path = self.admitted(asked.text("path"))
        media = asked.text("media")
        root = self.admitted(media) if media else None
        if form not in FORMS:
            raise AnnotationError(f"There is no form {form!r} to import. Known: {', '.join(FORMS)}.")
        if form == "marked" and path == self._marks.file.resolve():
            return self._import_marked(who, asked)
        job = self._jobs.begin(
            f"Importing {path.name}", lambda job: self.add(job, _drafts(form, path, root, source), who)
        )
        return {"job": job.view()}

    def _import_marked(self, who: str, asked: Asked) -> Answer:
        def work(job: Job) -> None:
            with self._marks.locked():
                self.add(job, _drafts("marked", self._marks.file, None, ""), who)
                if not job.stop.is_set():
                    take_out(self._marks.file)

        if not self._marks.waiting():
            raise AnnotationError("No marked sample waits. Mark some in the chat or the benchmark first.")
        return {"job": self._jobs.begin("Importing marked samples", work).view()}

    def _example(self, who: str, asked: Asked) -> Answer:
        file = self._demo / "drafts.jsonl"
        drafts = [_moved(draft, self._demo) for draft in read_lines(file) if isinstance(draft, Draft)]
        added = self._reviews.store.add_drafts(drafts, actor="the shipped example")
        return {"added": added.added, "known": added.known}

    def add(self, job: Job, found: Iterable[Draft | Broken], who: str) -> None:
        """Put drafts into the queue, counting as they come; what is broken is named."""
        counts: dict[str, Any] = {"read": 0, "added": 0, "known": 0, "broken": 0, "reasons": []}
        job.values = counts

        def whole() -> Iterator[Draft]:
            for one in found:
                if job.stop.is_set():
                    return
                counts["read"] += 1
                if isinstance(one, Draft):
                    one = self._within(one)
                if isinstance(one, Draft):
                    yield one
                    continue
                counts["broken"] += 1
                if len(counts["reasons"]) < _REPORTED:
                    counts["reasons"] = [*counts["reasons"], f"{one.place}: {one.reason}"]

        added = self._reviews.store.add_drafts(whole(), actor=who)
        counts |= {"added": added.added, "known": added.known, "broken": counts["broken"] + added.broken}
        counts["reasons"] = [*counts["reasons"], *added.reasons][:_REPORTED]

    def admitted(self, text: str) -> Path:
        """The file or folder that a person named. Raises AnnotationError where it may not be read or is not there."""
        if not text.strip():
            raise AnnotationError("Name the file or folder to import, or choose one.")
        path = Path(text.strip()).expanduser().resolve()
        if not self._readable(path):
            raise AnnotationError(
                f"{path} lies outside the folders that may be read: {', '.join(map(str, self._roots))}. Move it there, "
                "or name another folder in LAMM_REVIEW_DATA when the program is started."
            )
        if not path.exists():
            raise AnnotationError(f"There is no {path} on the machine that runs the program. Give its path there.")
        return path

    def _readable(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self._roots)

    def _within(self, draft: Draft) -> Draft | Broken:
        """The draft, unless it shows a file that may not be read: an export would hand that file out."""
        for medium in (medium for turn in draft.turns for medium in turn.media):
            if not self._readable(medium.path.resolve()):
                reason = f"it shows {medium.path}, which lies outside the folders that may be read"
                return Broken(draft.source_id or draft.source, reason)
        return draft

    # Leaving.

    def _export(self, who: str, asked: Asked) -> Answer:
        from annotation.review.export import export

        name, form, filters = asked.text("name", most=80).strip(), asked.text("form", most=20), asked.filters
        if not _NAME.fullmatch(name):
            raise AnnotationError("Name the version with letters, digits, dots, dashes or underscores: pets-1.")
        if form not in EXPORTS:
            raise AnnotationError(f"There is no form {form!r} of export. Known: {', '.join(EXPORTS)}.")
        share = asked.amount("heldApart")
        if share >= 1:
            raise AnnotationError("The share held apart is from 0 to below 1.")
        filters = filters if filters.status else replace(filters, status=USABLE)
        out = self._exports / name
        if out.exists():
            raise AnnotationError(f"There is a version {name!r} already; versions never change. Choose another name.")
        store, event = self._reviews.store, asked.optional("event")

        def work(job: Job) -> None:
            manifest = export(store, out, form=form, filters=filters, event=event, held_apart=share, name=name)
            job.values = {"manifest": asdict(manifest), "folder": str(out)}

        return {"job": self._jobs.begin(f"Exporting {name}", work).view()}

    def _push(self, who: str, asked: Asked) -> Answer:
        from annotation.review.hub import push

        name, repository = asked.text("name", most=80), asked.text("repository", most=200).strip()
        folder = self._exports / name
        if not _NAME.fullmatch(name) or not folder.is_dir():
            raise AnnotationError(f"There is no version {name!r}. Load the page anew.")
        if not _REPOSITORY.fullmatch(repository):
            raise AnnotationError("Name the data set on the Hub as OWNER/NAME: my-team/pets.")
        if not self._token:
            raise AnnotationError(
                "There is no token for the Hub. Start the page with HF_TOKEN set to one that may write "
                "(huggingface.co/settings/tokens)."
            )
        private = not asked.flag("public")

        def work(job: Job) -> None:
            job.values = {"address": push(folder, repository, private=private, token=self._token)}

        return {"job": self._jobs.begin(f"Pushing {name} to {repository}", work).view()}

    def _exported(self) -> list[dict[str, Any]]:
        from annotation.review.manifest import MANIFEST, Manifest

        found = []
        folders = sorted(self._exports.iterdir()) if self._exports.is_dir() else []
        for folder in folders:
            if folder.name.startswith(".") or not (folder / MANIFEST).is_file():
                continue
            try:
                found.append({"name": folder.name, "folder": str(folder), "manifest": asdict(Manifest.read(folder))})
            except DataError as error:
                found.append({"name": folder.name, "folder": str(folder), "problem": str(error)})
        return sorted(found, key=lambda one: str(one.get("manifest", {}).get("created", "")), reverse=True)

    def _stop(self, who: str, asked: Asked) -> Answer:
        self._jobs.stop(asked.whole("number"))
        return {}


def _drafts(form: str, path: Path, root: Path | None, source: str) -> Iterator[Draft | Broken]:
    if form == "drafts":
        return read_lines(path)
    from annotation.review.importers import read_drafts

    return read_drafts(form, path, media_root=root, source=source)


def read_lines(path: Path) -> Iterator[Draft | Broken]:
    """The drafts of a drafts.jsonl; a broken line is one of its own. Raises AnnotationError where it is not there."""
    try:
        file = path.open(encoding="utf-8")
    except OSError as error:
        raise AnnotationError(f"{path} could not be read ({error.strerror}).") from error
    with file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
                values["turns"] = turns_from(values["turns"])
                values["checks"] = checks_from(values["checks"])
                yield Draft(**values)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                yield Broken(f"{path.name}, line {number}", f"no draft: {error!r}")


def _moved(draft: Draft, folder: Path) -> Draft:
    """A draft whose media lie in ``folder``."""
    turns = tuple(
        Turn(turn.role, turn.text, tuple(Media(one.modality, folder / one.path) for one in turn.media))
        for turn in draft.turns
    )
    return replace(draft, turns=turns)
