"""An export on the Hugging Face Hub.

Does not know how exports are made; uploads the folder as it is.
"""

from __future__ import annotations

from pathlib import Path

from annotation.review.manifest import Manifest
from lamm_core.errors import AnnotationError
from lamm_core.hub import push_folder

__all__ = ["push"]


def push(
    folder: Path, repository: str, *, private: bool = True, endpoint: str | None = None, token: str | None = None
) -> str:
    """Upload an exported folder to the data set ``repository`` (OWNER/NAME), made if need be; the commit's address.

    ``endpoint`` is the Hub by default and ``token`` the one that `hf auth login` keeps. Raises AnnotationError
    where the folder is no export for the Hub, and HubError when the Hub cannot be reached or refuses.
    """
    manifest = Manifest.read(folder)
    if manifest.form != "datasets":
        raise AnnotationError(
            f"{folder.name} is written as {manifest.form}, which the Hub does not show. Export it as datasets."
        )
    message = f"Version {manifest.content_hash[:12]}, as of event {manifest.event}"
    return push_folder(
        folder, repository, kind="dataset", message=message, private=private, endpoint=endpoint, token=token
    )
