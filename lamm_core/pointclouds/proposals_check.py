"""Measures proposals on labelled scans: ``python -m lamm_core.pointclouds.proposals_check --data FOLDER``.

Does not know how proposals are made. Two baselines stand beside them: the support removed and the rest clustered by
DBSCAN alone, and the boxes that were proposed for another scene. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import get_args

import numpy as np

from lamm_core.grounding import Box3D
from lamm_core.pointclouds.boxes import box_around
from lamm_core.pointclouds.labelled import LabelledScene, Split, read_labelled
from lamm_core.pointclouds.matching import Tally, true_boxes
from lamm_core.pointclouds.planes import find_support
from lamm_core.pointclouds.proposals import propose

__all__ = ["check", "main"]

REACH = 0.012  # metres between neighbours of one cluster
OFF_SUPPORT = 0.008  # metres: five times the noise of the scans
LEAST_POINTS = 100


def clusters(scene: LabelledScene) -> list[Box3D]:
    """Boxes of what DBSCAN finds off the support."""
    import open3d

    support = find_support(scene.xyz)
    standing = scene.xyz if support is None else scene.xyz[support.height(scene.xyz) > OFF_SUPPORT]
    if not len(standing):
        return []
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(standing.astype(float)))
    names = np.asarray(cloud.cluster_dbscan(eps=REACH, min_points=10))
    counts = np.bincount(names[names >= 0])
    return [box_around(standing[names == name]) for name in np.flatnonzero(counts >= LEAST_POINTS)]


def check(scenes: list[LabelledScene]) -> dict[str, dict[str, float]]:
    """The figures of our proposals, with and without colour, and of the baselines, each with milliseconds a scene."""
    ways = {
        "proposals": lambda scene: [each.box for each in propose(scene.xyz, scene.rgb)],
        "colourless": lambda scene: [each.box for each in propose(scene.xyz)],
        "dbscan": clusters,
    }
    figures = {}
    for name, way in ways.items():
        tally, spent = Tally(), []
        boxes = []
        for scene in scenes:
            start = time.perf_counter()
            boxes.append(way(scene))
            spent.append(1000 * (time.perf_counter() - start))
            tally.add(true_boxes(scene), boxes[-1])
        figures[name] = {**tally.figures(), "ms": round(float(np.median(spent)), 1)}
        if name == "proposals":
            shuffled = Tally()
            for scene, other in zip(scenes, [*boxes[1:], boxes[0]], strict=True):
                shuffled.add(true_boxes(scene), other)
            figures["shuffled"] = shuffled.figures()
    return figures


def main() -> None:
    """Print the figures of one side of the split."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled scans (clouds/learn_NN.npz)")
    parser.add_argument("--scenes", choices=get_args(Split), default="held-apart", help="which of them")
    arguments = parser.parse_args()
    scenes = read_labelled(arguments.data, arguments.scenes)
    figures = check(scenes)
    print(f"{'':11} {'R@.25':>7} {'R@.5':>7} {'P@.5':>7} {'F1@.5':>7} {'a scene':>8} {'ms':>7}")
    for name, of in figures.items():
        print(
            f"{name:11} {of['recall_25']:7.3f} {of['recall_50']:7.3f} {of['precision_50']:7.3f} {of['f1_50']:7.3f} "
            f"{of['proposals']:8.2f} {of.get('ms', float('nan')):7.1f}"
        )
    print(json.dumps({"scenes": arguments.scenes, "count": len(scenes), **figures}))


if __name__ == "__main__":
    main()
