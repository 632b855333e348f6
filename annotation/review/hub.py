"""An export on the Hugging Face Hub.

Does not know how exports are made; uploads the folder as it is.
"""

from __future__ import annotations

from pathlib import Path

from annotation.review.manifest import Manifest
from lamm_core.errors import AnnotationError

__all__ = ["push"]


def push(
    folder: Path, repository: str, *, private: bool = True, endpoint: str | None = None, token: str | None = None
) -> str:
    """Upload an exported folder to the data set ``repository`` (OWNER/NAME), made if need be; the commit's address.

    ``endpoint`` is the Hub by default and ``token`` the one that `hf auth login` keeps. Raises AnnotationError when the
    Hub cannot be reached or refuses.
    """
    import httpx2  # heavy together, and only wanted here
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    manifest = Manifest.read(folder)
    api = HfApi(endpoint=endpoint, token=token)
    try:
        made = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        commit = api.upload_folder(
            folder_path=folder,
            repo_id=made.repo_id,
            repo_type="dataset",
            commit_message=f"Version {manifest.content_hash[:12]}, as of event {manifest.event}",
        )
    except HFValidationError as error:
        raise AnnotationError(f"{repository!r} is no name on the Hub: give OWNER/NAME. ({error})") from error
    except OfflineModeIsEnabled as error:
        raise AnnotationError("The Hub is switched off (HF_HUB_OFFLINE). Switch it on to push.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = (
            "Log in with `hf auth login` and a token that may write there." if status in (401, 403) else "Try again."
        )
        raise AnnotationError(f"The Hub refused {repository}: {str(error)[:300]} {advice}") from error
    except (httpx2.HTTPError, OSError) as error:
        raise AnnotationError(
            f"The Hub could not be reached ({error}). Nothing was changed there; try again."
        ) from error
    return str(commit.commit_url)
