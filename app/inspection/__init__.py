"""The inspection of benchmark runs: which there are, their records indexed, paired, filtered and shown.

Does not know Gradio; app/tabs/benchmark.py calls it.
"""

from __future__ import annotations

__all__: list[str] = []
