"""The boxes of an annotation: each place once, whatever form it is written in."""

from __future__ import annotations

from annotation.review.evidence import annotated_boxes
from annotation.review.items import Box


def test_a_thing_that_is_written_twice_is_drawn_once() -> None:
    thing = {"label": "cup", "centre": [0.1, 0.2, 0.3], "size": [0.1, 0.1, 0.1]}
    drawn = {"label": "cup", "bbox": [0.1, 0.2, 0.3, 0.1, 0.1, 0.1]}
    other = {"label": "box", "bbox": [0.1, 0.2, 0.3, 0.1, 0.1, 0.1]}
    found = annotated_boxes({"things": [thing], "objects": [drawn, other]})
    assert found == (Box("cup", (0.1, 0.2, 0.3, 0.1, 0.1, 0.1)), Box("box", (0.1, 0.2, 0.3, 0.1, 0.1, 0.1)))
