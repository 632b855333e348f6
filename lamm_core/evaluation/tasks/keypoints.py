"""LSP: the 14 joints of a person, one question each as LAMM asks, or all at once.

Does not know joints that are hidden: every joint of the set counts.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.evaluation import compat
from lamm_core.evaluation.sets.entry import Entry
from lamm_core.evaluation.sets.people import people_parquet, people_record
from lamm_core.evaluation.sets.published import published
from lamm_core.evaluation.task import Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask, picture_size
from lamm_core.grounding import Point2D, find_points, format_point
from lamm_core.names import JOINTS

__all__ = ["ALL_JOINTS", "JOINTS", "ONE_JOINT", "TASKS", "AllJoints", "Joints"]

NEAR = 0.1  # in coordinates where the picture is 1 wide and 1 high
NEAR_TORSO = 0.2  # of the distance from the left shoulder to the right hip

ALL_JOINTS = Questions(
    seen=(
        "Find all joints of the person.",
        "Give the position of every joint.",
        "List the joints with their positions.",
    ),
    unseen=("Find all the key points of the body.", "List every joint of this person and where it is."),
)
ONE_JOINT = Questions(
    seen=("Where is the {joint}?", "Point at the {joint}.", "Give the position of the {joint}."),
    unseen=(
        "Where in the image is the {joint}?",
        "Can you point out the {joint} of this person?",
        "You are an assistant that detects human key points. Output the position as [x, y] between 0 and 1. "
        "Where is the {joint} of the person?",
    ),
)
FORMS = (published("Keypoints_Detection_LSP", people_record, source="lsp"), people_parquet("lsp"))


class Joints(SetTask):
    """``pck_10``: the first point of the answer is within a tenth of the picture. One question for each joint.

    ``pck_torso_20``: it is within a fifth of the torso, measured in pixels. ``lamm_pck_10``: any point of the answer is
    within a tenth of the picture, as published.
    """

    kind = "keypoints"
    version = 2
    metrics: tuple[str, ...] = ("pck_10", "pck_torso_20", "lamm_pck_10")
    max_new_tokens = 32
    questions = ONE_JOINT

    def entries(self, data: Path) -> list[Entry]:
        """Fourteen of each person."""
        return [
            dataclasses.replace(person, id=f"{person.id}-{joint.replace(' ', '-')}", more={"joint": joint})
            for person in super().entries(data)
            for joint in JOINTS
        ]

    def hint(self, entry: Entry) -> str:
        """Which joint, and how a point is written."""
        wanted = (
            f"Where is the {entry.more['joint']}? " if entry.more["joint"] not in (entry.query or "").lower() else ""
        )
        return f"{wanted}Give the position [x, y] between 0 and 1."

    def slots(self, entry: Entry, rng: random.Random) -> dict[str, str]:
        """The joint."""
        return {"joint": entry.more["joint"]}

    def sample(self, entry: Entry, media: Path, seed: int) -> Sample:
        """The joint's place as a share of the picture, and what its distances are measured by."""
        made = super().sample(entry, media, seed)
        width, height = picture_size(made.media[0].path) or (1.0, 1.0)
        torso = math.dist(entry.truth["left shoulder"], entry.truth["right hip"])
        about = dict(made.metadata) | {"size": [width, height], "torso_pixels": round(torso, 3)}
        wanted = [entry.more["joint"]] if "joint" in entry.more else list(JOINTS)
        target = {name: [entry.truth[name][0] / width, entry.truth[name][1] / height] for name in wanted}
        return dataclasses.replace(made, target=target, metadata=about)

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        points = find_points(answer)
        ((_, place),) = sample.target.items()
        first = [points[0].x, points[0].y] if points else None
        near, near_torso, pixels = judge(first, place, sample.metadata)
        parts = {
            "pck_10": Part(float(near), 1),
            "pck_torso_20": Part(float(near_torso), 1),
            "lamm_pck_10": Part(float(any(math.dist(p, place) <= NEAR for p in compat.points_in(answer))), 1),
        }
        detail = point_detail([place], points) | {"error_pixels": pixels}
        if first is None:
            return Score(None, None, "no point", parts, "none", detail)
        return Score(
            float(near), format_point(points[0]), "near" if near else "too far", parts, "first point", detail
        )  # fmt: skip

    def right_answer(self, sample: Sample) -> str:
        """Every joint that was asked about."""
        return "; ".join(format_point(Point2D(name, x, y)) for name, (x, y) in sample.target.items())


class AllJoints(Joints):
    """The same of all joints in one answer, each read by its name; a name's first point counts."""

    kind = "all_joints"
    version = 2
    metrics: tuple[str, ...] = ("pck_10", "pck_torso_20")
    max_new_tokens = 320
    questions = ALL_JOINTS

    def entries(self, data: Path) -> list[Entry]:
        """One of each person; the set's own question is about one joint, so it is left out."""
        return [dataclasses.replace(person, query=None) for person in SetTask.entries(self, data)]

    def slots(self, entry: Entry, rng: random.Random) -> dict[str, str]:
        """None."""
        return {}

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        points = find_points(answer)
        first = {point.label.lower(): [point.x, point.y] for point in reversed(points)}
        judged = [judge(first.get(name), place, sample.metadata) for name, place in sample.target.items()]
        hits = sum(near for near, _, _ in judged)
        parts = {
            "pck_10": Part(hits, len(judged)),
            "pck_torso_20": Part(sum(near for _, near, _ in judged), len(judged)),
        }
        detail = point_detail(list(sample.target.values()), points)
        if not points:
            return Score(None, None, "no point", parts, "none", detail)
        parsed = "; ".join(format_point(point) for point in points)
        return Score(hits / len(judged), parsed, f"{hits} of {len(judged)} near", parts, "points by name", detail)


def judge(
    said: Sequence[float] | None, place: Sequence[float], about: Mapping[str, Any]
) -> tuple[bool, bool, float | None]:
    """Whether a point is near by the picture and by the torso, and how many pixels it is off; shares go in."""
    if said is None:
        return False, False, None
    width, height = about.get("size", (1.0, 1.0))
    pixels = math.hypot((said[0] - place[0]) * width, (said[1] - place[1]) * height)
    return math.dist(said, place) <= NEAR, pixels <= NEAR_TORSO * about.get("torso_pixels", 0.0), round(pixels, 2)


def point_detail(places: Sequence[Sequence[float]], points: Sequence[Point2D]) -> dict[str, Any]:
    """True and given points, to be drawn."""
    return {
        "truth_points": [[round(x, 4), round(y, 4)] for x, y in places],
        "answer_points": [[point.x, point.y] for point in points],
    }


TASKS = (
    Joints("lsp", "LSP: where a joint is", forms=FORMS),
    AllJoints("lsp_all_joints", "LSP: all joints of a person", forms=FORMS),
)
