"""What the tab of point clouds calls: opens a cloud, applies the doctor's fixes, finds its objects.

Does not know the page nor how answers come about. A scene is small: points stay on disk and on the viewer's shelf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.conversation import Cloud, Picture
from app.scene_files import scene_files
from app.sessions import Sessions
from app.viewer.shelf import CloudShelf, ShownCloud
from lamm_core.errors import MediaError
from lamm_core.grounding import Box3D
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.findings import Diagnosis, Finding

__all__ = ["Labelled", "Scene", "SceneThing", "Scenes"]

_MOST_TRUTHS = 200  # boxes; more are a thicket
_MEASURED = 500_000  # points, enough to say how large a cloud is


@dataclass(frozen=True)
class SceneThing:
    """An object: its number, what it may be called, its box in metres, and how sure that is in [0, 1]."""

    number: int
    label: str
    box: Box3D
    confidence: float | None = None

    @property
    def identifier(self) -> str:
        """As questions and answers name it."""
        return f"obj{self.number}"


@dataclass(frozen=True)
class Scene:
    """An opened cloud. ``file`` is the person's own, ``asked`` what the model reads: the same, or the fixed one.

    ``size`` is where all but a hundredth of the points lie, along each axis. ``made`` names the findings whose fixes
    were made. ``objects`` are what stands out, ``truth`` the objects that the file itself labels. ``origin`` is where
    zero lies in the coordinates of the file, after the fixes. ``picture`` was given together with the file.
    """

    session: str
    file: Path
    asked: Path
    shown: ShownCloud
    diagnosis: Diagnosis
    format: str
    points: int
    total: int
    size: tuple[float, float, float]
    origin: tuple[float, float, float]
    notes: tuple[str, ...] = ()
    made: frozenset[str] = frozenset()
    objects: tuple[SceneThing, ...] = ()
    truth: tuple[SceneThing, ...] = ()
    picture: Picture | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.file.name

    @property
    def cloud(self) -> Cloud:
        """What a question is asked about."""
        return Cloud(self.name, self.asked)

    @property
    def fixable(self) -> tuple[Finding, ...]:
        """The findings that have a fix, made or not."""
        return tuple(finding for finding in self.diagnosis.findings if finding.fix is not None)

    def thing(self, number: int) -> SceneThing | None:
        """The object of this number."""
        return self.objects[number - 1] if 1 <= number <= len(self.objects) else None


@dataclass(frozen=True, eq=False)
class Labelled:
    """The points of a scene as the model is told them: ``number`` (N,) of each point's object, 0 for none."""

    cloud: PointCloud
    rgb: NDArray[np.uint8] | None
    number: NDArray[np.int32]


@dataclass
class Scenes:
    """Opens clouds for sessions; what is kept lies in their folders and on the viewer's shelf."""

    sessions: Sessions
    shelf: CloudShelf

    def open(self, session: str, *files: Path) -> Iterator[str | Scene]:
        """Read an uploaded cloud: words on what is being done, then the scene; a picture may come with it.

        Raises MediaError where the file is no cloud, is too large or is not an upload.
        """
        given = scene_files(files)
        yield f"Reading {given.scan.name}"
        kept = self.sessions.keep(session, given.scan)
        picture, notes = None, given.notes
        if given.picture is not None:
            try:
                picture = self.sessions.take(session, given.picture)
            except MediaError as error:  # the scan can be looked at without it
                notes = (*notes, f"The picture is not shown. {error}")
        for step in self._look(session, kept, frozenset()):
            yield step if isinstance(step, str) else replace(step, picture=picture, notes=(*notes, *step.notes))

    def fix(self, scene: Scene, names: Iterable[str]) -> Iterator[str | Scene]:
        """The same file with exactly these findings' fixes made, as `open` yields it. Raises MediaError."""
        yield f"Reading {scene.name}"
        for step in self._look(scene.session, scene.file, frozenset(names)):
            yield step if isinstance(step, str) else replace(step, picture=scene.picture)

    def labelled(self, scene: Scene) -> Labelled:
        """The points again, each with its object's number. Raises MediaError."""
        from lamm_core.pointclouds.doctor import rgb8
        from lamm_core.pointclouds.read import read_cloud

        cloud = read_cloud(scene.asked)
        number, _ = _found(cloud)
        return Labelled(cloud, rgb8(cloud), number)

    def close(self, scene: Scene | None) -> None:
        """The visitor is gone: forget what is drawn, and the files."""
        if scene is not None:
            self.shelf.forget(scene.session)
            self.sessions.close(scene.session)

    def _look(self, session: str, file: Path, names: frozenset[str]) -> Iterator[str | Scene]:
        from lamm_core.pointclouds.doctor import apply, examine, rgb8
        from lamm_core.pointclouds.read import read_cloud

        cloud = read_cloud(file)
        yield f"Examining {len(cloud):,} points"
        diagnosis = examine(cloud)
        fixes = {finding.name: finding.fix for finding in diagnosis.findings if finding.fix and finding.name in names}
        asked = file
        if fixes:
            cloud = apply(cloud, fixes.values())
            asked = _write(cloud, file, "-".join(sorted(name.replace(" ", "_") for name in fixes)))
        yield f"Looking for objects in {len(cloud):,} points"
        number, objects = _found(cloud)
        truth = _truth(cloud)
        low, high = np.nanpercentile(cloud.xyz[:: max(1, len(cloud) // _MEASURED)], [0.5, 99.5], axis=0)
        size = (high - low).tolist()
        self.shelf.forget(session)
        shown = self.shelf.put(session, cloud, rgb8(cloud), instance=number if objects else None)
        yield Scene(
            session=session,
            file=file,
            asked=asked,
            shown=shown,
            diagnosis=diagnosis,
            format=cloud.format,
            points=len(cloud),
            total=max(cloud.total, len(cloud)),
            size=(size[0], size[1], size[2]),
            origin=cloud.origin,
            notes=cloud.notes,
            made=frozenset(fixes),
            objects=objects,
            truth=truth,
        )


def _found(cloud: PointCloud) -> tuple[NDArray[np.int32], tuple[SceneThing, ...]]:
    """What stands out, numbered as the model is told it, and the number (N,) of each point."""
    from lamm_core.modalities.pointcloud.scene import find_objects
    from lamm_core.modalities.pointcloud.scene_tokens import NAMED
    from lamm_core.pointclouds.shades import NAMES

    found = find_objects(cloud)
    places = np.flatnonzero(np.isfinite(cloud.xyz).all(axis=1))
    number = np.zeros(len(cloud), np.int32)
    things = []
    for count, (proposal, seen) in enumerate(zip(found.proposals, found.seen, strict=True), start=1):
        number[places[proposal.points]] = count
        best = int(np.argmax(seen.colours))
        colour = f"{NAMES[best]} " if seen.colours[best] >= NAMED else ""
        things.append(SceneThing(count, f"{colour}object", proposal.box, proposal.score))
    return number, tuple(things)


def _truth(cloud: PointCloud) -> tuple[SceneThing, ...]:
    """The objects that the file labels, the largest ones where there are very many."""
    from lamm_core.pointclouds.boxes import box_around

    if cloud.instance is None:
        return ()
    labelled = np.flatnonzero((cloud.instance > 0) & np.isfinite(cloud.xyz).all(axis=1))
    names, counts = np.unique(cloud.instance[labelled], return_counts=True)
    kept = np.sort(names[np.argsort(-counts, kind="stable")][:_MOST_TRUTHS])
    return tuple(
        SceneThing(int(name), f"object {name}", box_around(cloud.xyz[labelled[cloud.instance[labelled] == name]]))
        for name in kept
    )


def _write(cloud: PointCloud, file: Path, fixes: str) -> Path:
    """The fixed cloud beside its file; its places are relative to its origin, and are read back as they are here."""
    path = file.parent.parent / f"{file.stem[:60]}.{fixes}.npz"
    arrays: dict[str, NDArray[np.generic]] = {"xyz": cloud.xyz}
    if cloud.colours is not None:
        arrays["rgb"] = cloud.colours
    with path.open("wb") as out:
        np.savez(out, **arrays)  # type: ignore[arg-type]
    return path
