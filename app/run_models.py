"""What becomes of a run's model: measured, exported, pushed to the Hub; and what measurements of it say beside others.

Does not know how any of it is done: each is a command of `lamm` in a process of its own, and results are read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.inspection.run_shelf import Run, RunShelf
from app.inspection.run_starter import Order, RunStarter
from app.reviews.jobs import Job, Jobs
from app.training import Training, parse_recipe
from lamm_core.errors import ConfigError, HubError, LammError
from lamm_core.launchers.run import model_folder
from lamm_core.launchers.typed import last_line_of
from lamm_core.training.recipe import TrainingRecipe

if TYPE_CHECKING:
    from lamm_core.evaluation.compare import Comparison

__all__ = ["FORMS", "Beside", "RunModels"]

FORMS = {"adapters": "adapters and projector", "merged": "merged, for transformers", "gguf": "one GGUF file"}
_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")


@dataclass(frozen=True)
class Beside:
    """Two measurements of one task on the samples that both answered; ``trouble`` says why they do not compare."""

    first: Run
    second: Run
    found: Comparison | None = None
    trouble: str = ""


class RunModels:
    """What is done with the models of ``training``'s runs. ``token`` is the Hub's, from the environment."""

    def __init__(
        self, training: Training, shelf: RunShelf, starter: RunStarter, *, exported: Path, token: str | None
    ) -> None:
        self.training = training
        self.exported = exported
        self._shelf = shelf
        self._starter = starter
        self._jobs = Jobs()
        self._token = token

    # Out of the run.

    def modalities(self, name: str) -> list[str]:
        """Whose adapters the run's model has; none before its first checkpoint."""
        try:
            source = model_folder(self.training.folder(name))
        except ConfigError:
            return []
        return sorted(path.name.removeprefix("adapter-") for path in source.glob("adapter-*"))

    def suggestion(self, name: str) -> Order:
        """What to measure it on: the task and data that its beginnings were measured on, else what was measured last.

        Where the run learned from a pinned export that holds samples apart, exactly those.
        """
        earlier = next(iter([*self.before(name), *self._shelf.runs()]), None)
        about = earlier.manifest if earlier is not None and not earlier.shipped else {}
        recipe = self._recipe(name)
        apart = [one.path for one in recipe.eval_data if one.sha256] if recipe else []
        return Order(str(about.get("task") or ""), str(about.get("data") or ""), name, only=apart[0] if apart else "")

    def benchmark(self, name: str, order: Order) -> str:
        """Start `lamm bench run` on the model as it is now; the name of the benchmark run. Raises ConfigError."""
        model = self.training.models / self.training.publish(name)
        return self._starter.start(Order(order.task, order.data, str(model), order.limit, order.baselines, order.only))

    def export(self, name: str, form: str, *, modality: str = "", target: str = "") -> str:
        """Start `lamm runs export`; where it will lie. Raises ConfigError."""
        model_folder(self.training.folder(name))
        if form not in FORMS:
            raise ConfigError(f"There is no form {form!r} of export. Known: {', '.join(FORMS)}.")
        known = self.modalities(name)
        modality = modality or (known[0] if len(known) == 1 else "")
        ending = {"adapters": "", "merged": f"-{modality}", "gguf": f"-{modality}.gguf"}[form]
        out = Path(target.strip()).expanduser() if target.strip() else self.exported / f"{name}{ending}"
        if out.exists():
            raise ConfigError(f"{out} is there already. Name another place.")
        if form != "adapters" and modality not in known:
            raise ConfigError(f"Choose whose adapter is folded into the language model: {', '.join(known)}.")
        choice = [] if form == "adapters" else [f"--{form}", modality]
        self._command(name, f"{FORMS[form]}: {out}", ["export", name, str(out.absolute()), *choice])
        return str(out)

    def push(self, name: str, repository: str, *, public: bool = False) -> None:
        """Start `lamm runs push`. Raises HubError without a token, ConfigError without a model or a name."""
        model_folder(self.training.folder(name))
        if not self._token:
            raise HubError(
                "There is no token for the Hub. Start the page with HF_TOKEN set to one that may write "
                "(huggingface.co/settings/tokens)."
            )
        if not _REPOSITORY.fullmatch(repository.strip()):
            raise ConfigError(f"{repository.strip() or 'Nothing'!r} is no name on the Hub: give OWNER/NAME.")
        words = ["push", name, repository.strip(), *(["--public"] if public else [])]
        self._command(name, f"to the Hub as {repository.strip()}", words)

    def jobs(self, name: str) -> list[dict[str, str]]:
        """Exports and pushes of this run since the page was started, the newest first."""
        mine = [job for job in self._jobs.views() if job["title"] == name and job["values"]]
        return [
            {**job["values"], "state": job["state"], "said": job["message"] or job["values"].get("said", "")}
            for job in mine
        ]

    def _command(self, name: str, title: str, words: Sequence[str]) -> None:
        words = ["runs", *words]
        environment = {**self.training.environment, "LAMM_RUNS": str(self.training.runs.parent)}

        def work(job: Job) -> None:
            job.values |= {"title": title, "command": shlex.join(["lamm", *words])}
            job.values["said"] = last_line_of(words, environment=environment, python=self.training.python)

        self._jobs.begin(name, work)

    # What was measured.

    def measured(self, name: str) -> list[Run]:
        """Benchmark runs of this run's model, the newest first."""
        folder = self.training.folder(name)
        return self._of(self.training.models / name, folder)

    def before(self, name: str) -> list[Run]:
        """Benchmark runs of the model that the run started from; none where it began anew."""
        recipe = self._recipe(name)
        return self._of(Path(recipe.model)) if recipe and isinstance(recipe.model, str) else []

    def beside(self, name: str, other: str | None = None) -> list[Beside]:
        """The run's measurements beside the newest of ``other``, by default of the model that it started from."""
        theirs = {run.task: run for run in reversed(self.before(name) if other is None else self.measured(other))}
        pairs = [(run, theirs[run.task]) for run in self.measured(name) if run.task in theirs]
        return [_beside(mine, earlier) for mine, earlier in pairs if mine.phase == earlier.phase == "completed"]

    def _recipe(self, name: str) -> TrainingRecipe | None:
        """What the run was told; None where its file cannot be read, which is said where one goes on with it."""
        try:
            return parse_recipe(self.training.recipe_text(name))
        except ConfigError:
            return None

    def _of(self, *models: Path) -> list[Run]:
        folders = [model.expanduser().absolute() for model in models]

        def ours(run: Run) -> bool:
            model = run.manifest.get("model")
            said = model.get("folder") if isinstance(model, dict) else None
            return isinstance(said, str) and any(Path(said).absolute().is_relative_to(one) for one in folders)

        return [run for run in self._shelf.runs() if not run.problem and ours(run)]


def _beside(first: Run, second: Run) -> Beside:
    stamps = [run.records.stat().st_mtime_ns for run in (first, second)]
    try:
        return Beside(first, second, _compared(first.folder, second.folder, *stamps))
    except LammError as error:
        return Beside(first, second, trouble=str(error))


@lru_cache(maxsize=64)
def _compared(first: Path, second: Path, *stamps: int) -> Comparison:
    """Judged once for each pair of records."""
    from lamm_core.evaluation.compare import compare

    return compare(first, second)
