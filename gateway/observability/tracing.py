"""OpenTelemetry traces, where the settings name a collector.

A request's span is made when the request has ended, from its log entry, and sent by a thread of the
library's: a request that is being handled does not wait for them. A caller's `traceparent` becomes the span's
parent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.observability.request_log import RequestLog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

MISSING = (
    "telemetry.otlp_endpoint is set, but OpenTelemetry is not installed; in the clone: "
    ".venv/bin/python -m pip install -e '.[otel]'"
)
ATTRIBUTES = {
    "http.request.method": "method",
    "url.path": "path",
    "http.route": "template",
    "http.response.status_code": "status",
    "voicebox.request_id": "id",
    "voicebox.outcome": "outcome",
    "voicebox.engine": "engine",
    "voicebox.model": "model",
    "voicebox.voice": "voice",
    "voicebox.format": "format",
    "voicebox.characters": "characters",
    "voicebox.audio_seconds": "audio_seconds",
    "voicebox.underruns": "underruns",
    "voicebox.batch": "batch",
}
"""the log entry's field for each attribute of a span; HTTP's names follow OpenTelemetry's conventions"""


METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class TracingMissing(Exception):
    """Traces are asked for, and OpenTelemetry is not installed."""


class Tracing:
    """Sends spans to an OTLP collector over HTTP. Raises TracingMissing without the library."""

    def __init__(self, endpoint: str, service: str, version: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as exc:
            raise TracingMissing(MISSING) from exc
        url = endpoint if endpoint.rstrip("/").endswith("/v1/traces") else endpoint.rstrip("/") + "/v1/traces"
        self._provider: TracerProvider = TracerProvider(
            resource=Resource.create({"service.name": service, "service.version": version}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        self._tracer = self._provider.get_tracer("voicebox")

    def request(self, log_entry: RequestLog, headers: Mapping[bytes, bytes]) -> None:
        """Send a request that ended, with a span for its wait and one for the rest until the first byte."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        parent = TraceContextTextMapPropagator().extract(carrier)
        clock_offset = time.time_ns() - round(1e9 * time.monotonic())
        attributes = {
            name: value
            for name, field in ATTRIBUTES.items()
            if (value := getattr(log_entry, field)) is not None
        }
        began = clock_offset + round(1e9 * log_entry.began)
        span = self._tracer.start_span(
            span_name(log_entry),
            parent,
            trace.SpanKind.SERVER,
            attributes,
            start_time=began,
        )
        if log_entry.error:
            span.set_status(
                trace.StatusCode.ERROR if log_entry.status >= 500 else trace.StatusCode.UNSET, log_entry.error
            )
        span_context = trace.set_span_in_context(span)
        first_job = began + round(1e9 * (log_entry.queue_seconds or 0.0))
        if log_entry.queue_seconds is not None:
            self._tracer.start_span("queue", span_context, start_time=began).end(first_job)
        if log_entry.first_byte is not None:
            self._tracer.start_span("first byte", span_context, start_time=first_job).end(
                clock_offset + round(1e9 * log_entry.first_byte)
            )
        span.end()

    def close(self) -> None:
        """Send the spans that are left, and stop."""
        self._provider.shutdown()


def span_name(log_entry: RequestLog) -> str:
    """Return a span's name: method and route, of which there are few; never what a caller wrote."""
    method = log_entry.method if log_entry.method in METHODS else "HTTP"
    route = log_entry.route or log_entry.template
    return f"{method} {route}" if route else method
