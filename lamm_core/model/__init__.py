"""The multimodal model: projector, adapters, fusion, the composition of them, and its checkpoints.

Does not know how it is trained or decoded.
"""

import logging

# peft imports bitsandbytes, which warns on some processors that an optional faster kernel is not installed.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
