"""What axe-core finds wrong on a page.

Does not know the page. axe-core 4.14.1 (MPL-2.0, tests/browser/axe) is used as it was published, in tests alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["serious_faults"]

AXE = Path(__file__).parent / "axe" / "axe.min.js"
# What is wrong, and the first elements that are; kept short so that a failure can be read. Left out is Gradio's own
# mark of an empty plot, a plain element with a label.
FIND = """async () => {
  const found = await axe.run({ exclude: ['.empty[aria-label]'] }, { resultTypes: ['violations'] });
  return found.violations.filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id}: ` + one.nodes.slice(0, 4).map((node) => node.html.slice(0, 140)).join(' | '));
}"""


def serious_faults(page: Any) -> list[str]:
    """Faults of the kinds "serious" and "critical" in what is shown now."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(FIND)
    return found
