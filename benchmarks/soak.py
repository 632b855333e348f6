"""A long day in a few minutes: chats, uploads and review decisions through one running server, and what it holds then.

The server is a process of its own with everything that the page has; only its language model is a script, so that
what grows is ours and not arithmetic. Each chat uploads its own picture or none, each cloud is opened, split into
objects and asked about, each decision is one by a reviewer who is then given the next item. Visitors come with a
session of their own and leave. ``grown`` is resident memory at the end over that at a fifth of the way; ``left`` counts
files in the folders of uploads and sessions once the visitors have left; ``unanswered`` counts requests without a good
answer.
The last line is JSON; the exit code is 1 where memory grew by more than a tenth, a file stayed or a request failed.
Usage: python benchmarks/soak.py [--chats 2000] [--uploads 500] [--decisions 5000] [--threads 4]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import queue
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
import psutil
from PIL import Image

from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from lamm_core.conversation import Turn

DEMO = Path(__file__).resolve().parents[1] / "assets" / "demo"
SESSION_SECONDS = 20.0  # how long it keeps a visitor who has left: in so short a day, its share of five minutes
KEPT_MINUTES = 1  # how long the server keeps an upload that nobody shows any more
SAMPLES = 40
FIFTH = 0.2
ALLOWED = 1.10


# ---- the server


def serve(folder: Path, port: int) -> None:
    """The page over an engine that speaks from a script and remembers nothing."""
    from app.scripted import ScriptedEngine, scripted_services
    from app.ui import launch

    class Forgetful(ScriptedEngine):
        """The script without the list of what it was asked."""

        def stream(self, *asked: Any, **how: Any) -> Iterator[Any]:
            yield from super().stream(*asked, **how)
            for kept in (self.asked, self.settings, self.adapters):
                kept.clear()

    engine = Forgetful({"cloud": "It is the cup [obj1].", "picture": "There is a dog at [0.10, 0.20, 0.50, 0.90]."})
    services = scripted_services(folder, engine)
    settings = replace(services.settings, port=port, upload_minutes=KEPT_MINUTES, session_seconds=SESSION_SECONDS)
    launch(replace(services, settings=settings))


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A server on a free port; its address and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, __file__, "--serve", str(folder), str(port)]
    log = (folder / "server.log").open("wb")
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "uploads"), "MALLOC_ARENA_MAX": "2"}
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                httpx.get(f"{address}/config", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                if process.poll() is not None:
                    raise SystemExit(f"The server ended:\n{(folder / 'server.log').read_text()[-2000:]}") from None
                time.sleep(0.1)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
        log.close()


# ---- the visitors


class Visitor:
    """A browser as far as the server can tell: it uploads, asks and decides over HTTP."""

    def __init__(self, address: str, desk: int) -> None:
        limits = httpx.Limits(keepalive_expiry=2)  # the server lets go of a connection that rests for five seconds
        self._http = httpx.Client(base_url=address, timeout=120, limits=limits)
        self._desk = desk

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        sent = self._http.post("/gradio_api/upload", files={"files": (name, content)})
        sent.raise_for_status()
        return {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}

    def ask(self, endpoint: str, *values: Any) -> None:
        """Ask through an endpoint and read the stream to its end. Raises ValueError where the answer is an error."""
        began = self._http.post(f"/gradio_api/call/{endpoint}", json={"data": list(values)})
        began.raise_for_status()
        last = ""
        with self._http.stream("GET", f"/gradio_api/call/{endpoint}/{began.json()['event_id']}") as lines:
            for line in lines.iter_lines():
                if line.startswith("event: error"):
                    raise ValueError(f"/{endpoint} failed")
                if line.startswith("data: ") and line != "data: null":
                    last = line.removeprefix("data: ")
        reply = json.loads(last)[0]
        if not reply["finished"] or reply["error"] or not reply["answer"]:
            raise ValueError(f"/{endpoint} answered {reply}")

    def review(self, who: str, act: str, **values: Any) -> dict[str, Any]:
        body = {
            "component_id": self._desk,
            "fn_name": "review",
            "session_hash": f"soak-{who}",
            "data": {"act": act, "who": who, **values},
        }
        answer = self._http.post("/gradio_api/component_server/", json=body)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        if "error" in told or "stale" in told:
            raise ValueError(f"{act}: {told}")
        return told

    def look(self) -> None:
        """Open the page in a session of its own, and leave."""
        session = f"visit-{random.getrandbits(48):x}"
        self._http.get("/").raise_for_status()
        with self._http.stream("GET", f"/gradio_api/heartbeat/{session}") as beat:
            next(beat.iter_raw())

    def close(self) -> None:
        self._http.close()


def picture(number: int) -> bytes:
    """A picture that no other is like, so that nothing is answered from a cache."""
    kept = io.BytesIO()
    Image.new("RGB", (320, 240), (number % 256, number // 256 % 256, 90)).save(kept, "PNG")
    return kept.getvalue()


def cloud(number: int) -> bytes:
    """The shipped scan under another comment: another file each time."""
    content = (DEMO / "table.ply").read_bytes()
    return content.replace(b"\ncomment ", f"\ncomment day {number}, ".encode(), 1)


def drafts(count: int) -> Iterator[Draft]:
    for number in range(count):
        turns = (Turn("user", f"What stands on shelf {number}?"), Turn("assistant", f"There are {number} red cups."))
        yield Draft(
            kind="C3", source="soak", turns=turns, annotation={}, checks=(), prompt_hash="0" * 64, generator="soak"
        )


# ---- the day


def plan(chats: int, uploads: int, decisions: int) -> list[tuple[str, int]]:
    """All that happens, mixed so that every part of the day has its share of each."""
    acts = [("chat", n) for n in range(chats)] + [("decide", n) for n in range(decisions)]
    acts += [("picture" if n % 2 else "cloud", n) for n in range(uploads)]
    acts += [("look", n) for n in range(chats // 20)]
    random.Random(0).shuffle(acts)
    return acts


def carry_out(visitor: Visitor, who: str, act: str, number: int, mine: list[dict[str, Any]]) -> None:
    """One act of a reviewer who has the items ``mine`` at hand."""
    match act:
        case "chat":
            visitor.ask("chat", [], f"What is picture {number}?", 0, 1, 64, "automatic")
        case "picture":
            file = visitor.upload(f"{number}.png", picture(number))
            visitor.ask("chat", [file], "What is in the picture?", 0, 1, 64, "automatic")
        case "cloud":
            file = visitor.upload(f"{number}.ply", cloud(number))
            visitor.ask("chat3d", file, "What is in the cloud?", False, 64)
        case "decide":
            if not mine:
                mine += visitor.review(who, "next", have=[], resume=True)["items"]
            item = mine.pop(0)
            seen: dict[str, Any] = {"id": item["id"], "version": item["version"], "second": item["second"]}
            how = {"action": "reject", "reason": "fact"} if number % 3 == 0 else {"action": "accept"}
            told = visitor.review(who, "decide", **seen, have=[one["id"] for one in mine], seconds=1.0, **how)
            mine += told["items"]
            if number % 50 == 0:
                visitor.review(who, "counts", by=["status"])
        case "look":
            visitor.look()


def spend(
    address: str, desk: int, acts: Sequence[tuple[str, int]], threads: int, done: Callable[[], None]
) -> list[str]:
    """Carry everything out; what went unanswered."""
    waiting: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
    for act in acts:
        waiting.put(act)
    failed: list[str] = []

    def work(who: str) -> None:
        visitor, mine = Visitor(address, desk), []
        while True:
            try:
                act, number = waiting.get_nowait()
            except queue.Empty:
                visitor.close()
                return
            try:
                carry_out(visitor, who, act, number, mine)
            except (httpx.HTTPError, ValueError, KeyError, IndexError) as error:
                failed.append(f"{act} {number}: {error!r}")
            done()

    workers = [threading.Thread(target=work, args=(f"reviewer {n}",)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return failed


def files_in(*folders: Path) -> int:
    return sum(path.is_file() and path.name != "owner.json" for folder in folders for path in folder.rglob("*"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chats", type=int, default=2000)
    parser.add_argument("--uploads", type=int, default=500)
    parser.add_argument("--decisions", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve[0]), int(options.serve[1]))
        return
    acts = plan(options.chats, options.uploads, options.decisions)
    curve: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "cache" / "reviews").mkdir(parents=True)
        store = ReviewStore(f"sqlite:///{folder / 'cache' / 'reviews' / 'reviews.db'}", blind_share=0.0)
        store.add_drafts(drafts(options.decisions + 64), actor="soak")
        store.close()
        with running(folder) as (address, server):
            config = httpx.get(f"{address}/config", timeout=60).json()
            desk = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "review")
            lock, count, began = threading.Lock(), [0], time.monotonic()

            def done() -> None:
                with lock:
                    count[0] += 1
                    if count[0] % max(1, len(acts) // SAMPLES) == 0:
                        curve.append((count[0], server.memory_info().rss / 1e6))
                        bar = "#" * int(curve[-1][1] / 20)
                        print(f"{count[0]:6,} {curve[-1][1]:8.1f} MB {bar}", flush=True)

            failed = spend(address, desk, acts, options.threads, done)
            seconds = time.monotonic() - began
            uploads, sessions = folder / "uploads", folder / "cache" / "sessions"
            most_files = files_in(uploads, sessions)
            for _ in range(KEPT_MINUTES * 60 * 4):  # what is left goes within three times of the minutes it may stay
                if not files_in(uploads, sessions):
                    break
                time.sleep(1)
            left, after = files_in(uploads, sessions), server.memory_info().rss / 1e6
            decided = httpx.post(
                f"{address}/gradio_api/component_server/",
                json={"component_id": desk, "fn_name": "review", "session_hash": "end",
                      "data": {"act": "counts", "who": "end", "by": ["status"]}},
                timeout=60,
            ).json()["counts"]["status"]  # fmt: skip
        said = (folder / "server.log").read_text(errors="replace")
    fifth = next(memory for at, memory in curve if at >= FIFTH * len(acts))
    for line in failed[:20]:
        print(line, file=sys.stderr)
    if failed:
        print(f"The server said last:\n{said[-4000:]}", file=sys.stderr)
    found = {
        "chats": options.chats, "uploads": options.uploads, "decisions": options.decisions, "seconds": round(seconds),
        "fifth_mb": round(fifth, 1), "after_mb": round(after, 1), "grown": round(after / fifth, 3),
        "files_before_leaving": most_files, "left": left, "unanswered": len(failed),
        "decided": decided.get("accepted", 0) + decided.get("rejected", 0),
    }  # fmt: skip
    print(json.dumps(found))
    sys.exit(int(found["grown"] > ALLOWED or left > 0 or bool(failed) or found["decided"] != options.decisions))


if __name__ == "__main__":
    main()
