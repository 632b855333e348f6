"""Every tab in a real browser: no complaint in the console, and nothing serious that axe-core finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.tabs import TABS
from tests.browser.faults import serious_faults

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_has_a_serious_fault_or_complains(visit: Visit, dog: Path, scheme: str) -> None:
    visitor = visit(color_scheme=scheme)
    page = visitor.page
    visitor.attach(dog)
    visitor.ask("Where is the dog?")
    visitor.answered()
    faults = {}
    for title, _ in TABS:
        page.get_by_role("tab", name=title, exact=True).click()
        page.wait_for_timeout(1500)
        visitor.shot(f"{scheme}-tab-{title.lower().replace(' ', '-')}")
        if found := serious_faults(page):
            faults[title] = found
    assert faults == {}
    assert visitor.errors == visitor.complaints == visitor.outside == []
