"""What the benchmark tab calls: what a person looks at, what they do, and what there is to see then.

Does not know Gradio nor how anything is drawn. It holds no person's state; that is a View, which goes in and comes out.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from app.inspection.board import board_value
from app.inspection.comparison import Comparison, Opener, Sample
from app.inspection.marked import item_of
from app.inspection.pairing import CELLS, ORDERS, Cell, Order, select
from app.inspection.run_shelf import Run, RunShelf, Series, read_key
from app.inspection.run_starter import RunStarter, unheard
from app.inspection.view import LONGEST, View, with_pick
from app.marks import MarkBook
from app.viewer.shelf import CloudShelf, ShownCloud
from lamm_core.errors import TaskError

__all__ = ["Inspection", "Look"]

_MOST_CLOUD_POINTS = 200_000
_MOST_TICKED = 2000


@dataclass(frozen=True, eq=False)
class Look:
    """What a view comes to: the comparison, the samples of its filter, and the one that is shown.

    ``view`` is as it was asked for, less what is not there. ``told`` says what is not there.
    """

    view: View
    comparison: Comparison | None = None
    chosen: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    position: int = 0
    sample: Sample | None = None
    told: str = ""


class Inspection:
    """The runs, the comparisons that are open, and the file of samples marked for review."""

    def __init__(self, runs: RunShelf, starter: RunStarter, *, marks: MarkBook, clouds: CloudShelf) -> None:
        self.runs = runs
        self.starter = starter
        self.marks = marks
        self._clouds = clouds
        self._opener = Opener()
        self._shown: dict[str, tuple[Path, ShownCloud, tuple[float, ...]]] = {}
        self._lock = threading.Lock()

    # ---- looking

    def board(self, view: View) -> dict[str, Any]:
        """The leaderboard."""
        found = self.runs.runs()
        return board_value(found, view, unheard(self.starter.folder, found))

    def look(self, view: View) -> Look:
        """Open what the view names. Raises TaskError where records cannot be read."""
        chosen: list[tuple[Series, Run]] = []
        gone = []
        runs = {run.name: run for run in self.runs.runs()}
        for key in view.picked:
            series = read_key(key)
            run = runs.get(series.run)
            if run is None or run.problem or (chosen and run.task != chosen[0][1].task):
                gone.append(key)
            else:
                chosen.append((series, run))
        told = f"Not here: {', '.join(gone)}." if gone else ""
        view = replace(view, picked=tuple(series.key for series, _ in chosen))
        if not chosen:
            return Look(view, told=told)
        view = replace(view, task=chosen[0][1].task)
        comparison = self._opener.open(chosen)
        if not len(comparison.pairing):
            return Look(view, comparison, told=told or "These series share no sample.")
        places = select(comparison.pairing, cell=view.cell, words=view.words, order=view.order)
        position = self._position(comparison, places, view.sample)
        if position is None and view.sample:
            known = comparison.place_of(view.sample) is not None
            told = told or ("" if known else f"There is no sample {view.sample} in these series.")
        if not len(places):
            return Look(view, comparison, places, told=told)
        position = position or 0
        sample = comparison.sample(int(places[position]))
        return Look(replace(view, sample=sample.id), comparison, places, position, sample, told)

    def _position(self, comparison: Comparison, places: NDArray[np.int64], sample: str) -> int | None:
        place = comparison.place_of(sample) if sample else None
        if place is None:
            return None
        found = np.flatnonzero(places == place)
        return int(found[0]) if len(found) else None

    def cloud(self, seat: str, path: Path) -> tuple[ShownCloud, tuple[float, ...]]:
        """A cloud for the viewer of one person, and where its zero lies. Raises MediaError."""
        with self._lock:
            known = self._shown.get(seat)
        if known is not None and known[0] == path:
            return known[1], known[2]
        from lamm_core.pointclouds.doctor import rgb8
        from lamm_core.pointclouds.read import read_cloud

        cloud = read_cloud(path)
        self._clouds.forget(seat)
        shown = self._clouds.put(seat, cloud, rgb8(cloud), most=_MOST_CLOUD_POINTS)
        with self._lock:
            self._shown[seat] = (path, shown, cloud.origin)
        return shown, cloud.origin

    def leave(self, seat: str) -> None:
        """The person is gone."""
        if seat:
            with self._lock:
                self._shown.pop(seat, None)
            self._clouds.forget(seat)

    # ---- doing

    def act(self, view: View, action: Mapping[str, Any]) -> View:
        """What a click or a key makes of a view; what it does not know changes nothing. Raises TaskError."""
        name = action.get("do")
        match name:
            case "task":
                return View(task=_text(action.get("name")))
            case "metric":
                return replace(view, metric=_text(action.get("name")))
            case "pick":
                key = _text(action.get("key"))
                run = self.runs.run(read_key(key).run)
                return view if run is None else with_pick(view, run.task, key)
            case "swap":
                first, *others = view.picked or ("",)
                return view.compares(view.task, (others[0], first, *others[1:])) if others else view
            case "example":
                return self._example() or view
            case "cell":
                cell = _text(action.get("name"))
                return replace(view, cell=cast(Cell, cell)) if cell in CELLS else view
            case "order":
                order = _text(action.get("name"))
                return replace(view, order=cast(Order, order), sample="") if order in ORDERS else view
            case "find":
                return replace(view, words=_text(action.get("words")))
            case "go":
                return self._moved(view, action)
            case "tick":
                return self._ticked(view)
            case "tick_all":
                return self._all_ticked(view)
            case "untick":
                return replace(view, ticked=frozenset())
        return view

    def mark(self, view: View, *, by: str) -> str:
        """Write what is ticked, or else the sample that is shown, into the file of the queue; what came of it.

        Raises AnnotationError where it cannot be written.
        """
        look = self.look(view)
        if look.comparison is None or (look.sample is None and not view.ticked):
            return "Nothing is ticked."
        comparison, items, gone = look.comparison, [], 0
        for name in sorted(view.ticked) or [view.sample]:
            place = comparison.place_of(name)
            if place is None:
                gone += 1
                continue
            items.append(item_of(comparison, comparison.sample(place)))
        added, waiting = self.marks.add(items, marked_by=by)
        before = len(items) - added
        words = f"{added} marked for review" if added else "Nothing new to mark"
        words += f", {before} {'was' if before == 1 else 'were'} marked before" if before else ""
        words += f", {gone} not in these series" if gone else ""
        return f"{words}. {waiting} in the queue's file."

    def stop(self, name: str) -> str:
        """Ask a run to stop. Raises TaskError where it does not run."""
        run = self.runs.run(name)
        if run is None:
            raise TaskError(f"There is no run {name}.")
        self.starter.stop(run)
        return f"{run.title} was asked to stop. It keeps its answers and can go on later."

    def _example(self) -> View | None:
        """The shipped runs of one task: their answers, the first two beside each other."""
        shipped = [run for run in self.runs.runs() if run.shipped and not run.problem]
        if not shipped:
            return None
        same = sorted((run for run in shipped if run.task == shipped[0].task), key=lambda run: run.name)
        keys = [run.name for run in same] + [series.key for run in same for series in run.series[1:]]
        return View(task=same[0].task, picked=tuple(keys[:2]))

    def _moved(self, view: View, action: Mapping[str, Any]) -> View:
        look = self.look(view)
        if look.comparison is None or not len(look.chosen):
            return view
        to, by = action.get("to"), action.get("by")
        if type(to) is int:
            position = to
        elif type(by) is int:
            position = look.position + by
        else:
            return view
        place = int(look.chosen[min(max(position, 0), len(look.chosen) - 1)])
        return replace(look.view, sample=look.comparison.sample(place).id)

    def _ticked(self, view: View) -> View:
        if not view.sample or len(view.ticked) >= _MOST_TICKED:
            return view
        return replace(view, ticked=view.ticked ^ {view.sample})

    def _all_ticked(self, view: View) -> View:
        """Every sample of the filter, as far as there is room."""
        look = self.look(view)
        if look.comparison is None:
            return view
        room = max(0, _MOST_TICKED - len(view.ticked))
        names = {look.comparison.sample(int(place)).id for place in look.chosen[:room]}
        return replace(look.view, ticked=view.ticked | names)


def _text(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""
