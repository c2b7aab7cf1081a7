"""Metrics in Prometheus' text format, for `/metrics`.

Requests are counted when they end, from the fields of their log line; the engines' status is read at each
scrape. With several gateway processes each counts in files of its own, and any of them answers
for all (prometheus_client's multiprocess mode, which `PROMETHEUS_MULTIPROC_DIR` switches on).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping

import prometheus_client as prometheus
from prometheus_client import multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from engines.fleet.events import Observer
from engines.fleet.status import EngineStatus
from gateway.observability.request_log import RequestLog

FIRST_BYTE_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""seconds"""
TOTAL_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""seconds"""
REAL_TIME_FACTOR_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1.0, 1.5, 3.0)
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""the variable that names the folder in which several processes count"""


class Metrics(Observer):
    """The gateway's metrics.

    `statuses` returns the engines' statuses, by name, `encoders` how many encoders are open.
    """

    def __init__(
        self,
        statuses: Callable[[], Mapping[str, EngineStatus]],
        version: str,
        encoders: Callable[[], int] = lambda: 0,
    ) -> None:
        self._own = CollectorRegistry()
        self._live = CollectorRegistry()
        self._live.register(EngineCollector(statuses, version, encoders))
        speech_labels = ["engine", "voice_type"]
        self._requests = self._counter(
            "requests",
            "Requests that ended.",
            ["route", "engine", "voice_type", "format", "status", "outcome"],
        )
        self._first_byte = self._histogram(
            "first_byte_seconds",
            "From the request to the answer's first byte.",
            ["route", "engine", "format"],
            FIRST_BYTE_BUCKETS,
        )
        self._total = self._histogram(
            "request_seconds", "From the request to the answer's end.", ["route", "engine"], TOTAL_BUCKETS
        )
        self._factor = self._histogram(
            "real_time_factor",
            "Time taken per second of audio, at the reader's pace where that is slower.",
            ["route", *speech_labels],
            REAL_TIME_FACTOR_BUCKETS,
        )
        self._wait = self._histogram(
            "queue_wait_seconds",
            "From the request to the begin of its first work.",
            ["engine", "priority"],
            FIRST_BYTE_BUCKETS,
        )
        self._audio = self._counter(
            "audio_seconds", "Audio that was spoken or transcribed.", ["route", *speech_labels]
        )
        self._underruns = self._counter(
            "underruns", "Times that a player at real-time speed would have run dry.", speech_labels
        )
        self._cancelled = self._counter(
            "cancellations", "Jobs stopped because nobody wanted the rest.", ["engine"]
        )
        self._retried = self._counter("retries", "Jobs made again.", ["engine", "reason"])
        self._faulty = self._counter(
            "truncations", "Segments stopped as running away, or far too short.", ["engine", "kind"]
        )
        self._verified = self._counter(
            "verified_segments",
            "Segments that were to be verified, by what came of it.",
            ["engine", "transcriber", "result"],
        )
        self._verify_seconds = self._counter(
            "verify_seconds", "Time that transcribing segments took.", ["engine", "transcriber"]
        )
        self._refused = self._counter(
            "refusals", "Requests turned away by an engine's queue.", ["engine", "reason"]
        )

    def _counter(self, name: str, text: str, labels: list[str]) -> prometheus.Counter:
        return prometheus.Counter(f"voicebox_{name}", text, labels, registry=self._own)

    def _histogram(
        self, name: str, text: str, labels: list[str], buckets: tuple[float, ...]
    ) -> prometheus.Histogram:
        return prometheus.Histogram(f"voicebox_{name}", text, labels, registry=self._own, buckets=buckets)

    def request(self, log_entry: RequestLog) -> None:
        """Count a request that ended."""
        route = log_entry.route or "other"
        engine = log_entry.engine or ""
        voice_type = log_entry.voice_type or ""
        self._requests.labels(
            route, engine, voice_type, log_entry.format or "", str(log_entry.status), log_entry.outcome
        ).inc()
        if log_entry.engine is None:
            return
        total = time.monotonic() - log_entry.began
        self._total.labels(route, engine).observe(total)
        if log_entry.first_byte is not None and log_entry.status == 200:
            self._first_byte.labels(route, engine, log_entry.format or "").observe(
                log_entry.first_byte - log_entry.began
            )
        if log_entry.audio_seconds:
            self._audio.labels(route, engine, voice_type).inc(log_entry.audio_seconds)
            self._factor.labels(route, engine, voice_type).observe(total / log_entry.audio_seconds)
        if log_entry.underruns:
            self._underruns.labels(engine, voice_type).inc(log_entry.underruns)
        if log_entry.truncations:
            self._faulty.labels(engine, "truncated").inc(log_entry.truncations)
        if log_entry.ran_away:
            self._faulty.labels(engine, "run away").inc()
        if log_entry.verified and log_entry.verify:
            for result, count in log_entry.verified.items():
                self._verified.labels(engine, log_entry.verify, result).inc(count)
            self._verify_seconds.labels(engine, log_entry.verify).inc(log_entry.verify_seconds)

    def waited(self, engine: str, seconds: float, *, batch: bool) -> None:
        """Count how many seconds a request waited for its first job to begin."""
        self._wait.labels(engine, "batch" if batch else "interactive").observe(seconds)

    def cancelled(self, engine: str) -> None:
        """Count a job that was stopped because nobody wanted the rest."""
        self._cancelled.labels(engine).inc()

    def retried(self, engine: str, reason: str) -> None:
        """Count a job that is repeated."""
        self._retried.labels(engine, reason).inc()

    def refused(self, engine: str, reason: str) -> None:
        """Count a request that an engine refused."""
        self._refused.labels(engine, reason).inc()

    def exposition(self) -> bytes:
        """Return all metrics as text. Blocks for as long as reading the processes' files takes."""
        counted = self._own
        if os.environ.get(MULTIPROCESS):
            counted = CollectorRegistry()
            multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return prometheus.generate_latest(counted) + prometheus.generate_latest(self._live)


class EngineCollector(Collector):
    """Gauges of the engines, read at each scrape."""

    def __init__(
        self, statuses: Callable[[], Mapping[str, EngineStatus]], version: str, encoders: Callable[[], int]
    ) -> None:
        self._statuses = statuses
        self._version = version
        self._encoders = encoders

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield the version and the engines' gauges."""
        build = GaugeMetricFamily("voicebox_build_info", "The version that runs.", labels=["version"])
        build.add_metric([self._version], 1)
        gauge, by_engine = GaugeMetricFamily, ["engine"]
        encoders = gauge("voicebox_open_encoders", "Encoders open in this process's encoder processes.")
        encoders.add_metric([], self._encoders())
        queued = gauge("voicebox_queue_depth", "Segments and requests that wait.", labels=by_engine)
        running = gauge("voicebox_running_jobs", "Jobs that workers are at.", labels=by_engine)
        streams = gauge("voicebox_streams", "Requests that were let in and have not ended.", labels=by_engine)
        capacity = gauge(
            "voicebox_capacity", "Seconds of audio that can be made in a second, about.", labels=by_engine
        )
        workers = gauge("voicebox_workers", "Workers by state.", labels=["engine", "state"])
        restarts = CounterMetricFamily("voicebox_worker_restarts", "Workers started again.", labels=by_engine)
        for name, status in self._statuses().items():
            queued.add_metric([name], status.queued)
            running.add_metric([name], status.running)
            streams.add_metric([name], status.streams)
            capacity.add_metric([name], status.capacity)
            restarts.add_metric([name], sum(worker.restarts for worker in status.workers))
            for state in ("starting", "ready", "failed", "stopped"):
                workers.add_metric([name, state], sum(worker.state == state for worker in status.workers))
        yield from (build, encoders, queued, running, streams, capacity, workers, restarts)
