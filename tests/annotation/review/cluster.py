"""A private PostgreSQL in a temporary folder: no port, only a Unix socket, nothing left afterwards.

Does not know what is stored in it. ``python -m tests.annotation.review.cluster`` runs one and prints its URL.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

INSTALL = "apt-get install --no-install-recommends postgresql"


def programs() -> Path:
    """The folder of initdb and postgres. Raises RuntimeError with the command that installs them."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    for folder in (*reversed(debian), *([Path(found).parent] if found else ())):
        if (folder / "initdb").exists():
            return folder
    raise RuntimeError(f"PostgreSQL is not installed, and the review queue is tested on it too. Run: {INSTALL}")


class Cluster:
    """A running server. It refuses to run as root, so root starts it as the user that Debian's package makes."""

    def __init__(self, *, durable: bool = False) -> None:
        self._programs = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="reviews-pg-", dir="/tmp"))  # a socket's path is 107 bytes at most
        self._as_other: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self._as_other = ["runuser", "-u", "postgres", "--"]
        self._durable = durable
        self._call("initdb", "-D", str(self._data), "-U", "reviews", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start the server; returns when it answers."""
        sync = "" if self._durable else " -c fsync=off -c synchronous_commit=off"
        options = f"-k {self.folder} -c listen_addresses='' -c max_connections=200{sync}"
        self._call("pg_ctl", "-D", str(self._data), "-w", "-o", options, "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        """Stop the server at once, dropping who is connected."""
        self._call("pg_ctl", "-D", str(self._data), "-w", "-m", "fast", "stop")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"reviews_{secrets.token_hex(6)}"
        self._call("createdb", "-h", str(self.folder), "-U", "reviews", name)
        return f"postgresql://reviews@/{name}?host={self.folder}"

    def remove(self) -> None:
        """Stop the server and delete everything."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as_other, str(self._programs / program), *arguments],
            cwd=self.folder,
            stdout=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,  # the server would keep a pipe open
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            log = self.folder / "log"
            said = done.stdout or (log.read_text(errors="replace")[-2000:] if log.exists() else "")
            raise RuntimeError(f"{program} failed ({done.returncode}): {said}")


if __name__ == "__main__":
    cluster = Cluster(durable=True)
    try:
        print(cluster.new_database(), flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        cluster.remove()
