"""Small networks that say whether two regions are one object, and whether a region is an object at all.

Does not know where their features come from, nor how a scene is cut into regions. Numpy only; the weights that ship in
``proposal_weights.json`` come from ``python -m lamm_core.pointclouds.proposals_training``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["WEIGHTS", "Judges", "Network", "fit", "read_judges", "write_judges"]

WEIGHTS = Path(__file__).with_name("proposal_weights.json")
FAR = 5.0  # standard deviations that a feature may be off the mean before it is cut

Layers = tuple[NDArray[np.float64], ...]  # weights (in, out) and biases (out,) in turn


@dataclass(frozen=True)
class Network:
    """Two hidden layers with ReLU over standardised features; ``means`` and ``spreads`` (F,)."""

    means: NDArray[np.float64]
    spreads: NDArray[np.float64]
    layers: Layers

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Features (N, F) to log odds (N,)."""
        hidden = np.clip((features - self.means) / self.spreads, -FAR, FAR)
        for weight, bias in zip(self.layers[:-2:2], self.layers[1:-2:2], strict=True):
            hidden = np.maximum(hidden @ weight + bias, 0)
        odds: NDArray[np.float64] = (hidden @ self.layers[-2] + self.layers[-1])[:, 0]
        return odds


@dataclass(frozen=True)
class Judges:
    """``touching`` merges patches, ``apart`` the pieces that are left, ``whole`` says which are objects."""

    touching: Network
    apart: Network
    whole: Network


@cache
def read_judges(path: Path = WEIGHTS) -> Judges:
    """The networks in a file that ``write_judges`` wrote."""
    read = json.loads(path.read_text(encoding="utf-8"))
    return Judges(**{name: _network(read[name]) for name in ("touching", "apart", "whole")})


def write_judges(judges: Judges, path: Path) -> None:
    """The networks as JSON, four decimals of each number that count."""
    kept = {name: _plain(getattr(judges, name)) for name in ("touching", "apart", "whole")}
    path.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")


def _network(read: dict[str, list[list[float]]]) -> Network:
    layers = tuple(np.array(layer, dtype=np.float64) for layer in read["layers"])
    return Network(np.array(read["means"], dtype=np.float64), np.array(read["spreads"], dtype=np.float64), layers)


def _plain(network: Network) -> dict[str, object]:
    def rounded(values: NDArray[np.float64]) -> list[object]:
        if values.ndim == 2:
            return [rounded(row) for row in values]
        return [float(f"{value:.4g}") for value in values]

    return {
        "means": rounded(network.means),
        "spreads": rounded(network.spreads),
        "layers": [rounded(layer) for layer in network.layers],
    }


def fit(
    features: NDArray[np.float64], labels: NDArray[np.float64], weights: NDArray[np.float64], *,
    hidden: int, epochs: int, decay: float, seed: int = 0, batch: int = 512, rate: float = 4e-3,
) -> Network:  # fmt: skip
    """A network trained on features (N, F) with labels (N,) of 0 and 1, by Adam with decoupled weight decay."""
    generator = np.random.default_rng(seed)
    means, spreads = features.mean(axis=0), features.std(axis=0) + 1e-6
    inputs = np.clip((features - means) / spreads, -FAR, FAR)
    widths = (features.shape[1], hidden, hidden, 1)
    layers: list[NDArray[np.float64]] = []
    for wide, narrow in pairwise(widths):
        layers += [generator.normal(0, wide**-0.5, (wide, narrow)), np.zeros(narrow)]
    first, second = [np.zeros_like(layer) for layer in layers], [np.zeros_like(layer) for layer in layers]
    steps = epochs * -(-len(inputs) // batch)
    step = 0
    for _ in range(epochs):
        order = generator.permutation(len(inputs))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            slopes = _slopes(tuple(layers), inputs[chosen], labels[chosen], weights[chosen])
            pace = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            step += 1
            for place, slope in enumerate(slopes):
                first[place] = 0.9 * first[place] + 0.1 * slope
                second[place] = 0.999 * second[place] + 0.001 * slope**2
                move = first[place] / (1 - 0.9**step) / (np.sqrt(second[place] / (1 - 0.999**step)) + 1e-8)
                layers[place] = layers[place] - pace * (move + decay * layers[place])
    return Network(means, spreads, tuple(layers))


def _slopes(
    layers: Layers, inputs: NDArray[np.float64], labels: NDArray[np.float64], weights: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """The slope of the weighted cross entropy with regard to each layer."""
    passed = [inputs]
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        passed.append(np.maximum(passed[-1] @ weight + bias, 0))
    odds = (passed[-1] @ layers[-2] + layers[-1])[:, 0]
    back = ((1 / (1 + np.exp(-np.clip(odds, -30, 30))) - labels) * weights / len(labels))[:, None]
    slopes: list[NDArray[np.float64]] = []
    for depth in range(len(passed) - 1, -1, -1):
        slopes[:0] = [passed[depth].T @ back, back.sum(axis=0)]
        back = (back @ layers[2 * depth].T) * (passed[depth] > 0)
    return slopes
