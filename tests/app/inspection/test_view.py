"""What a person looks at, as a link and back."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from app.inspection.view import MOST_PICKED, View, from_query, to_query, with_pick


def back(view: View) -> View | None:
    return from_query(dict(parse_qsl(to_query(view))))


@pytest.mark.parametrize(
    "view",
    [
        View(),
        View("cifar10", ("run", "other/run:blind")),
        View("t", ("a",), "neither", "red & blue? <b>", "b", "bild/ü#3"),
    ],
)
def test_a_link_brings_the_view_back(view: View) -> None:
    assert back(view) == view


def test_ticks_are_not_in_a_link() -> None:
    assert back(View("t", ("a",), ticked=frozenset({"x"}))) == View("t", ("a",))


def test_what_a_link_says_wrongly_is_left_out() -> None:
    found = from_query(
        {"tab": "benchmark", "cell": "x", "order": "y", "runs": "~".join(map(str, range(99))), "find": "w" * 9999}
    )
    assert found is not None and found.cell == "" and found.order == "difference"
    assert len(found.picked) == MOST_PICKED and len(found.words) == 400
    assert from_query({"tab": "chat"}) is None and from_query({}) is None


def test_picking_and_leaving_out() -> None:
    view = with_pick(with_pick(View(), "t", "a"), "t", "b")
    assert view.picked == ("a", "b") and view.task == "t"
    assert with_pick(view, "t", "a").picked == ("b",)
    assert with_pick(view, "other", "c") == View("other", ("c",))


def test_another_comparison_forgets_sample_and_ticks() -> None:
    view = with_pick(View("t", ("a",), "neither", sample="s", ticked=frozenset({"s"})), "t", "b")
    assert (view.sample, view.ticked, view.cell) == ("", frozenset(), "neither")
