"""Makes the example of the benchmark tab: lamm-mini over the demo pictures, with and without its adapter.

Does not know the page. `python -m assets.demo.example_runs` in the repository. Some thirty questions are far too few to
claim anything, and the truth was written down by hand: it shows how the tab works. "Without its adapter" is the same
model with the projector alone, so that one sees what the adapter has learned.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.evaluation.parsing import number, words
from lamm_core.evaluation.runner import Baseline, Plan, run
from lamm_core.evaluation.task import Part, Score, TaskDefaults
from lamm_core.grounding import box_overlap, find_boxes

HERE = Path(__file__).parent
OUT = HERE / "runs"
OVERLAP = 0.5
RUNS: Mapping[str, tuple[str, str, tuple[Baseline | None, ...]]] = {
    "example-a-adapter": ("lamm-mini", "image", (None, "blind", "shuffled")),
    "example-b-no-adapter": ("lamm-mini without its adapter", "", (None,)),
}


@dataclass(frozen=True)
class Asked:
    """A question with its truth: a word to be named, a number, a word to be read, or the box of a thing."""

    picture: str
    kind: Literal["name", "count", "read", "box"]
    question: str
    truth: Any
    label: str = ""


def box(picture: str, label: str, *place: float) -> list[Asked]:
    """Where something is, in two wordings."""
    return [
        Asked(picture, "box", f"Where is the {label}?", [round(value, 3) for value in place], label),
        Asked(picture, "box", f"Find the {label} and give its box.", [round(value, 3) for value in place], label),
    ]


def name(picture: str, *truth: str) -> list[Asked]:
    """What it shows, in two wordings; any of these words is right."""
    return [Asked(picture, "name", text, list(truth)) for text in ("What is in the picture?", "What does this show?")]


def count(picture: str, label: str, truth: int) -> Asked:
    """How many there are."""
    return Asked(picture, "count", f"How many {label} are there?", truth)


QUESTIONS: tuple[Asked, ...] = (
    *name("cat.jpg", "cat"),
    *name("coffee.jpg", "cup", "coffee", "espresso", "saucer"),
    *name("astronaut.jpg", "person", "astronaut", "woman"),
    *name("scene.png", "house", "car", "tree", "street"),
    *box("cat.jpg", "cat", 0.0, 0.0, 0.85, 1.0),
    *box("coffee.jpg", "cup", 0.29, 0.04, 0.7, 0.77),
    *box("coffee.jpg", "spoon", 0.54, 0.16, 0.71, 0.81),
    *box("astronaut.jpg", "person", 0.04, 0.02, 0.99, 1.0),
    *box("scene.png", "car", 440 / 720, 290 / 480, 670 / 720, 448 / 480),
    *box("scene.png", "house", 45 / 720, 50 / 480, 285 / 720, 325 / 480),
    *box("scene.png", "tree", 300 / 720, 110 / 480, 420 / 720, 325 / 480),
    count("shapes.png", "circles", 3),
    count("shapes.png", "triangles", 1),
    count("shapes.png", "shapes", 5),
    count("scene.png", "cars", 1),
    count("scene.png", "windows of the house", 2),
    count("cat.jpg", "cats", 1),
    Asked("word.png", "read", "What word is written in the picture?", "HOTEL"),
    Asked("word.png", "read", "Read the sign.", "HOTEL"),
)


class Example(TaskDefaults):
    """One point a question: the word is named, the number is right, the word is read, or the box overlaps enough."""

    name = "example"
    kind = "example"
    title = "Example: questions about the demo pictures"
    version = 1
    modality = "image"
    metrics = ("accuracy",)
    max_new_tokens = 48

    def samples(self, data: Path, media: Path, *, limit: int | None, seed: int) -> list[Sample]:
        """All questions; ``data`` is the folder of the pictures."""
        return [
            Sample(
                f"{Path(one.picture).stem}-{number:02d}",
                (Turn("user", one.question, (Media("image", data / one.picture),)),),
                target=one.truth,
                metadata={"source_dataset": "demo", "kind": one.kind, "label": one.label},
            )
            for number, one in enumerate(QUESTIONS, start=1)
        ][:limit]

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        kind, truth = sample.metadata["kind"], sample.target
        if kind == "box":
            return _box_score(answer, truth, str(sample.metadata["label"]))
        if kind == "count":
            said = number(answer)
            if said is None:
                return _unparsed("no number in the answer")
            return _score(said == truth, str(said), f"{said} is said, {truth} is true", "first number")
        found = words(answer)
        if not found:
            return _unparsed("no words")
        if kind == "read":
            return _score(truth in found, " ".join(found), f"the word is {truth}", "all words")
        hits = [word for word in truth if word.upper() in found or f"{word.upper()}S" in found]
        told = f"names {hits[0]}" if hits else f"names none of {', '.join(truth)}"
        return _score(bool(hits), " ".join(found).lower(), told, "all words")


def _box_score(answer: str, truth: list[float], label: str) -> Score:
    boxes = find_boxes(answer)
    detail: dict[str, Any] = {
        "truth_boxes": [{"label": label, "box": truth}],
        "answer_boxes": [{"label": one.label, "box": [one.x1, one.y1, one.x2, one.y2]} for one in boxes],
    }
    if not boxes:
        return _unparsed("no box in the answer", detail)
    first = detail["answer_boxes"][0]["box"]
    overlap = box_overlap(first, truth)
    told = f"the first box overlaps by {overlap:.2f}; {OVERLAP} is enough"
    return _score(overlap >= OVERLAP, str(first), told, "first box", detail)


def _score(right: bool, parsed: str, reason: str, extraction: str, detail: Mapping[str, Any] | None = None) -> Score:
    return Score(float(right), parsed, reason, {"accuracy": Part(float(right), 1)}, extraction, detail or {})


def _unparsed(reason: str, detail: Mapping[str, Any] | None = None) -> Score:
    return Score(None, None, reason, {"accuracy": Part(0, 1)}, "none", detail or {})


def measure(folders: Mapping[str, Path]) -> None:
    """Both runs, each into its folder."""
    from lamm_core.__main__ import find_model, load_model
    from lamm_core.evaluation.identity import model_identity
    from lamm_core.evaluation.respondent import LocalModel
    from lamm_core.inference.engine import LocalEngine

    found = find_model("lamm-mini")
    model = load_model(found, device="cpu", quantize=None)
    engine, task = LocalEngine(model), Example()
    for name, (label, adapter, kinds) in RUNS.items():
        identity = model_identity(model, name=label, folder="assets/lamm-mini", adapter=adapter or None, quantize=None)
        plan = Plan(task, kinds=kinds, about={"data": "assets/demo", "limit": None, "created": "", "code_version": ""})
        samples = task.samples(HERE, folders[name], limit=None, seed=0)
        run(folders[name], plan, samples, LocalModel(engine, adapter=adapter, batch=8, identity=identity))


def tidy(made: Path, name: str) -> None:
    """Into the repository: paths from the run's folder, and nothing of this machine."""
    out = OUT / name
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for line in (made / "records.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        for medium in record["media"]:
            medium["path"] = f"../../{Path(medium['path']).name}"
        lines.append(json.dumps(record | {"run": name, "latency_seconds": None}, ensure_ascii=False) + "\n")
    (out / "records.jsonl").write_text("".join(lines), encoding="utf-8")
    for file in ("run.json", "summary.json"):
        values = json.loads((made / file).read_text(encoding="utf-8"))
        if file == "run.json":
            values["name"] = name
        values.pop("records", None)
        (out / file).write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    state = {"state": "completed", "done": len(lines), "total": len(lines)}
    (out / "state.json").write_text(json.dumps(state) + "\n", encoding="utf-8")


def main() -> None:
    """Measure twice and keep both runs."""
    with tempfile.TemporaryDirectory() as folder:
        made = {name: Path(folder) / name for name in RUNS}
        measure(made)
        shutil.rmtree(OUT, ignore_errors=True)
        for name, place in made.items():
            tidy(place, name)


if __name__ == "__main__":
    main()
