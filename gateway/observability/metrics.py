"""What `/metrics` shows, in Prometheus' text format.

Requests are counted when they end, from the record that the log line is made of; how the engines are is asked
when somebody looks. With several gateway processes each counts in files of its own, and any of them answers
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

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST
FIRST_BYTE = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""seconds"""
TOTAL = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
FACTOR = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1.0, 1.5, 3.0)
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


class Metrics(Observer):
    """Counts. `states` tells how the engines are."""

    def __init__(self, states: Callable[[], Mapping[str, EngineStatus]], version: str) -> None:
        self._own = CollectorRegistry()
        self._live = CollectorRegistry()
        self._live.register(Engines(states, version))
        name = "voicebox_"
        spoken = ["engine", "voice_type"]
        self._requests = prometheus.Counter(
            f"{name}requests", "Requests that ended.", ["route", "engine", "voice_type", "format", "status", "outcome"],
            registry=self._own,
        )  # fmt: skip
        self._first_byte = prometheus.Histogram(
            f"{name}first_byte_seconds", "From the request to the answer's first byte.", ["route", "engine", "format"],
            buckets=FIRST_BYTE, registry=self._own,
        )  # fmt: skip
        self._total = prometheus.Histogram(
            f"{name}request_seconds", "From the request to the answer's end.", ["route", "engine"],
            buckets=TOTAL, registry=self._own,
        )  # fmt: skip
        self._factor = prometheus.Histogram(
            f"{name}real_time_factor", "Time taken per second of audio, at the reader's pace where that is slower.",
            ["route", *spoken], buckets=FACTOR, registry=self._own,
        )  # fmt: skip
        self._wait = prometheus.Histogram(
            f"{name}queue_wait_seconds", "From the request to the begin of its first work.", ["engine", "priority"],
            buckets=FIRST_BYTE, registry=self._own,
        )  # fmt: skip
        self._audio = self._counter(
            "audio_seconds", "Audio that was spoken or transcribed.", ["route", *spoken]
        )
        self._underruns = self._counter(
            "underruns", "Times that a player at real-time speed would have run dry.", spoken
        )
        self._cancelled = self._counter(
            "cancellations", "Jobs stopped because nobody wanted the rest.", ["engine"]
        )
        self._retried = self._counter("retries", "Jobs made again.", ["engine", "reason"])
        self._faulty = self._counter(
            "truncations", "Segments stopped as running away, or far too short.", ["engine", "kind"]
        )
        self._refused = self._counter(
            "refusals", "Requests turned away by an engine's queue.", ["engine", "reason"]
        )

    def _counter(self, name: str, text: str, labels: list[str]) -> prometheus.Counter:
        return prometheus.Counter(f"voicebox_{name}", text, labels, registry=self._own)

    def request(self, record: RequestLog) -> None:
        """Count a request that ended."""
        route, engine, kind = record.route or "other", record.engine or "", record.voice_type or ""
        self._requests.labels(
            route, engine, kind, record.format or "", str(record.status), record.outcome
        ).inc()
        if record.engine is None:
            return
        total = time.monotonic() - record.began
        self._total.labels(route, engine).observe(total)
        if record.first_byte is not None and record.status == 200:
            self._first_byte.labels(route, engine, record.format or "").observe(
                record.first_byte - record.began
            )
        if record.audio_seconds:
            self._audio.labels(route, engine, kind).inc(record.audio_seconds)
            self._factor.labels(route, engine, kind).observe(total / record.audio_seconds)
        if record.underruns:
            self._underruns.labels(engine, kind).inc(record.underruns)
        if record.truncations:
            self._faulty.labels(engine, "truncated").inc(record.truncations)
        if record.ran_away:
            self._faulty.labels(engine, "run away").inc()

    def waited(self, engine: str, seconds: float, *, batch: bool) -> None:
        """Hear that a request waited so long, in seconds, for its first work to begin."""
        self._wait.labels(engine, "batch" if batch else "interactive").observe(seconds)

    def cancelled(self, engine: str) -> None:
        """Hear that a job was stopped because nobody wanted the rest."""
        self._cancelled.labels(engine).inc()

    def retried(self, engine: str, reason: str) -> None:
        """Hear that a job is made again."""
        self._retried.labels(engine, reason).inc()

    def refused(self, engine: str, reason: str) -> None:
        """Hear that a request was turned away."""
        self._refused.labels(engine, reason).inc()

    def exposition(self) -> bytes:
        """Write it all down. Blocks for as long as reading the processes' files takes."""
        counted = self._own
        if os.environ.get(MULTIPROCESS):
            counted = CollectorRegistry()
            multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return prometheus.generate_latest(counted) + prometheus.generate_latest(self._live)


class Engines(Collector):
    """How the engines are at this moment."""

    def __init__(self, states: Callable[[], Mapping[str, EngineStatus]], version: str) -> None:
        self._states = states
        self._version = version

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Ask the engines."""
        build = GaugeMetricFamily("voicebox_build_info", "The version that runs.", labels=["version"])
        build.add_metric([self._version], 1)
        gauge, by_engine = GaugeMetricFamily, ["engine"]
        queued = gauge("voicebox_queue_depth", "Segments and requests that wait.", labels=by_engine)
        running = gauge("voicebox_running_jobs", "Jobs that workers are at.", labels=by_engine)
        streams = gauge("voicebox_streams", "Requests that were let in and have not ended.", labels=by_engine)
        capacity = gauge(
            "voicebox_capacity", "Seconds of audio that can be made in a second, about.", labels=by_engine
        )
        workers = gauge("voicebox_workers", "Workers by state.", labels=["engine", "state"])
        restarts = CounterMetricFamily("voicebox_worker_restarts", "Workers started again.", labels=by_engine)
        for name, state in self._states().items():
            queued.add_metric([name], state.queued)
            running.add_metric([name], state.running)
            streams.add_metric([name], state.streams)
            capacity.add_metric([name], state.capacity)
            restarts.add_metric([name], sum(worker.restarts for worker in state.workers))
            for kind in ("starting", "ready", "failed", "stopped"):
                workers.add_metric([name, kind], sum(worker.state == kind for worker in state.workers))
        yield from (build, queued, running, streams, capacity, workers, restarts)
