"""Measurements of a cloud that every check of the doctor starts from: spacing, strays, size, surfaces, planes.

Does not know what any of it means for units, axes or colours, nor what ought to be changed.

All lengths are in the file's own unit, all places relative to the cloud's origin. Surfels are points with the normal of
their neighbourhood; planes are found among them. Everything random is seeded: the same cloud gives the same survey.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

__all__ = ["CROWD", "Plane", "Survey", "draw", "stray", "survey"]

Floats = NDArray[np.float64]

LOOKED_AT = 300_000  # points; more cost time and change no figure by a percent
SURFELS = 4_000
SHAPE = 40_000  # points whose neighbours make the normals: a patch has to be wider than the noise is deep
PATCH = 24  # neighbours of a normal
WIDE_PATCH = 80  # where noise hides the surface in the smaller one
NEIGHBOUR = 8
CROWD = 50  # points that it takes to call one of them a stray
SPARSE = 40  # times the usual area, the most that one surfel stands for
STRAY_GROUP = 12  # points; fewer than these, on their own, are no object


@dataclass(frozen=True, eq=False)
class Plane:
    """A flat part of the cloud: ``normal @ p == offset``; shares are of the surfels, by area, in [0, 1].

    ``share`` lies on it, ``front`` on the side that the normal points to, ``back`` on the other. ``spread`` is the
    robust standard deviation of its points from it. ``point`` is the median of its points, laid on it.
    """

    normal: Floats
    offset: float
    share: float
    front: float
    back: float
    spread: float
    point: Floats


@dataclass(frozen=True, eq=False)
class Survey:
    """What was measured.

    ``points`` (M, 3) a draw of at most 300,000 of the ``count`` finite points, strays left out; ``low`` and ``high``
    (3,) the box of the middle 99 % along each axis. ``gaps``, ``eighths`` the distances to the nearest other point
    (those of 0 left out) and to the eighth, as if every point had been drawn; ``spacing`` the median of the former,
    ``duplicates`` the share of points that lie on another. ``cell`` and ``fewest`` are what strays were found with (see
    ``stray``), ``strays`` their share and ``stray_reach`` how far the furthest is outside the box. ``places``,
    ``normals`` (K, 3), ``areas`` (K,) adding up to 1, ``flat`` (K,) bool and ``roughness`` (the median depth of flat
    patches) are of the surfels.
    """

    count: int
    points: Floats
    low: Floats
    high: Floats
    gaps: Floats
    eighths: Floats
    spacing: float
    duplicates: float
    cell: float
    fewest: int
    strays: float
    stray_reach: float
    places: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    normals: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    areas: Floats = field(default_factory=lambda: np.zeros(0))
    flat: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    roughness: float = 0.0
    planes: tuple[Plane, ...] = ()

    @property
    def size(self) -> Floats:
        """Edge lengths (3,) of the box."""
        return self.high - self.low

    @property
    def reach(self) -> float:
        """Diagonal of the box."""
        return float(np.linalg.norm(self.size))


def survey(xyz: NDArray[np.float32]) -> Survey:
    """Measure points (N, 3); what is not finite counts for nothing. Never fails, however few or odd they are."""
    finite = np.isfinite(xyz).all(axis=1)
    count = int(finite.sum())
    drawn = (xyz if count == len(xyz) else xyz[finite])[draw(count, LOOKED_AT)].astype(np.float64)
    if not len(drawn):
        nothing = np.zeros(3)
        return Survey(0, drawn, nothing, nothing, np.zeros(0), np.zeros(0), 0.0, 0.0, 0.0, 0, 0.0, 0.0)
    share = len(drawn) / count
    asked, gaps, eighths = _neighbours(drawn)
    cell = _cell(eighths) if len(drawn) >= CROWD else 0.0
    fewest = max(2, min(STRAY_GROUP, len(drawn) // 20))
    lost = stray(drawn, cell=cell, fewest=fewest)
    gaps, eighths = gaps[~lost[asked]], eighths[~lost[asked]]
    apart = gaps[np.isfinite(gaps) & (gaps > 0)]
    core = drawn[~lost]
    low, high = np.quantile(core, [0.005, 0.995], axis=0) if len(core) >= 200 else (core.min(axis=0), core.max(axis=0))
    outside = np.maximum(low - drawn[lost], drawn[lost] - high).max(initial=0.0)
    measured = Survey(
        count, core, low, high,
        gaps=apart * share**0.5,  # points lie on surfaces, so twice the points are closer by the root of two
        eighths=eighths * share**0.5,
        spacing=float(np.median(apart)) * share**0.5 if len(apart) else 0.0,
        duplicates=1 - len(apart) / max(len(gaps), 1), cell=cell, fewest=max(2, round(fewest / share)),
        strays=float(lost.mean()), stray_reach=float(outside),
    )  # fmt: skip
    return _with_surfaces(measured)


def draw(count: int, most: int) -> NDArray[np.intp]:
    """Up to ``most`` of ``count`` places, sorted, always the same ones."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False, shuffle=False))


def stray(points: NDArray[np.floating], *, cell: float, fewest: int) -> NDArray[np.bool_]:
    """Which points (N, 3) are alone: in a grid of ``cell``, their group of touching cells has fewer than ``fewest``."""
    alone = ~np.isfinite(points).all(axis=1)
    if cell <= 0 or alone.all():
        return alone
    places = np.nonzero(~alone)[0]
    kept = points[places]
    steps = np.clip((kept - np.median(kept, axis=0)) / cell, -1e6, 1e6)
    grid = np.floor(steps).astype(np.int64) + 1_000_001  # 21 bits an axis
    weights = np.array([1 << 42, 1 << 21, 1], np.int64)
    keys, cells, filled = np.unique(grid @ weights, return_inverse=True, return_counts=True)
    links = []
    for number in range(14, 27):  # half of the 26 neighbours: the other half is the same pairs
        step = np.array([number // 9 - 1, number // 3 % 3 - 1, number % 3 - 1]) @ weights
        at = np.minimum(np.searchsorted(keys, keys + step), len(keys) - 1)
        found = np.nonzero(keys[at] == keys + step)[0]
        links.append(np.stack([found, at[found]]))
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(len(keys), len(keys)))
    groups, group = connected_components(graph, directed=False)
    inside = np.bincount(group, weights=filled, minlength=groups)
    if inside.max() < fewest:  # a cloud of crumbs has no body that the rest could be far from
        return alone
    alone[places] = (inside < fewest)[group[cells]]
    return alone


def _neighbours(points: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Up to 5,000 places in the list, and from each the distance to the nearest other point and to the eighth."""
    asked = draw(len(points), 5_000)
    distances, _ = _tree(points).query(points[asked], min(NEIGHBOUR + 1, len(points)))
    distances = distances.reshape(len(asked), -1)  # of a single point, a column of its own
    return asked, distances[:, 1] if distances.shape[1] > 1 else np.zeros(len(asked)), distances[:, -1]


def _cell(eighths: Floats) -> float:
    """Wide enough to hold sparse parts of the scene together, whatever the strays, of which there may be many."""
    usual, sparse = np.quantile(eighths, [0.5, 0.97])
    return 2.5 * float(min(sparse, 4 * usual) if usual > 0 else sparse)


def _tree(points: Floats) -> cKDTree:
    return cKDTree(points, balanced_tree=False, compact_nodes=False)


def _with_surfaces(measured: Survey) -> Survey:
    """Add surfels and planes, where there are points enough to have any."""
    points = measured.points
    if len(points) < PATCH or measured.reach == 0:
        return measured
    shape = points[draw(len(points), SHAPE)]
    places = shape[draw(len(shape), SURFELS)]
    tree = _tree(shape)
    distances, normals, depth, flat = _patches(shape, tree, places, PATCH)
    if flat.mean() < 0.6 and len(shape) > 20 * WIDE_PATCH:
        distances, normals, depth, flat = _patches(shape, tree, places, WIDE_PATCH)
    areas = np.square(distances)
    areas = np.minimum(areas, SPARSE * np.median(areas)) if areas.any() else np.ones(len(areas))
    described = {
        **vars(measured),
        "places": places, "normals": normals, "areas": areas / areas.sum(), "flat": flat,
        "roughness": float(np.median(depth[flat])) if flat.any() else 0.0,
    }  # fmt: skip
    surfaces = Survey(**described)
    return Survey(**{**described, "planes": tuple(_planes(surfaces))})


def _patches(
    shape: Floats, tree: cKDTree, places: Floats, neighbours: int
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Of the neighbourhood of each place (K, 3): radius, normal (K, 3), depth, whether it is flat."""
    distances, near = tree.query(places, neighbours)
    patches = shape[near] - places[:, None]  # (K, neighbours, 3)
    patches -= patches.mean(axis=1, keepdims=True)
    variances, axes = np.linalg.eigh(patches.transpose(0, 2, 1) @ patches / neighbours)
    depth, width = np.sqrt(np.maximum(variances[:, :2], 0)).T
    return distances[:, -1], axes[:, :, 0], depth, (depth < 0.35 * width) & (width > 0)


def _planes(surfaces: Survey, *, most: int = 10, smallest: float = 0.02) -> list[Plane]:
    """Largest first; each is sought among the surfels that no larger one took."""
    chance = np.random.default_rng(1)
    depth = max(3 * surfaces.roughness, 0.004 * surfaces.reach)
    left = surfaces.flat.copy()
    planes: list[Plane] = []
    while len(planes) < most and surfaces.areas[left].sum() >= smallest:
        rows = np.nonzero(left)[0]
        tried = rows[chance.integers(0, len(rows), min(96, len(rows)))]
        places, normals, areas = surfaces.places[rows], surfaces.normals[rows], surfaces.areas[rows]
        off = np.abs(
            places @ surfaces.normals[tried].T - np.einsum("ij,ij->i", surfaces.places[tried], surfaces.normals[tried])
        )
        agree = np.abs(normals @ surfaces.normals[tried].T) > np.cos(np.radians(15))
        best = int(np.argmax(areas @ (agree & (off < 4 * depth))))
        normal, centre = surfaces.normals[tried[best]], surfaces.places[tried[best]]
        for width, angle in ((6.0, 20), (4.0, 18), (2.0, 15), (1.0, 15), (1.0, 15)):
            near = (np.abs((places - centre) @ normal) < width * depth) & (
                np.abs(normals @ normal) > np.cos(np.radians(angle))
            )
            if near.sum() < 8:
                break
            centre = places[near].mean(axis=0)
            normal = np.linalg.svd(places[near] - centre, full_matrices=False)[2][2]
        near = (np.abs((places - centre) @ normal) < depth) & (np.abs(normals @ normal) > np.cos(np.radians(25)))
        left[tried[best]] = False
        left[rows[near]] = False
        if near.sum() >= 8 and areas[near].sum() >= smallest:
            planes.append(_plane(surfaces, normal, float(centre @ normal), depth))
    return sorted(planes, key=lambda plane: -plane.share)


def _plane(surfaces: Survey, normal: Floats, offset: float, depth: float) -> Plane:
    heights = surfaces.places @ normal - offset
    on = np.abs(heights) < depth
    spread = 1.4826 * float(np.median(np.abs(heights[on])))
    middle = np.median(surfaces.places[on], axis=0)
    return Plane(
        normal, offset,
        share=float(surfaces.areas[on].sum()),
        front=float(surfaces.areas[heights >= depth].sum()), back=float(surfaces.areas[heights <= -depth].sum()),
        spread=spread, point=middle - (middle @ normal - offset) * normal,
    )  # fmt: skip
