"""What tuning the eyes gave: CIFAR-10 by the tuned ones beside a linear probe of the frozen ImageNet encoder.

Does not know the language model. Both see the same test pictures at 128 x 128; the probe is a logistic regression over
the pooled 1,280 features of EfficientNet-Lite0 as ImageNet left it, trained on ``--train`` pictures.

    python benchmarks/frozen_encoder.py --data DATA
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from lamm_core.__main__ import cache_folder
from lamm_core.modalities.perception.encoder import SMALL_SHAPE, PerceptionEncoder, build_perception
from lamm_core.modalities.perception.trunk import pixels_to_input

ENCODER = Path(__file__).resolve().parent.parent / "assets" / "lamm-mini" / "encoder-image.safetensors"
BATCH = 64


def read(data: Path, split: str, count: int) -> tuple[Tensor, Tensor]:
    """So many pictures (N, 128, 128, 3) of a split, from its start, and the numbers of their classes (N,)."""
    pictures, labels = [], []
    for path in sorted((data / "cifar10").glob(f"*{split}*.parquet")):
        for row in parquet.read_table(path).to_pylist():
            if len(labels) < count:
                image = Image.open(io.BytesIO(row["img"]["bytes"])).convert("RGB")
                pictures.append(np.asarray(image.resize(SMALL_SHAPE, Image.Resampling.BILINEAR)))
                labels.append(row["label"])
    return torch.from_numpy(np.stack(pictures)), torch.tensor(labels)


@torch.no_grad()
def see(encoder: PerceptionEncoder, pixels: Tensor, *, tuned_too: bool) -> tuple[Tensor, Tensor]:
    """Pooled features of the frozen encoder (N, 1280); what the tuned eyes say of picture and mirror (N, 10)."""
    frozen, tuned = [], []
    for start in range(0, len(pixels), BATCH):
        with torch.autocast("cpu", torch.bfloat16):
            batch = pixels[start : start + BATCH]
            low = encoder.__dict__["bottom"](pixels_to_input(batch))[-1]
            frozen.append(encoder.__dict__["imagenet"](low)[-1].float().mean((2, 3)))
            if tuned_too:
                tuned.append(encoder.name_small(batch))
    return torch.cat(frozen), torch.cat(tuned) if tuned else torch.empty(0)


def probe(features: Tensor, labels: Tensor) -> torch.nn.Linear:
    """Multinomial logistic regression with a little weight decay, by L-BFGS."""
    layer = torch.nn.Linear(features.shape[1], int(labels.max()) + 1)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = functional.cross_entropy(layer(features), labels) + 1e-3 * layer.weight.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    return layer


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds cifar10/")
    parser.add_argument("--train", type=int, default=10_000)
    parser.add_argument("--test", type=int, default=2_000)
    arguments = parser.parse_args()
    encoder = build_perception({}, cache_folder())
    encoder.load_state_dict(load_file(ENCODER))
    encoder.float()
    torch.manual_seed(0)
    pixels, labels = read(arguments.data, "train", arguments.train)
    features, _ = see(encoder, pixels, tuned_too=False)
    mean, spread = features.mean(0), features.std(0) + 1e-6
    layer = probe((features - mean) / spread, labels)
    pixels, labels = read(arguments.data, "test", arguments.test)
    features, said = see(encoder, pixels, tuned_too=True)
    frozen = (layer((features - mean) / spread).argmax(1) == labels).float().mean().item()
    tuned = (said.argmax(1) == labels).float().mean().item()
    figures = {"frozen_probe": round(frozen, 4), "tuned_eyes": round(tuned, 4), "gain": round(tuned - frozen, 4)}
    print(json.dumps(figures | {"train": arguments.train, "test": len(labels)}))


if __name__ == "__main__":
    main()
