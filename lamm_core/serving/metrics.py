"""What the server counts, for Prometheus.

Does not know requests; labels are words from a fixed list, so that nobody's text becomes a time series.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from lamm_core.inference.protocol import Engine, Piece

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

ROUTES = ("/v1/chat/completions", "/v1/models", "/health", "/metrics", "/openapi.json")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The counters of one server over one engine."""

    def __init__(self, engine: Engine) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "lamm_requests", "Requests answered, by route and status.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "lamm_request_seconds",
            "From the request to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._first = Histogram(
            "lamm_first_token_seconds", "From the request to its first token.", buckets=SECONDS, registry=registry
        )
        self._prompt = Counter("lamm_prompt_tokens", "Tokens read, media included.", registry=registry)
        self._completion = Counter("lamm_completion_tokens", "Tokens written.", registry=registry)
        self._ended = Counter("lamm_answers", "Answers, by how they ended.", ["ended"], registry=registry)
        running = Gauge("lamm_running", "Answers being computed.", registry=registry)
        running.set_function(lambda: engine.load().running)
        waiting = Gauge("lamm_waiting", "Requests waiting for the model.", registry=registry)
        waiting.set_function(lambda: engine.load().waiting)

    def request(self, path: str, *, status: int, seconds: float) -> None:
        """One request was answered, or refused."""
        route = next((route for route in ROUTES if path == route or path.startswith(f"{route}/")), "other")
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answer(self, last: Piece, *, ended: str) -> None:
        """One answer ended with this piece."""
        self._prompt.inc(last.prompt_tokens)
        self._completion.inc(last.tokens)
        self._ended.labels(ended).inc()
        if last.first_token_seconds is not None:
            self._first.observe(last.first_token_seconds)

    def render(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self._registry)
