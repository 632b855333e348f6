"""One LoRA set for each modality on one shared language model, and the switch between them.

Does not know prompts or media. Which adapter is active is state on the shared model: only `active` changes it, under
that model's lock.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, cast
from weakref import WeakKeyDictionary

from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from lamm_core.config import LoraSettings
from lamm_core.errors import ConfigError

__all__ = ["active", "active_names", "adapter_parameters", "add_adapter", "lora_config"]

LOCKS: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
LOCKS_GUARD = threading.Lock()


def lora_config(settings: LoraSettings) -> LoraConfig:
    """PEFT's description of the adapter."""
    return LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
    )


def add_adapter(language_model: nn.Module, name: str, settings: LoraSettings) -> PeftModel:
    """Put a fresh LoRA set called ``name`` on the model and return the PEFT wrapper, the same one every time.

    All adapters come back trainable; their weights are float32 whatever the model's dtype is. A fresh set changes
    nothing until it is trained. Raises ConfigError where the model has none of the target layers.
    """
    try:
        if isinstance(language_model, PeftModel):
            language_model.add_adapter(name, lora_config(settings))
            model = language_model
        else:
            with warnings.catch_warnings():
                # peft asks transformers 5 for an attribute under its old name.
                warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
                wrapped = get_peft_model(cast(Any, language_model), lora_config(settings), adapter_name=name)
            model = cast(PeftModel, wrapped)
    except ValueError as error:
        raise ConfigError(f"The adapter {name!r} does not fit the language model: {error}") from error
    for adapter in model.peft_config:
        for parameter in adapter_parameters(model, adapter):
            parameter.requires_grad_(True)
    return model


def adapter_parameters(model: PeftModel, name: str) -> list[nn.Parameter]:
    """The weights of the adapter called ``name``."""
    marker = f".{name}."
    return [parameter for key, parameter in model.named_parameters() if "lora_" in key and marker in key]


def active_names(model: PeftModel) -> tuple[str, ...]:
    """The adapters that take part in a forward pass now; empty where they are switched off."""
    for layer in tuner_layers(model):
        return () if layer.disable_adapters else tuple(layer.active_adapters)
    return ()


@contextmanager
def active(model: PeftModel, names: Collection[str]) -> Iterator[None]:
    """Inside, exactly these adapters are active (none: the plain language model) and no other thread can switch.

    The lock is re-entrant and belongs to the thread: enter and leave in the same one, so do not hold it across a
    ``yield`` that another thread may resume. What needs gradients is not changed, unlike PEFT's own switch.
    Raises ConfigError for an adapter that the model does not have.
    """
    if missing := sorted(set(names) - set(model.peft_config)):
        known = ", ".join(sorted(model.peft_config))
        raise ConfigError(f"The model has no adapter {', '.join(map(repr, missing))}. Known: {known}.")
    with lock_of(model):
        before = active_names(model)
        switch(model, tuple(sorted(names)))
        try:
            yield
        finally:
            switch(model, before)


def switch(model: PeftModel, names: tuple[str, ...]) -> None:
    """Make exactly these adapters active, leaving every ``requires_grad`` as it is. The caller holds the lock."""
    if active_names(model) == names:
        return
    # PEFT's set_adapter also decides what is trainable; a graph built under the old decision would lose its gradients.
    trainable = [(parameter, parameter.requires_grad) for key, parameter in model.named_parameters() if "lora_" in key]
    if names:
        model.base_model.set_adapter(list(names))
        model.base_model.enable_adapter_layers()
    else:
        model.base_model.disable_adapter_layers()
    for parameter, flag in trainable:
        parameter.requires_grad_(flag)


def tuner_layers(model: PeftModel) -> Iterator[BaseTunerLayer]:
    """The layers that carry adapters."""
    return (module for module in model.modules() if isinstance(module, BaseTunerLayer))


def lock_of(model: PeftModel) -> threading.RLock:
    """The one lock of this model."""
    with LOCKS_GUARD:
        return LOCKS.setdefault(model, threading.RLock())
