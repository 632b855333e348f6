"""The identity of an encoder: one hash over its weights and everything else that decides its features.

Does not know what is encoded.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

__all__ = ["fingerprint"]

# Hashing a large encoder takes seconds; torch counts every in-place change of a tensor, so an unchanged count will do.
KNOWN: WeakKeyDictionary[nn.Module, tuple[object, str]] = WeakKeyDictionary()


def fingerprint(module: nn.Module, preprocessing: Any) -> str:
    """SHA-256 over the names, dtypes, shapes and bytes of the state and over ``preprocessing`` (JSON values)."""
    state = sorted(module.state_dict().items())
    settings = json.dumps(preprocessing, sort_keys=True, default=str)
    key = (settings, tuple((name, value.data_ptr(), value._version) for name, value in state))
    known = KNOWN.get(module)
    if known is None or known[0] != key:
        digest = hashlib.sha256(settings.encode())
        for name, value in state:
            digest.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        known = KNOWN[module] = (key, digest.hexdigest())
    return known[1]
