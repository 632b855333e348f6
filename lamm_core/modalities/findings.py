"""Findings in the place of a medium: what an encoder would find, written down by somebody who knows.

Does not know what findings look like; every encoder that can be practised on composes its own. A file of findings
costs nothing to encode, so a language model can learn to read an encoder's tokens from as many as it takes, before it
meets the few media that somebody annotated.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from lamm_core.errors import MediaError

__all__ = ["ComposesFindings", "compose_findings"]


@runtime_checkable
class ComposesFindings(Protocol):
    """An encoder that can write its tokens from what there is to find."""

    def compose(self, findings: Mapping[str, Any], rng: random.Random) -> Tensor:
        """Tokens ``(n, width)`` as of a medium that shows this, with the doubts and false alarms that occur."""
        ...


def compose_findings(path: Path, encoder: object) -> Tensor:
    """Tokens ``(n, width)`` for a JSON file of findings; the same file gives the same tokens.

    Raises MediaError for a file that holds none, and for an encoder that cannot compose.
    """
    if not isinstance(encoder, ComposesFindings):
        raise MediaError(
            f"{path.name} holds findings, and this encoder composes none; use pairs about media that can be opened."
        )
    try:
        content = path.read_bytes()
        findings = json.loads(content)
        if not isinstance(findings, dict):
            raise TypeError(f"a JSON object was expected, not {type(findings).__name__}")
        return encoder.compose(findings, random.Random(content))
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise MediaError(f"{path.name} holds no findings that can be composed ({error!r}); write it anew.") from error
