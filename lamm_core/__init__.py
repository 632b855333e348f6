"""LAMM: multimodal models made of an encoder, a projector and a language model; their data, training and measuring.

Knows no user interface, and importing it imports no torch: what is heavy is imported by the module that needs it.
"""

from __future__ import annotations

import logging

# peft imports bitsandbytes, which warns on some processors that an optional faster kernel is not installed.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)

__all__: list[str] = []
