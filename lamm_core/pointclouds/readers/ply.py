"""PLY: clouds, meshes and Gaussian splats, as text or binary in either byte order, with whatever other properties.

Does not know how the header is written (`ply_header`) nor how surfaces are sampled (`surface`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lamm_core.errors import MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.readers.columns import Columns, name_columns
from lamm_core.pointclouds.readers.gathering import CHUNK_POINTS, Gathering
from lamm_core.pointclouds.readers.mesh import Mesh, check_mesh_size, gather_meshes
from lamm_core.pointclouds.readers.ply_header import Element, Header, read_header
from lamm_core.pointclouds.readers.ply_lists import read_lists, read_text_lists
from lamm_core.pointclouds.readers.rows import Lines, parse_rows

__all__ = ["is_ply", "read_ply"]

Column = NDArray[Any]
# Numbers of each row, by the place of their property.
Table = dict[int, Column]

FACE_LISTS = ("vertex_indices", "vertex_index")
SPLAT = ("f_dc_0", "f_dc_1", "f_dc_2")
# The constant spherical harmonic, 1 / (2 sqrt(pi)): a splat's base colour is 0.5 + this times f_dc.
HARMONIC = 0.28209479177387814


def is_ply(head: bytes) -> bool:
    """Whether a file that begins so is PLY."""
    return head[:4] in (b"ply\n", b"ply\r", b"ply ") or head == b"ply"


def read_ply(path: Path, gathering: Gathering) -> PointCloud:
    """The vertices of a cloud, or points on the faces of a mesh. Raises MediaError."""
    with path.open("rb") as file:
        header = read_header(file, path.name)
        vertex = header.element("vertex")
        if vertex is None:
            raise MediaError(f"{path.name} is a PLY file without an element 'vertex'; expected one with x, y and z.")
        names = vertex.names()
        if "packed_position" in names:
            raise MediaError(
                f"{path.name} is a compressed Gaussian splat; save it as a plain PLY, with x, y and z of each splat."
            )
        columns = name_columns(names)
        if columns is None:
            raise MediaError(f"{path.name} has vertices without x, y and z, only {', '.join(names[:12]) or 'nothing'}.")
        check_size(path, header)
        faces = header.element("face")
        source = Source(file, header, gathering)
        if faces is None or not faces.rows:
            return read_points(source, vertex, columns)
        check_mesh_size(path, gathering.limits)
        return read_mesh(source, vertex, columns, faces)


def check_size(path: Path, header: Header) -> None:
    """Raise MediaError where the header promises more rows than the file can hold."""
    there = path.stat().st_size - header.start
    # A row of text is at least a digit and a line end for each of its properties.
    need = sum(
        element.rows * (2 * len(element.properties) if header.text else element.least_bytes)
        for element in header.elements
        if element.properties
    )
    if header.text:
        need -= 1  # the last line may lack its end
    if need > there:
        promised = ", ".join(f"{element.rows:,} of {element.name}" for element in header.elements)
        raise MediaError(
            f"{path.name} is cut short: its header promises {promised}, which take at least {need:,} bytes, "
            f"and {there:,} are there."
        )


class Source:
    """The data of an open PLY file, element after element."""

    def __init__(self, file: BinaryIO, header: Header, gathering: Gathering) -> None:
        self.file = file
        self.header = header
        self.gathering = gathering
        self.lines = Lines(file, gathering.name)

    def chunks(self, wanted: Element) -> Iterator[Table]:
        """The single numbers of an element's rows, having passed over the elements before it."""
        for element in self.header.elements:
            if element is wanted:
                yield from self.rows(element)
                return
            for _ in self.rows(element):
                pass

    def rows(self, element: Element) -> Iterator[Table]:
        """The single numbers of the next element in the file."""
        name, order = self.gathering.name, self.header.order
        if not element.properties:
            return
        if self.header.text:
            single = [place for place, part in enumerate(element.properties) if part.count is None]
            for lines in self.lines.take(element.rows):
                self.gathering.check_clock()
                yield read_text_rows(lines, element, single, name)
        elif element.has_lists:
            yield read_lists(self.file, element, order, self.gathering).single
        else:
            dtype = element.dtype(order)
            for first in range(0, element.rows, CHUNK_POINTS):
                rows = np.fromfile(self.file, dtype, min(CHUNK_POINTS, element.rows - first))
                if len(rows) < min(CHUNK_POINTS, element.rows - first):
                    raise MediaError(f"{name} is cut short among its {element.rows:,} rows of {element.name}.")
                yield {place: rows[str(place)] for place in range(len(element.properties))}

    def polygons(self, faces: Element, place: int) -> NDArray[np.int64]:
        """(triangles, 3) of the element ``faces``, which comes next, from its list at ``place``."""
        if self.header.text:
            return read_text_lists(self.lines, faces, place, self.gathering)
        return read_lists(self.file, faces, self.header.order, self.gathering, triangles=place).triangles


def read_text_rows(lines: list[bytes], element: Element, single: list[int], name: str) -> Table:
    """The single numbers in lines of text; those behind a list are found by walking over it."""
    lists = [place for place, part in enumerate(element.properties) if part.count is not None]
    try:
        if not lists or not single or max(single) < min(lists):
            rows = parse_rows(lines, single) if single else np.empty((len(lines), 0))
        else:
            rows = np.array([walk(line.split(), element) for line in lines], np.float64)
    except (ValueError, IndexError) as error:
        raise MediaError(f"{name} is damaged: a line of {element.name} is not what its header says.") from error
    types = [element.properties[place].type for place in single]
    with np.errstate(invalid="ignore", over="ignore"):
        return {place: rows[:, number].astype(types[number]) for number, place in enumerate(single)}


def walk(words: list[bytes], element: Element) -> list[float]:
    """The single numbers of one line that holds lists as well. Raises ValueError or IndexError."""
    found = []
    at = 0
    for part in element.properties:
        if part.count is None:
            found.append(float(words[at]))
            at += 1
        else:
            length = int(words[at])
            if length < 0:
                raise ValueError("a list of negative length")
            at += 1 + length
    return found


def read_points(source: Source, vertex: Element, columns: Columns) -> PointCloud:
    """A cloud, streamed; a splat's colours come from its constant harmonic."""
    names = vertex.names()
    splat = [names.index(name) for name in SPLAT] if all(name in names for name in SPLAT) else None
    for table in source.chunks(vertex):
        colours = pick(table, columns.colours)
        if splat is not None:
            with np.errstate(invalid="ignore", over="ignore"):
                constant = np.stack([table[place] for place in splat], axis=1).astype(np.float32)
                colours = np.clip(0.5 + HARMONIC * constant, 0.0, 1.0).astype(np.float32)
        source.gathering.add(
            np.stack([table[place] for place in columns.xyz], axis=1),
            colours=colours,
            normals=None if splat is not None else pick(table, columns.normals),
            instance=None if columns.instance is None else table[columns.instance],
        )
    notes = []
    if splat is not None:
        notes.append(
            "A Gaussian splat, not a scan: the centre of each splat is read as a point in its base colour; sizes, "
            "directions, transparency and reflections are left out."
        )
    return source.gathering.cloud("ply", fields=names, notes=notes)


def pick(table: Table, triple: tuple[int, int, int] | None) -> Column | None:
    """Three columns side by side, or None. Lists among them count as none."""
    if triple is None or any(place not in table for place in triple):
        return None
    return np.stack([table[place] for place in triple], axis=1)


def read_mesh(source: Source, vertex: Element, columns: Columns, faces: Element) -> PointCloud:
    """Points drawn evenly on the faces."""
    place = next((faces.names().index(name) for name in FACE_LISTS if name in faces.names()), None)
    gathering = source.gathering
    if place is None or faces.properties[place].count is None:
        return read_points(source, vertex, columns)
    if source.header.elements.index(faces) < source.header.elements.index(vertex):
        raise MediaError(f"{gathering.name} is a PLY file with its faces before its vertices; save it anew.")
    tables = list(source.chunks(vertex))
    between = source.header.elements[source.header.elements.index(vertex) + 1 : source.header.elements.index(faces)]
    for element in between:
        for _ in source.rows(element):
            pass
    whole = {key: np.concatenate([table[key] for table in tables]) for key in (tables[0] if tables else {})}
    triangles = source.polygons(faces, place)
    if not whole:
        return gathering.cloud("ply", fields=vertex.names())
    vertices = pick(whole, columns.xyz)
    assert vertices is not None
    mesh = Mesh(vertices, triangles, pick(whole, columns.colours))
    return gather_meshes([mesh], gathering, "ply", fields=vertex.names())
