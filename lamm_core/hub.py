"""Folders on the Hugging Face Hub: uploaded as they are, to a repository that is made if need be.

Does not know what is in them. The token is given by whoever calls; nothing here looks for one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lamm_core.errors import HubError

__all__ = ["push_folder"]


def push_folder(
    folder: Path,
    repository: str,
    *,
    kind: Literal["model", "dataset"],
    message: str,
    token: str | None,
    private: bool = True,
    endpoint: str | None = None,
) -> str:
    """Upload a folder to the repository OWNER/NAME; the commit's address.

    ``endpoint`` is the Hub by default; with ``token`` None the client takes the one that `hf auth login` keeps. Raises
    HubError when the Hub cannot be reached or refuses.
    """
    import httpx2  # heavy together, and only wanted here
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    api = HfApi(endpoint=endpoint, token=token)
    try:
        made = api.create_repo(repository, repo_type=kind, private=private, exist_ok=True)
        commit = api.upload_folder(folder_path=folder, repo_id=made.repo_id, repo_type=kind, commit_message=message)
    except HFValidationError as error:
        raise HubError(f"{repository!r} is no name on the Hub: give OWNER/NAME. ({error})") from error
    except OfflineModeIsEnabled as error:
        raise HubError("The Hub is switched off (HF_HUB_OFFLINE). Switch it on to push.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = (
            "Log in with `hf auth login` and a token that may write there." if status in (401, 403) else "Try again."
        )
        raise HubError(f"The Hub refused {repository}: {str(error)[:300]} {advice}") from error
    except (httpx2.HTTPError, OSError) as error:
        raise HubError(f"The Hub could not be reached ({error}). Nothing was changed there; try again.") from error
    return str(commit.commit_url)
