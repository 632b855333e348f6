"""Serves an engine until somebody says enough; says who may come in.

Does not know how the engine came to be, nor routes or requests.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from lamm_core.errors import ConfigError
from lamm_core.inference.protocol import Engine
from lamm_core.serving.api import build_api, names_of
from lamm_core.serving.gate import Rules
from lamm_core.serving.keys import read_keys
from lamm_core.serving.remote import Remote

__all__ = ["rules_for", "run"]

KEY_VARIABLE = "LAMM_API_KEY"
ALONE = ("127.0.0.1", "localhost", "[::1]", "::1")
CLOSING_SECONDS = 30  # so long may answers under way take once the server is told to end


def rules_for(host: str, *, key_file: Path | None, open_to_all: bool, request_mb: int) -> Rules:
    """Who may come in. Raises ConfigError where a server that others can reach has no key and none was waived."""
    keys = read_keys(os.environ.get(KEY_VARIABLE, ""), key_file)
    if host not in ALONE and not keys and not open_to_all:
        raise ConfigError(
            f"Others can reach this server at {host}, and it has no key. Set {KEY_VARIABLE} or --api-key-file, "
            "or say --no-key if everybody who reaches it may use it."
        )
    # Without a key the names stand guard: a page of another site may point its own name at this machine.
    hosts = ALONE if host in ALONE and not keys else ()
    return Rules(keys=keys, hosts=hosts, body_bytes=request_mb * 1_000_000)


def run(
    engine: Engine,
    *,
    name: str,
    adapters: Sequence[str],
    host: str,
    port: int,
    rules: Rules,
    remote: Remote,
) -> None:
    """Serve until SIGINT or SIGTERM; then answers under way are finished, for half a minute at most."""
    api = build_api(
        engine,
        names=names_of(name, tuple(adapters)),
        modalities=frozenset(adapters),
        fetch=remote.fetch,
        rules=rules,
    )
    # What a library set up before would keep our lines away.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = uvicorn.Config(
        api,
        host=host,
        port=port,
        access_log=False,  # the gate writes a line of its own, without queries
        server_header=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        log_config=None,
        ws="none",
    )
    uvicorn.Server(config).run()
