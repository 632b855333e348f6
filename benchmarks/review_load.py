"""Many reviewers at once on a queue of a million items, beside a bare insert loop on the same database.

Fills the queue, lets ``--workers`` processes claim and decide without pause, kills some of them with SIGKILL on the way
and starts others in their place, then compares what each worker was told was saved with what is there. ``ratio`` is
decisions a second over single-row inserts a second that as many processes reach on the same database, measured in turn
before and after; ``claim_p99_ms`` is from a decision to the next item in hand. The last line is JSON.
A queue of the same size that is already there is used as it is.
Usage: python benchmarks/review_load.py [--items 1000000] [--workers 50] [--seconds 30] [--kill 5] [--url sqlite:///FILE]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import func, select

from annotation.review.database import Database
from annotation.review.items import DECISIONS, REASONS, Check, Draft, Span
from annotation.review.store import ReviewStore
from annotation.review.tables import events, states
from lamm_core.conversation import Media, Turn
from lamm_core.errors import LammError

FORK = multiprocessing.get_context("fork")
KINDS = ("C1", "C2", "C3", "C4")
SOURCES = ("coco", "bamboo", "locount", "textvqa")
WORDS = ("a dog", "two cups", "on the left", "red", "beside it", "a table")
WRONG = tuple(reason for reason in REASONS if reason != "other")
BARE_SECONDS = 5.0


def drafts(start: int, stop: int) -> Iterator[Draft]:
    """Drafts of the length that detailed descriptions have."""
    for number in range(start, stop):
        rng = random.Random(number)
        words = " ".join(rng.choice(WORDS) for _ in range(30))
        turns = (
            Turn("user", f"Describe picture {number}.", (Media("image", Path(f"media/{number // 3}.jpg")),)),
            Turn("assistant", f"The picture shows {words}."),
        )
        yield Draft(
            kind=KINDS[number % 4],
            source=SOURCES[number % 4],
            turns=turns,
            annotation={"boxes": [{"label": "dog", "x1": 0.1, "y1": 0.2, "x2": 0.5, "y2": 0.9}]},
            checks=(Check("objects", round(rng.random(), 4), "a cup is not annotated", Span(1, 4, 9)),),
            prompt_hash="f" * 64,
            generator="load",
        )


def filled(url: str, wanted: int) -> float:
    """Seconds that filling took; 0 where the queue was full already."""
    store = ReviewStore(url)
    began = time.perf_counter()
    there = sum(store.counts().values())
    if there >= wanted:
        return 0.0
    step = 20_000
    for start in range(there, wanted, step):
        store.add_drafts(drafts(start, min(start + step, wanted)), actor="load")
        print(f"\rfilled {min(start + step, wanted):,}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    store.close()
    return time.perf_counter() - began


class Start:
    """Workers say that they are ready; when all are, the time begins to run."""

    def __init__(self) -> None:
        self.ready = FORK.Semaphore(0)
        self.open = FORK.Event()
        self.until = FORK.Value("d", 0.0)

    def wait(self) -> float:
        """Called by a worker: until when to work."""
        self.ready.release()
        self.open.wait()
        return float(self.until.value)

    def give(self, workers: int, seconds: float) -> None:
        """Called by the starter."""
        for _ in range(workers):
            self.ready.acquire()
        self.until.value = time.time() + seconds
        self.open.set()


def review(url: str, name: str, log: Path, start: Start) -> None:
    """One worker: decide and claim the next, note what was acknowledged, until the time is up."""
    store = ReviewStore(url, lease_seconds=600)
    rng = random.Random(name)
    warm = store.claim(name)  # a server that runs has its statements compiled
    if warm is not None:
        store.accept(name, warm.seen)
    until = start.wait()
    item = store.claim(name)
    with log.open("w", buffering=1) as notes:
        while item is not None and time.time() < until:
            began = time.perf_counter()
            decided = item
            with store.together():  # as the page does: what is decided is saved with the claim of the next
                if rng.random() < 0.8:
                    store.accept(name, decided.seen, seconds=1.0)
                else:
                    store.reject(name, decided.seen, reason=rng.choice(WRONG), seconds=1.0)
                item = store.claim(name)
            notes.write(f"{decided.id} {int(decided.second)} {time.perf_counter() - began:.6f}\n")


def insert_bare(url: str, start: Start, counted: multiprocessing.Queue[int]) -> None:
    """One worker of the bare loop: a row, a commit."""
    database = Database(url)
    with database.reading() as connection:
        connection.exec_driver_sql("SELECT 1")
    inserted = 0
    until = start.wait()
    while time.time() < until:
        with database.writing() as connection:
            connection.exec_driver_sql(f"INSERT INTO bare VALUES ('{os.getpid()}', 'accepted', {time.time()})")
        inserted += 1
    counted.put(inserted)


def bare_rate(url: str, workers: int) -> float:
    """Single-row inserts a second that ``workers`` processes reach together."""
    database = Database(url)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS bare")
        connection.exec_driver_sql("CREATE TABLE bare (actor TEXT, status TEXT, at DOUBLE PRECISION)")
    database.close()
    counted: multiprocessing.Queue[int] = FORK.Queue()
    start = Start()
    running = [FORK.Process(target=insert_bare, args=(url, start, counted)) for _ in range(workers)]
    for process in running:
        process.start()
    start.give(workers, BARE_SECONDS)
    total = sum(counted.get() for _ in running)
    for process in running:
        process.join()
    return total / BARE_SECONDS


def crowd(url: str, folder: Path, *, workers: int, seconds: float, kill: int) -> tuple[list[Path], float]:
    """Let the workers at the queue; their notes and the seconds it took. Some are killed half-way and replaced."""
    gate = Start()
    logs: list[Path] = []
    running: list[BaseProcess] = []

    def start() -> None:
        log = folder / f"worker-{len(logs)}.txt"
        log.touch()
        logs.append(log)
        running.append(FORK.Process(target=review, args=(url, log.stem, log, gate)))
        running[-1].start()

    for _ in range(workers):
        start()
    gate.give(workers, seconds)
    began = time.time()
    for number in range(kill):
        time.sleep(seconds / (kill + 2))
        victim = running[number]
        if victim.pid is not None and victim.is_alive():
            os.kill(victim.pid, signal.SIGKILL)
            start()
    for process in running:
        process.join()
    crashed = [process.exitcode for process in running if process.exitcode not in (0, -signal.SIGKILL)]
    if crashed:
        raise SystemExit(f"{len(crashed)} workers failed; see above.")
    return logs, time.time() - began


def noted(logs: list[Path]) -> Iterator[tuple[str, str, bool, float]]:
    """Worker, item, whether a second opinion, seconds to the next item; a torn last line is no note."""
    for log in logs:
        for line in log.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                item, second, seconds = line.split()
                yield log.stem, item, second == "1", float(seconds)


def lost_or_doubled(url: str, logs: list[Path], before: int) -> tuple[int, int, int]:
    """Decisions that were acknowledged and are not there, items decided twice, states that no event explains."""
    database = Database(url)
    with database.reading() as connection:
        query = select(events.c.item, events.c.actor, events.c.action).where(events.c.number > before)
        made = Counter(
            (row.item, row.actor, row.action == "second")
            for row in connection.execute(query.where(events.c.action.in_((*DECISIONS, "second"))))
        )
        decided = func.count().label("many")
        found = select(states.c.item, decided).join(events, events.c.item == states.c.item)
        found = found.where(events.c.number > before, events.c.action.in_(tuple(DECISIONS)))
        twice = sum(row.many > 1 for row in connection.execute(found.group_by(states.c.item)))
        wrong = (
            connection.execute(
                select(func.count()).select_from(states).where(states.c.event > before, states.c.status == "draft")
            ).scalar_one()
            if before
            else 0
        )
    told = Counter((item, worker, second) for worker, item, second, _ in noted(logs))
    lost = sum((told - made).values())
    doubled = twice + sum(count - 1 for count in made.values() if count > 1)
    return lost, doubled, wrong


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of all are below."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Fill, measure, compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--kill", type=int, default=5, help="workers that get SIGKILL on the way")
    parser.add_argument("--url", help="default: a SQLite file that is deleted afterwards")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="review-load-") as folder:
        url = arguments.url or f"sqlite:///{folder}/reviews.db"
        fill = filled(url, arguments.items)
        store = ReviewStore(url)
        before = store.head()
        store.close()
        first = bare_rate(url, arguments.workers)
        logs, took = crowd(url, Path(folder), workers=arguments.workers, seconds=arguments.seconds, kill=arguments.kill)
        second = bare_rate(url, arguments.workers)
        notes = list(noted(logs))
        if not notes:
            raise SystemExit("Nothing was decided: the queue is empty, or --seconds is too short.")
        lost, doubled, wrong = lost_or_doubled(url, logs, before)
    waits = [note[3] * 1000 for note in notes]
    rate, bare = len(notes) / took, (first + second) / 2
    print(f"{arguments.items:,} items, {arguments.workers} workers, {arguments.kill} killed, {url.split(':')[0]}")
    print(f"filling            {fill:8.1f} s")
    print(f"decisions          {rate:8.1f} a second, {len(notes):,} in {took:.1f} s")
    print(f"bare inserts       {bare:8.1f} a second ({first:.1f} before, {second:.1f} after)")
    print(f"to the next item   {median(waits):8.1f} ms median, {percentile(waits, 0.99):.1f} ms p99")
    print(f"lost {lost}, doubled {doubled}, unexplained {wrong}")
    print(
        json.dumps(
            {
                "ratio": round(rate / bare, 3),
                "claim_p99_ms": round(percentile(waits, 0.99), 1),
                "lost_or_doubled": lost + doubled + wrong,
                "decisions_per_second": round(rate, 1),
                "bare_per_second": round(bare, 1),
                "items": arguments.items,
                "workers": arguments.workers,
            }
        )
    )


if __name__ == "__main__":
    try:
        main()
    except LammError as error:
        raise SystemExit(str(error)) from error
