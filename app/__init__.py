"""The page: the only package that imports gradio. Nothing imports ``app.py``, the script beside it.

Knows no model: it composes what ``lamm_core`` offers. Telemetry is switched off here because Gradio reads these
variables while it is imported, and every module of this package is imported after this one.
"""

from __future__ import annotations

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
