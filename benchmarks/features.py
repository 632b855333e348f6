"""How encoding ahead of training scales from one worker to two: pictures a second of `lamm features`.

Does not know training. Each side starts with an empty cache; starting the workers is in its time, for it is part of
what one waits for, and printed apart. Needs the weights that ``lamm fetch`` brings.

Usage: python benchmarks/features.py [--cache FOLDER] [--pictures 1500] [--encoder efficientnet-lite0]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.data.instructions import write_records
from lamm_core.launchers.features import compute_ahead
from lamm_core.training.recipe import TrainingRecipe


def draw(folder: Path, count: int) -> Path:
    """Pictures of 400 by 300 points, none like another."""
    rng = np.random.default_rng(0)
    samples = []
    for index in range(count):
        small = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
        small.resize((400, 300)).save(folder / f"{index}.jpg")
        turns = (Turn("user", "What is it?", (Media("image", folder / f"{index}.jpg"),)), Turn("assistant", "Colours."))
        samples.append(Sample(str(index), turns))
    write_records(samples, folder / "pictures.json", media_root=folder)
    return folder / "pictures.json"


def measure(recipe: TrainingRecipe, cache: Path, workers: int) -> tuple[float, float]:
    """Pictures a second in all, and from the first batch on."""
    began = time.perf_counter()
    moments: list[tuple[float, int]] = []
    compute_ahead(
        recipe, cache=cache, workers=workers, advance=lambda done, _: moments.append((time.perf_counter(), done))
    )
    end, done = moments[-1]
    first = next((moment, count) for moment, count in moments if count)
    return done / (end - began), (done - first[1]) / max(end - first[0], 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lamm-studio")
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--encoder", default="efficientnet-lite0")
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = draw(folder, options.pictures)
        model = {"language_model": "smollm2-135m-instruct", "modalities": {"image": {"encoder": options.encoder}}}
        recipe = TrainingRecipe.from_dict({"model": model, "data": [str(data)]})
        for workers in (1, 2):
            own = folder / f"cache-{workers}"
            own.mkdir()
            for weights in options.cache.iterdir():
                if weights.name != "features":
                    (own / weights.name).symlink_to(weights)
            found[workers] = measure(recipe, own, workers)
            print(f"{workers}: {found[workers][1]:.1f} pictures/s, {found[workers][0]:.1f} with the start", flush=True)
    print(
        json.dumps(
            {
                "scaling": round(found[2][1] / found[1][1], 2),
                "scaling_with_start": round(found[2][0] / found[1][0], 2),
                "one": round(found[1][1], 1),
                "two": round(found[2][1], 1),
                "unit": "pictures/s",
            }
        )
    )


if __name__ == "__main__":
    main()
