"""Every tab in a real browser: no complaint in the console, and nothing serious that axe-core finds.

axe-core 4.14.1 (MPL-2.0, tests/browser/axe) is used as it was published, in these tests alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.tabs import TABS

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
AXE = Path(__file__).parent / "axe" / "axe.min.js"
# What is wrong, and the first elements that are; kept short so that a failure can be read. Left out is Gradio's own
# mark of an empty plot, a plain element with a label.
FIND = """async () => {
  const found = await axe.run({ exclude: ['.empty[aria-label]'] }, { resultTypes: ['violations'] });
  return found.violations.filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id}: ` + one.nodes.slice(0, 4).map((node) => node.html.slice(0, 140)).join(' | '));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_has_a_serious_fault_or_complains(visit: Visit, dog: Path, scheme: str) -> None:
    visitor = visit(color_scheme=scheme)
    page = visitor.page
    visitor.attach(dog)
    visitor.ask("Where is the dog?")
    visitor.answered()
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    faults = {}
    for title, _ in TABS:
        page.get_by_role("tab", name=title, exact=True).click()
        page.wait_for_timeout(1500)
        visitor.shot(f"{scheme}-tab-{title.lower().replace(' ', '-')}")
        if found := page.evaluate(FIND):
            faults[title] = found
    assert faults == {}
    assert visitor.errors == visitor.complaints == visitor.outside == []
