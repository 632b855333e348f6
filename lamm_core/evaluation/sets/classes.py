"""The classes of well-known sets, and what else they are called.

Does not know pictures. A sample of such a set names the list instead of repeating it, so that records stay short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lamm_core.evaluation.parsing import COCO_SYNONYMS, VOC_SYNONYMS
from lamm_core.evaluation.sets.voc import VOC_CLASSES
from lamm_core.names import OBJECTS, PICTURE_CLASSES

__all__ = ["CLASSES", "SYNONYMS", "class_list", "named_list"]

CLASSES: Mapping[str, Sequence[str]] = {
    "cifar10": PICTURE_CLASSES,
    "coco": OBJECTS[:80],
    "hair": ("black", "blond", "brown", "gray"),
    "voc": VOC_CLASSES,
}
SYNONYMS: Mapping[str, Mapping[str, str]] = {
    # The names that WordNet gives the ten classes beside their own.
    "cifar10": {
        "aeroplane": "airplane", "plane": "airplane", "car": "automobile", "auto": "automobile",
        "motorcar": "automobile", "toad": "frog", "motortruck": "truck",
    },
    "coco": COCO_SYNONYMS,
    "hair": {"blonde": "blond", "golden": "blond", "grey": "gray", "white": "gray", "brunette": "brown"},
    "voc": VOC_SYNONYMS,
}  # fmt: skip


def class_list(classes: str | Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]]:
    """The classes of a list by its name, or as they are given, with the other names of each."""
    if isinstance(classes, str):
        return CLASSES[classes], SYNONYMS.get(classes, {})
    return classes, COCO_SYNONYMS


def named_list(classes: Sequence[str]) -> str | list[str]:
    """The name of the list that holds the same classes, or the classes."""
    for name, known in CLASSES.items():
        if set(classes) == set(known):
            return name
    return list(classes)
