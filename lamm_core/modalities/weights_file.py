"""Weights that this project trained, out of a file that a person named.

Does not know what the weights are for.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from lamm_core.errors import WeightsError

__all__ = ["load_weights"]


def load_weights(module: nn.Module, path: Path, *, what: str, remedy: str) -> None:
    """Put the tensors of a safetensors file into a module, all of them.

    Raises WeightsError with ``remedy`` where there is no such file, and for one that does not fit ``what``.
    """
    try:
        module.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise WeightsError(f"{path} is missing{remedy}") from error
    except (SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path} does not fit {what}: {error}") from error
