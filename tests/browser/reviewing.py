"""The review tab opened for a person, on the drafts of one source."""

from __future__ import annotations

from typing import Any

_REMEMBER = """([who, source]) => {
  localStorage.setItem('lamm-review-who', JSON.stringify(who));
  localStorage.setItem('lamm-review-filters', JSON.stringify({source}));
}"""


def open_review(page: Any, source: str, who: str) -> None:
    """Remember who it is and what is filtered for, then open the tab and wait for the first item."""
    page.evaluate(_REMEMBER, [who, source])
    page.reload()
    page.wait_for_selector("#ask textarea")
    page.get_by_role("tab", name="Review").click()
    page.locator("#review .rv-turn").first.wait_for()
