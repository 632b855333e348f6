"""The benchmark tasks, by name; a new task is one file and one line here.

Does not know how a run goes.
"""

from __future__ import annotations

from lamm_core.errors import ConfigError
from lamm_core.evaluation.task import Task
from lamm_core.evaluation.tasks.classification import Classification
from lamm_core.evaluation.tasks.counting import Counting
from lamm_core.evaluation.tasks.detection import Detection
from lamm_core.evaluation.tasks.keypoints import Joints, Keypoints
from lamm_core.evaluation.tasks.locating import Locating
from lamm_core.evaluation.tasks.ocr import Ocr
from lamm_core.evaluation.tasks.scenes import SceneDetection, SceneGrounding, SceneQuestions

__all__ = ["TASKS", "task"]

TASKS: tuple[Task, ...] = (
    Classification(),
    Ocr(),
    Detection(),
    Locating(),
    Keypoints(),
    Joints(),
    Counting(),
    SceneDetection(),
    SceneGrounding(),
    SceneQuestions(),
)


def task(name: str) -> Task:
    """The task of that name."""
    for candidate in TASKS:
        if candidate.name == name:
            return candidate
    raise ConfigError(f"There is no task {name!r}. Tasks: {', '.join(candidate.name for candidate in TASKS)}.")
