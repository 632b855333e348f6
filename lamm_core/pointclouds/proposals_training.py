"""Trains the networks that merge patches into objects: ``python -m lamm_core.pointclouds.proposals_training --data F``.

Does not know the scenes held apart. First every quarter of the training scenes is proposed by networks trained on the
other three, calm as it is and crowded, and the figures are printed; then networks trained on all are written.

Each scene is merged along the truth, the judge only choosing the order, and every pair on the way is an example. The
second judge sees what the first one left, and the third what the second one left, errors included.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lamm_core.pointclouds.boxes import box_around
from lamm_core.pointclouds.crowding import crowd
from lamm_core.pointclouds.features import FEATURES, pair_features, region_features
from lamm_core.pointclouds.judge import WEIGHTS, Judges, Network, fit, write_judges
from lamm_core.pointclouds.labelled import LabelledScene, read_labelled
from lamm_core.pointclouds.matching import Tally, count_matches, true_boxes
from lamm_core.pointclouds.merging import Regions, best_of_both, linked, regions_of, spanning
from lamm_core.pointclouds.proposals import REACH, pieces, propose, wholes
from lamm_core.pointclouds.standing import Standing, stand_out

__all__ = ["main", "train"]

EASY_SHARE = 0.25  # of the pairs of small patches of one object that are kept, weighted to make up for the rest
SMALL = np.log(30.0)
CROWDS = 2.5  # crowded scenes for each real one
COLOURLESS = 0.3  # share of the scenes that are seen again without colour


@dataclass(frozen=True, eq=False)
class Examples:
    """Features (N, F), labels (N,) of 0 and 1, weights (N,)."""

    features: NDArray[np.float64]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A scene cut into patches; ``instance`` (M,) is that of the points that stand out."""

    scene: LabelledScene
    standing: Standing
    instance: NDArray[np.int32]

    def shares(self, regions: Regions) -> NDArray[np.float64]:
        """How many points of each object each region has; (R, objects + 1)."""
        of_point = regions.of_voxel[self.standing.voxels.of_point]
        shares = np.zeros((len(regions), int(self.scene.instance.max()) + 1))
        np.add.at(shares, (of_point, self.instance), 1)
        return shares


def prepare(scenes: list[LabelledScene], generator: np.random.Generator) -> list[Prepared]:
    """The scenes with their patches; some of them again without colour."""
    prepared = []
    for scene in scenes:
        for rgb in [scene.rgb] + [None] * bool(generator.random() < COLOURLESS):
            standing = stand_out(scene.xyz, rgb)
            if standing is not None:
                prepared.append(Prepared(scene, standing, scene.instance[standing.places]))
    return prepared


def crowds(scenes: list[LabelledScene], count: int, generator: np.random.Generator) -> list[LabelledScene]:
    """So many crowded scenes, each of two to four of the scenes."""
    drawn = [
        generator.choice(len(scenes), min(len(scenes), int(generator.integers(2, 5))), replace=False)
        for _ in range(count)
    ]
    return [crowd([scenes[place] for place in places], generator) for places in drawn]


def along_the_truth(
    regions: Regions, shares: NDArray[np.float64],
    judge: Callable[[NDArray[np.float64]], NDArray[np.float64]], generator: np.random.Generator,
) -> Examples:  # fmt: skip
    """Every pair that comes up while only regions of one object are merged, the likeliest first."""
    found: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = []
    fresh = np.ones(len(regions), dtype=bool)
    while len(regions.pairs):
        features = pair_features(regions)
        owner, purity = shares.argmax(axis=1), shares.max(axis=1) / shares.sum(axis=1)
        first, second = regions.pairs.T
        same = owner[first] == owner[second]
        kept = (fresh[first] | fresh[second]) & ((owner[first] > 0) | (owner[second] > 0))
        easy = same & (features[:, 0] < SMALL)
        kept &= ~easy | (generator.random(len(easy)) < EASY_SHARE)
        weight = np.minimum(purity[first], purity[second]) * np.log1p(np.exp(features[:, 0])) / 3
        found.append((features[kept], same[kept].astype(float), np.where(easy, weight / EASY_SHARE, weight)[kept]))
        chosen = best_of_both(regions, np.where(same, judge(features), -np.inf), least=-1e9)
        if not chosen.any():
            break
        names = linked(regions.pairs[chosen], len(regions))
        fresh = np.bincount(names) > 1
        joined = np.zeros((len(fresh), shares.shape[1]))
        np.add.at(joined, names, shares)
        regions, shares = regions.joined(names), joined
    if not found:
        return Examples(np.zeros((0, len(FEATURES))), np.zeros(0), np.zeros(0))
    return Examples(*(np.concatenate(column) for column in zip(*found, strict=True)))


def plain_judge(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """An order to begin with: smooth, not hollow, of one colour."""
    column = {name: features[:, place] for place, name in enumerate(FEATURES)}
    odds: NDArray[np.float64] = (
        column["contact"] - 8 * column["hollow"] - 3 * column["angle"]
        - 6 * column["boundary_colour"] - 4 * column["chroma"] - 3 * column["bend"]
    )  # fmt: skip
    return odds


def train(scenes: list[LabelledScene], *, seed: int = 0) -> Judges:
    """The three networks, trained on the scenes and on crowds of their objects."""
    generator = np.random.default_rng(seed)
    halves = [scenes[0::2], scenes[1::2]]
    prepared = [
        prepare([*half, *crowds(half, round(CROWDS * len(half)), generator)], generator) for half in halves
    ]  # fmt: skip
    examples = [_patch_examples(half, plain_judge, generator) for half in prepared]
    touching = [_fit_pairs(each) for each in examples]
    # The order that a trained judge chooses shows it other pairs than the plain one did.
    examples = [
        each + _patch_examples(half, judge, generator)
        for each, half, judge in zip(examples, prepared, touching, strict=True)
    ]
    touching = [_fit_pairs(each) for each in examples]
    # What a judge leaves of its own training scenes is too good to learn from: each half is merged by the other's.
    merged = [
        [pieces(each.standing, judge) for each in half] for half, judge in zip(prepared, touching[::-1], strict=True)
    ]
    rest = [
        [
            along_the_truth(
                spanning(regions, each.standing.voxels, each.standing.heights, reach=REACH),
                each.shares(regions),
                plain_judge,
                generator,
            )
            for each, regions in zip(half, left, strict=True)
        ]
        for half, left in zip(prepared, merged, strict=True)
    ]
    apart = [_fit_apart(each) for each in rest]
    objects = [
        _object_examples(each, wholes(each.standing, regions, judge), judge)
        for half, left, judge in zip(prepared, merged, apart[::-1], strict=True)
        for each, regions in zip(half, left, strict=True)
    ]
    both = _all(objects)
    whole = fit(both.features, both.labels, both.weights, hidden=8, epochs=60, decay=1e-2)
    return Judges(_fit_pairs(examples[0] + examples[1]), _fit_apart(rest[0] + rest[1]), whole)


def _patch_examples(
    prepared: list[Prepared],
    judge: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    generator: np.random.Generator,
) -> list[Examples]:
    found = []
    for each in prepared:
        regions = regions_of(each.standing.voxels, each.standing.patches, each.standing.heights, each.standing.viewer)
        found.append(along_the_truth(regions, each.shares(regions), judge, generator))
    return found


def _object_examples(prepared: Prepared, regions: Regions, apart: Network) -> Examples:
    """A region is an object where its box overlaps that of one by half."""
    features = region_features(regions, apart(pair_features(regions)))
    of_point = regions.of_voxel[prepared.standing.voxels.of_point]
    truth = true_boxes(prepared.scene)
    xyz = prepared.scene.xyz[prepared.standing.places]
    labels = [float(count_matches(truth, [box_around(xyz[of_point == name])], 0.5) > 0) for name in range(len(regions))]
    return Examples(features, np.array(labels), np.ones(len(labels)))


def _all(examples: list[Examples]) -> Examples:
    return Examples(
        np.concatenate([each.features for each in examples]),
        np.concatenate([each.labels for each in examples]),
        np.concatenate([each.weights for each in examples]),
    )


def _fit_pairs(examples: list[Examples]) -> Network:
    both = _all(examples)
    # A wrong merge is never undone, a missing one may be made up for by the second judge.
    weights = both.weights * np.where(both.labels > 0, 1.0, 3.0)
    return fit(both.features, both.labels, weights, hidden=24, epochs=15, decay=1e-3)


def _fit_apart(examples: list[Examples]) -> Network:
    both = _all(examples)
    return fit(both.features, both.labels, both.weights, hidden=24, epochs=60, decay=1e-2)


def cross_validate(scenes: list[LabelledScene], *, folds: int) -> None:
    """Prints what networks make of scenes they were not trained on: as they are, without colour, and crowded."""
    tallies = {"as they are": Tally(), "without colour": Tally(), "crowded": Tally()}
    for fold in range(folds):
        judges = train([scene for place, scene in enumerate(scenes) if place % folds != fold])
        left = scenes[fold::folds]
        crowded = crowds(left, 2 * len(left), np.random.default_rng(1000 + fold))
        for name, some in (("as they are", left), ("without colour", left), ("crowded", crowded)):
            for scene in some:
                rgb = None if name == "without colour" else scene.rgb
                found = propose(scene.xyz, rgb, judges=judges)
                tallies[name].add(true_boxes(scene), [each.box for each in found])
        print(f"fold {fold + 1} of {folds}", flush=True)
    for name, tally in tallies.items():
        print(f"{name:15} {tally.line()}")


def main() -> None:
    """Cross-validate, then train on all training scenes and write the weights."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled scans (clouds/learn_NN.npz)")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    parser.add_argument("--folds", type=int, default=4, help="of the cross-validation; 0 leaves it out")
    arguments = parser.parse_args()
    scenes = read_labelled(arguments.data, "train")
    if arguments.folds:
        cross_validate(scenes, folds=arguments.folds)
    write_judges(train(scenes), arguments.out)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
