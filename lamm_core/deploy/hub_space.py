"""A Space on the Hub: made, given its files, settings and secrets, and waited for until it runs.

Does not know what is in the folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamm_core.errors import DeployError

__all__ = ["Published", "publish"]

FAILED = ("BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE", "STOPPED", "PAUSED", "DELETING")
LOG_LINES = 12


@dataclass(frozen=True)
class Published:
    """Where the Space is, and how it stood when it was left."""

    address: str
    commit: str
    stage: str


def publish(
    folder: Path,
    name: str,
    *,
    hardware: str,
    variables: Mapping[str, str],
    secrets: Mapping[str, str],
    update: bool = False,
    private: bool = False,
    wait_seconds: float = 3600.0,
    poll_seconds: float = 5.0,
    tell: Callable[[str], None] = lambda words: None,
    endpoint: str | None = None,
    token: str | None = None,
) -> Published:
    """Upload ``folder`` as the Space ``name`` (OWNER/NAME) and wait until it runs.

    ``update`` replaces the files of one that exists. Raises DeployError without a token, without a network, where the
    name is taken, where the Hub refuses, and where the Space does not start; the last carries the end of its log.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    token = token or get_token()
    if not token:
        raise DeployError(
            "There is no token for the Hub. Type `hf auth login` with a token that may write (made at "
            "huggingface.co/settings/tokens), or set HF_TOKEN, and try again."
        )
    api = HfApi(endpoint=endpoint, token=token)
    settings = [{"key": key, "value": value} for key, value in variables.items()]
    hidden = [{"key": key, "value": value} for key, value in secrets.items()]
    with _in_words(name):
        try:
            api.create_repo(
                name, repo_type="space", space_sdk="gradio", private=private, space_hardware=hardware,
                space_variables=settings, space_secrets=hidden,
            )  # fmt: skip
            tell(f"made the Space {name} on {hardware}")
        except HfHubHTTPError as error:
            if error.response.status_code != 409:
                raise
            if not update:
                raise DeployError(
                    f"There is a Space {name} already. Choose another name, or add --update to replace its files."
                ) from error
            for key, value in variables.items():
                api.add_space_variable(name, key, value)
            for key, value in secrets.items():
                api.add_space_secret(name, key, value)
        commit = api.upload_folder(
            repo_id=name,
            repo_type="space",
            folder_path=folder,
            delete_patterns=["*"],
            ignore_patterns=["*.env", ".git*", "__pycache__/*"],
            commit_message="LAMM Studio, by `lamm deploy spaces`",
        )
        tell(f"uploaded {sum(path.is_file() for path in folder.rglob('*'))} files")
        stage = _waited(api, name, wait_seconds=wait_seconds, poll_seconds=poll_seconds, tell=tell)
    return Published(f"{api.endpoint}/spaces/{name}", str(commit.oid), stage)


def _waited(api: Any, name: str, *, wait_seconds: float, poll_seconds: float, tell: Callable[[str], None]) -> str:
    """The stage of the Space once it runs, or when patience is over."""
    until, before = time.monotonic() + wait_seconds, ""
    while True:
        stage = getattr(found := api.get_space_runtime(name).stage, "value", found)
        if stage != before:
            tell(stage.lower().replace("_", " "))
            before = stage
        if stage in ("RUNNING", "SLEEPING"):
            return stage
        if stage in FAILED:
            raise DeployError(f"{name} did not start: {stage}. The end of its log:\n{_log(api, name, stage)}")
        if time.monotonic() >= until:
            return stage
        time.sleep(poll_seconds)


def _log(api: Any, name: str, stage: str) -> str:
    lines: list[str] = []
    for line in api.fetch_space_logs(name, build=stage == "BUILD_ERROR"):
        lines = [*lines[-(LOG_LINES - 1) :], str(line).rstrip()]
    return "\n".join(lines) or "(it is empty)"


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except HFValidationError as error:
        raise DeployError(f"{name!r} is no name on the Hub: give OWNER/NAME. ({error})") from error
    except OfflineModeIsEnabled as error:
        raise DeployError("The Hub is switched off (HF_HUB_OFFLINE). Unset it to deploy.") from error
    except HfHubHTTPError as error:
        raise DeployError(_refused(name, error.response.status_code, str(error))) from error
    except (httpx2.HTTPError, OSError) as error:
        raise DeployError(
            f"The Hub cannot be reached ({error}). Is there a network? The same command with --update goes on."
        ) from error


def _refused(name: str, status: int, said: str) -> str:
    if status == 401:
        return "The Hub does not know this token. Type `hf auth login` with one that may write."
    if status == 402:
        return f"{name} needs a paid plan on this hardware. Upgrade, or name an owner who has one. ({said[:200]})"
    if status == 403:
        return f"This token may not write to {name}. Use one of its owner's with the right to write."
    if status == 413:
        return f"A file is too large for the Hub: {said[:300]} Put the model into a model repository and name that."
    return f"The Hub refused {name}: {said[:300]} Try again with --update."
