"""Keeps the bytes of each session's clouds, hands them to that session only and forgets them with it.

Does not know the network nor the page; ``routes.py`` asks it.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.viewer.encode import MOST_POINTS, decode_positions, encode_cloud
from app.viewer.normals import estimate_normals, pack_normals
from lamm_core.pointclouds.cloud import PointCloud

__all__ = ["CloudShelf", "ShownCloud"]

_LIMIT_BYTES = 512 * 2**20  # some fifty clouds of a million points


@dataclass(frozen=True)
class ShownCloud:
    """What the browser needs to fetch a cloud: its address, the session's ``key``, and how many points come."""

    url: str
    key: str
    count: int


@dataclass
class _Kept:
    session: str
    content: bytes
    normals: bytes | None  # packed; None until somebody wants to see them
    lock: threading.Lock = field(default_factory=threading.Lock)


class CloudShelf:
    """The clouds that are shown now. Past ``limit_bytes`` the ones put first are forgotten."""

    def __init__(self, *, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._clouds: dict[str, _Kept] = {}
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()

    def put(
        self,
        session: str,
        cloud: PointCloud,
        rgb: NDArray[np.uint8] | None,
        *,
        instance: NDArray[np.int32] | None = None,
        most: int = MOST_POINTS,
    ) -> ShownCloud:
        """Keep a cloud for a session, which is any name that is that visitor's own.

        ``cloud`` is in metres, z up; ``rgb`` (N, 3); ``instance`` (N,) numbers each point's object as its box is
        numbered, 0 for none. At most ``most`` points are sent. Raises MediaError when no point can be drawn.
        """
        encoded = encode_cloud(cloud.xyz, rgb, instance, most=most)
        normals = None if cloud.normals is None else pack_normals(cloud.normals[encoded.order])
        name = secrets.token_urlsafe(16)
        with self._lock:
            key = self._keys.setdefault(session, secrets.token_urlsafe(24))
            self._clouds[name] = _Kept(session, encoded.content, normals)
            kept_bytes = sum(len(kept.content) for kept in self._clouds.values())
            for oldest in list(self._clouds)[:-1]:
                if kept_bytes <= self._limit_bytes:
                    break
                kept_bytes -= len(self._clouds.pop(oldest).content)
        return ShownCloud(f"/lamm/clouds/{name}", key, encoded.count)

    def points(self, name: str, key: str) -> bytes | None:
        """The cloud's bytes, or None: there is none of this name, or the key is not its session's."""
        kept = self._kept(name, key)
        return None if kept is None else kept.content

    def normals(self, name: str, key: str) -> bytes | None:
        """The cloud's normals, estimated when first asked for; None as in `points`."""
        kept = self._kept(name, key)
        if kept is None:
            return None
        with kept.lock:
            if kept.normals is None:
                kept.normals = pack_normals(estimate_normals(decode_positions(kept.content)))
            return kept.normals

    def forget(self, session: str) -> None:
        """The visitor is gone, or opened something else."""
        with self._lock:
            self._keys.pop(session, None)
            self._clouds = {name: kept for name, kept in self._clouds.items() if kept.session != session}

    def _kept(self, name: str, key: str) -> _Kept | None:
        with self._lock:
            kept = self._clouds.get(name)
            wanted = "" if kept is None else self._keys.get(kept.session, "")
        # The comparison takes as long for a wrong name as for a wrong key.
        return kept if secrets.compare_digest(wanted.encode(), key.encode()) and wanted else None
