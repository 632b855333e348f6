"""Instruction pairs made from annotated pictures, one small file a task.

Does not know language models: every answer is composed from the annotations, so nothing in it is invented.
"""

from __future__ import annotations

from annotation.visual_tasks.plans import conversations
from annotation.visual_tasks.readers import READERS, count, read

__all__ = ["READERS", "conversations", "count", "read"]
