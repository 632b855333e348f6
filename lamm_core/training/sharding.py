"""The frozen language model divided among processes: each keeps its part of every layer and borrows the others' while
that layer computes (FSDP, by torch's fully_shard; with nf4 this is QLoRA for models over one card).

Does not know the loop. Projectors and LoRA are small and stay whole everywhere, so gradients, clipping and checkpoints
are those of an undivided model. A layer can only compute when all processes do: each has to make as many passes as the
others.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from lamm_core.errors import ConfigError
from lamm_core.model.lamm import LammModel

__all__ = ["shard"]


def shard(model: LammModel, device: torch.device) -> None:
    """Divide the layers among the processes of the group and bring everything to ``device``, a layer at a time.

    The model comes on the CPU, so that no card ever holds the whole of it. Raises ConfigError for a language model
    whose layers are not found.
    """
    layers = getattr(model.base_model.get_decoder(), "layers", None)
    if not isinstance(layers, nn.ModuleList):
        raise ConfigError("shard: the layers of this language model are not found. Leave shard out.")
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for layer in layers:
        for module in layer.modules():
            packed = cast(Any, module)
            if getattr(packed, "quant_state", None) is not None:  # bitsandbytes' scales are no parameters
                packed.quant_state.to(device)
                packed.support_avx512bf16_for_cpu = False  # it would repack weights that are not all there
        learning = {parameter for parameter in layer.parameters() if parameter.requires_grad}
        fully_shard(layer, mesh=mesh, ignored_params=learning)
    model.to(device)
