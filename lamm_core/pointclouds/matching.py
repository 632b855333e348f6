"""How well proposed boxes cover the true ones: recall, precision and F1 where each is matched once.

Does not know how boxes are proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from lamm_core.grounding import Box3D, box_overlap_3d
from lamm_core.pointclouds.boxes import box_around
from lamm_core.pointclouds.labelled import LabelledScene

__all__ = ["Tally", "count_matches", "true_boxes"]

OVERLAPS = (0.25, 0.5)


def true_boxes(scene: LabelledScene) -> list[Box3D]:
    """The boxes of the labelled objects."""
    return [box_around(scene.xyz[scene.instance == name]) for name in scene.names()]


def count_matches(truth: Sequence[Box3D], found: Sequence[Box3D], least: float) -> int:
    """The most pairs of a true and a found box that overlap by at least so much, each box used once."""
    if not truth or not found:
        return 0
    enough = np.array([[box_overlap_3d(one, other) >= least for other in found] for one in truth])
    rows, columns = linear_sum_assignment(-enough.astype(float))
    return int(enough[rows, columns].sum())


@dataclass
class Tally:
    """Counts over scenes."""

    scenes: int = 0
    true: int = 0
    found: int = 0
    matched: dict[float, int] = field(default_factory=lambda: dict.fromkeys(OVERLAPS, 0))

    def add(self, truth: list[Box3D], found: list[Box3D]) -> None:
        """One scene more."""
        self.scenes += 1
        self.true += len(truth)
        self.found += len(found)
        for least in OVERLAPS:
            self.matched[least] += count_matches(truth, found, least)

    def figures(self) -> dict[str, float]:
        """Shares from 0 to 1; 0 where there was nothing to count."""
        both = self.true + self.found
        return {
            "recall_25": round(self.matched[0.25] / max(self.true, 1), 4),
            "recall_50": round(self.matched[0.5] / max(self.true, 1), 4),
            "precision_50": round(self.matched[0.5] / max(self.found, 1), 4),
            "f1_50": round(2 * self.matched[0.5] / max(both, 1), 4),
            "proposals": round(self.found / max(self.scenes, 1), 2),
            "objects": round(self.true / max(self.scenes, 1), 2),
        }

    def line(self) -> str:
        """The figures in words."""
        of = self.figures()
        return (
            f"recall {of['recall_25']:.3f} at .25, {of['recall_50']:.3f} at .5; precision {of['precision_50']:.3f}, "
            f"F1 {of['f1_50']:.3f} at .5; {of['proposals']:.1f} proposals for {of['objects']:.1f} objects a scene"
        )
