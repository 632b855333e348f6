"""The thousand names of ImageNet's classes.

Does not know pixels.
"""

from __future__ import annotations

from importlib import resources

__all__ = ["imagenet_names"]


def imagenet_names() -> list[str]:
    """The 1,000 class names in the classifier's order."""
    text = (resources.files("lamm_core.modalities.perception") / "imagenet_names.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]
