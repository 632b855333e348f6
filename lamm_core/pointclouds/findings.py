"""What the doctor says of a cloud: findings with their evidence, and the diagnosis that they make up.

Does not know how anything was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamm_core.pointclouds.fixes import Fix, fix_record

__all__ = ["Diagnosis", "Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing found: ``guess`` in a word or two, ``confidence`` in [0, 1], ``evidence`` a sentence with numbers.

    ``fix`` is what would bring the cloud to metres, z up, the origin on its support and 8-bit colours; None where
    nothing has to be done or nothing is known.
    """

    name: str
    guess: str
    confidence: float
    evidence: str
    fix: Fix | None = None


@dataclass(frozen=True)
class Diagnosis:
    """All findings, one of each name, in the order in which a person would ask."""

    findings: tuple[Finding, ...]

    def __getitem__(self, name: str) -> Finding:
        """The finding of this name. Raises KeyError."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)

    def fixes(self, *, confidence: float = 0.0) -> tuple[Fix, ...]:
        """The fixes of all findings that are at least so sure, as ``apply`` takes them."""
        return tuple(
            finding.fix for finding in self.findings if finding.fix is not None and finding.confidence >= confidence
        )

    def record(self) -> list[dict[str, Any]]:
        """The findings as JSON has them."""
        return [
            {
                "name": finding.name,
                "guess": finding.guess,
                "confidence": round(finding.confidence, 3),
                "evidence": finding.evidence,
                "fix": None if finding.fix is None else fix_record(finding.fix),
            }
            for finding in self.findings
        ]
