"""Tests of metrics and traces: a request's measurements in Prometheus' format and as OpenTelemetry spans."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from servers import Server, running, wait_until

from gateway.security.keys import KEYS_FILE, KeyStore

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server of its own, since others' requests would be counted too."""
    with running(tmp_path_factory.mktemp("counted"), {"engines": {"tone": {"enabled": True}}}) as server:
        yield server


def samples(server: Server) -> dict[tuple[str, ...], float]:
    """Read all samples, by name and labels."""
    text = httpx.get(f"{server.url}/metrics").text
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[(sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items())))] = (
                sample.value
            )
    return found


def speak(server: Server, text: str, **more: Any) -> httpx.Response:
    body = {"model": "tone", "voice": "tone-1", "input": text, "response_format": "pcm", **more}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=60)


def total(server: Server, name: str, *labels: str) -> float:
    return sum(
        value
        for (sample, *labels_of_sample), value in samples(server).items()
        if sample == name and set(labels) <= set(labels_of_sample)
    )


def test_a_request_is_counted(counted: Server) -> None:
    """Requests, times, audio, real-time factor and wait are counted by engine and kind of voice, in a format
    that parses.
    """
    before = total(counted, "voicebox_requests_total", "engine=tone", "outcome=ok")
    answer = speak(counted, "one two three")
    speak(counted, "[fail] one")
    with JFK.open("rb") as recording:
        httpx.post(
            f"{counted.base_url}/audio/transcriptions",
            files={"file": recording},
            data={"model": "tone"},
            timeout=60,
        )

    wait_until(
        lambda: total(counted, "voicebox_requests_total", "engine=tone", "outcome=ok") == before + 2,
        "they are counted",
    )
    ours = ("engine=tone", "route=speech")
    assert total(counted, "voicebox_audio_seconds_total", *ours, "voice_type=preset") == pytest.approx(
        len(answer.content) / 48_000
    )
    assert total(
        counted, "voicebox_audio_seconds_total", "engine=tone", "route=transcriptions"
    ) == pytest.approx(11, abs=0.1)
    assert total(counted, "voicebox_requests_total", *ours, "status=500", "outcome=failed") == 1
    assert total(counted, "voicebox_first_byte_seconds_count", *ours, "format=pcm") == 1
    assert total(counted, "voicebox_request_seconds_count", *ours) == 2
    assert total(counted, "voicebox_real_time_factor_count", *ours) == 1
    assert total(counted, "voicebox_queue_wait_seconds_count", "engine=tone", "priority=interactive") == 3


def test_the_engines_status(counted: Server) -> None:
    """Workers, queue and capacity are those at the moment of the scrape."""
    assert total(counted, "voicebox_workers", "engine=espeak", "state=ready") == 2
    assert total(counted, "voicebox_queue_depth") == 0
    assert total(counted, "voicebox_build_info") == 1
    speak(counted, "[crash]")
    wait_until(
        lambda: total(counted, "voicebox_worker_restarts_total", "engine=tone") >= 1, "the restart is counted"
    )
    wait_until(
        lambda: total(counted, "voicebox_workers", "engine=tone", "state=ready") == 1, "it is there again"
    )
    assert total(counted, "voicebox_retries_total", "engine=tone", "reason=lost") >= 1


def test_a_client_that_leaves_is_counted(counted: Server) -> None:
    """A job that was stopped because its client left is counted as a cancellation."""
    body = {
        "model": "tone",
        "voice": "tone-1",
        "input": "[slow 0.05] " + "word " * 500,
        "response_format": "pcm",
    }
    with httpx.stream("POST", f"{counted.base_url}/audio/speech", json=body) as answer:
        next(answer.iter_raw())

    wait_until(
        lambda: total(counted, "voicebox_cancellations_total", "engine=tone") >= 1,
        "the cancellation is counted",
    )
    assert total(counted, "voicebox_requests_total", "outcome=client_gone") == 1


def test_an_engine_slower_than_speech_underruns(counted: Server) -> None:
    """An underrun is counted, and the log names its request."""
    answer = speak(counted, "[slow 0.4] one two three four five six")

    wait_until(
        lambda: total(counted, "voicebox_underruns_total", "engine=tone") >= 1, "the underruns are counted"
    )
    name = answer.headers["x-request-id"]
    assert next(line for line in counted.requests() if line["id"] == name)["underruns"] >= 1


def test_unknown_paths_make_no_labels(counted: Server) -> None:
    """However many unknown paths are requested, the number of series stays bounded."""
    for number in range(20):
        httpx.get(f"{counted.base_url}/nowhere/{number}")

    wait_until(
        lambda: total(counted, "voicebox_requests_total", "route=other", "status=404") >= 20,
        "they are counted",
    )
    assert (
        sum("route=other" in labels and labels[0] == "voicebox_requests_total" for labels in samples(counted))
        <= 3
    )


def test_metrics_want_a_key_where_there_are_keys(tmp_path: Path) -> None:
    """With keys, /metrics needs one too, unless it is public."""
    for public, status in ((False, 401), (True, 200)):
        folder = tmp_path / str(public)
        KeyStore(folder / "data" / KEYS_FILE).create("someone", None)
        with running(
            folder, {"telemetry": {"public_metrics": public}, "engines": {"espeak": {"enabled": False}}}
        ) as server:
            assert httpx.get(f"{server.url}/metrics").status_code == status


class Collector(ThreadingHTTPServer):
    """A collector that receives OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        super().__init__(("127.0.0.1", 0), Receiving)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Receiving(BaseHTTPRequestHandler):
    """A request handler that keeps the spans."""

    server: Collector

    def do_POST(self) -> None:
        """Receive an export."""
        data = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        message = ExportTraceServiceRequest.FromString(data)
        self.server.spans += [span for r in message.resource_spans for s in r.scope_spans for span in s.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_traces(tmp_path: Path) -> None:
    """A request's span has its attributes, its parent is the caller's span, and the wait's span lies inside."""
    collector = Collector()
    port = collector.server_address[1]
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    config = {
        "telemetry": {"otlp_endpoint": f"http://127.0.0.1:{port}"},
        "engines": {"tone": {"enabled": True}},
    }
    with running(tmp_path / "server", config) as server:
        body = {"model": "tone", "voice": "tone-1", "input": "one two", "response_format": "pcm"}
        httpx.post(
            f"{server.base_url}/audio/speech", json=body, headers={"traceparent": f"00-{trace}-{parent}-01"}
        )
    wait_until(lambda: len(collector.spans) >= 3, "the spans have come")
    collector.shutdown()
    collector.server_close()

    spans = {span.name: span for span in collector.spans if span.trace_id.hex() == trace}
    request = spans["POST speech"]
    attributes = {one.key: one.value for one in request.attributes}
    assert request.parent_span_id.hex() == parent
    assert attributes["voicebox.engine"].string_value == "tone"
    assert attributes["http.response.status_code"].int_value == 200
    assert attributes["voicebox.audio_seconds"].double_value == pytest.approx(0.24)
    for inner in ("queue", "first byte"):
        assert spans[inner].parent_span_id == request.span_id
        assert request.start_time_unix_nano <= spans[inner].start_time_unix_nano
        assert spans[inner].end_time_unix_nano <= request.end_time_unix_nano


def test_the_dashboard_uses_existing_metrics(counted: Server) -> None:
    """Every metric and label that the Grafana dashboard in docs/ names is one that /metrics has."""
    dashboard = json.loads((Path(__file__).parents[3] / "docs" / "grafana.json").read_text())
    text = httpx.get(f"{counted.url}/metrics").text
    declared = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"voicebox_\w+", target["expr"])
    }

    assert len(asked) >= 15
    assert {name.removesuffix("_bucket") for name in asked} <= declared
