"""How much memory a reader of sources takes for a set of any size: ``python benchmarks/sources.py --items 1000000``.

Does not know what is in the records: it writes a COCO file of captions and reads it in a process of its own, whose peak
it prints beside that of a file a hundredth as long. Keys ``peak_mb``, ``peak_of_small_mb``, ``items_per_second``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

READ = """
import resource, sys
from annotation.sources import Reading, open_source
reading = Reading(open_source(sys.argv[1]).items(), name="benchmark")
for source in reading:
    pass
print(reading.given, reading.broken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def written(folder: Path, count: int) -> Path:
    """A COCO captions file of that many pictures, all of them one file, the captions first and in another order."""
    Image.new("RGB", (8, 8)).save(folder / "one.jpg")
    path = folder / f"captions-{count}.json"
    with path.open("w", encoding="utf-8") as file:
        file.write('{"annotations": [')
        for number in range(count):
            note = {"id": number, "image_id": (number * 7919) % count, "caption": f"Picture {number} shows a street."}
            file.write((", " if number else "") + json.dumps(note))
        file.write('], "images": [')
        for number in range(count):
            image = {"id": number, "file_name": "one.jpg", "width": 8, "height": 8}
            file.write((", " if number else "") + json.dumps(image))
        file.write("]}")
    return path


def measure(folder: Path, count: int) -> tuple[int, float, float]:
    """Items read, peak in MB and seconds."""
    path = written(folder, count)
    began = time.perf_counter()
    source = f"coco-captions={folder},captions={path},images={folder}"
    done = subprocess.run([sys.executable, "-c", READ, source], capture_output=True, text=True, check=True)
    given, _, peak = done.stdout.split()
    return int(given), float(peak), time.perf_counter() - began


def main() -> None:
    """Measure both and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    count = parser.parse_args().items
    with tempfile.TemporaryDirectory() as folder:
        _, small, _ = measure(Path(folder), max(1, count // 100))
        given, peak, seconds = measure(Path(folder), count)
    print(json.dumps({
        "items": given, "peak_mb": round(peak, 1), "peak_of_small_mb": round(small, 1),
        "items_per_second": round(given / seconds),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
