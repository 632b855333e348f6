"""The review queue: drafts of instruction pairs that people accept, edit or reject, and what is exported of them.

Does not know how drafts are generated nor how the queue is shown; nothing here imports torch.
"""

from __future__ import annotations

__all__: list[str] = []
