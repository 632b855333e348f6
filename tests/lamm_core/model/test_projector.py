"""Projectors carry any number of tokens to the width of the language model."""

from __future__ import annotations

import pytest
import torch

from lamm_core.config import ProjectorKind
from lamm_core.errors import ConfigError
from lamm_core.model.projector import build_projector


@pytest.mark.parametrize(("kind", "layers"), [("linear", 1), ("mlp", 2)])
def test_a_projector_changes_only_the_last_axis(kind: ProjectorKind, layers: int) -> None:
    projector = build_projector(kind, 6, 10)
    assert projector(torch.zeros(2, 5, 6)).shape == (2, 5, 10)
    assert sum(parameter.dim() == 2 for parameter in projector.parameters()) == layers


def test_an_unknown_projector_is_refused() -> None:
    with pytest.raises(ConfigError, match="Known: linear, mlp"):
        build_projector("resampler", 6, 10)  # type: ignore[arg-type]
