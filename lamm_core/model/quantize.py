"""The 4-bit form of a frozen language model: nf4 with double quantisation, computing in bf16 (QLoRA, arXiv 2305.14314).

Does not know adapters: PEFT puts its LoRA on the quantised layers as on any others. Runs on CUDA and on the CPU.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import torch
from transformers import BitsAndBytesConfig

from lamm_core.errors import MissingDependencyError

__all__ = ["Quantization", "nf4_config"]

Quantization = Literal["nf4"]


def nf4_config() -> BitsAndBytesConfig:
    """Settings for ``AutoModelForCausalLM.from_pretrained``. Raises MissingDependencyError without bitsandbytes.

    Embeddings and head stay as they are; each weight block is 64 values and double quantisation packs its scales.
    """
    if find_spec("bitsandbytes") is None:
        raise MissingDependencyError("4-bit models need bitsandbytes. Install it: pip install bitsandbytes")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
