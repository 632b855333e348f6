"""Scenes in space and what is said about them: scans read, rendered and imagined, and questions with certain answers.

Does not know language models or encoders; numpy only, so that training can ask about the objects it found itself.
"""

from __future__ import annotations

from annotation.spatial.objects import SceneObject, from_instances, from_record, to_record
from annotation.spatial.plans import conversations
from annotation.spatial.scan import Scan

__all__ = ["Scan", "SceneObject", "conversations", "from_instances", "from_record", "to_record"]
