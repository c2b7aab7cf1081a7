"""OpenTelemetry traces, where the settings name a collector.

A request's span is made when the request has ended, from its record, and sent by a thread of the library's:
on its way a request pays nothing. A caller's `traceparent` becomes the span's parent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.observability.request_log import RequestLog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

MISSING = (
    "telemetry.otlp_endpoint is set, but OpenTelemetry is not installed: pip install 'voicebox-gateway[otel]'"
)
ATTRIBUTES = {
    "http.request.method": "method", "url.path": "path", "http.response.status_code": "status", "voicebox.request_id": "id",
    "voicebox.outcome": "outcome", "voicebox.engine": "engine", "voicebox.model": "model", "voicebox.voice": "voice",
    "voicebox.format": "format", "voicebox.characters": "characters", "voicebox.audio_seconds": "audio_seconds",
    "voicebox.underruns": "underruns", "voicebox.batch": "batch",
}  # fmt: skip
"""of a span, by the record's field; names of HTTP follow OpenTelemetry's conventions"""


class TracingMissing(Exception):
    """Traces are wanted, and the library is not there."""


class Tracing:
    """Sends spans to an OTLP collector over HTTP. Raises TracingMissing."""

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

    def request(self, record: RequestLog, headers: Mapping[bytes, bytes]) -> None:
        """Send a request that ended, with a span for its wait and one for the rest until the first byte."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        parent = TraceContextTextMapPropagator().extract(carrier)
        now = time.time_ns() - round(1e9 * time.monotonic())
        attributes = {
            name: value for name, field in ATTRIBUTES.items() if (value := getattr(record, field)) is not None
        }
        began = now + round(1e9 * record.began)
        span = self._tracer.start_span(
            f"{record.method} {record.route or record.path}",
            parent,
            trace.SpanKind.SERVER,
            attributes,
            start_time=began,
        )
        if record.error:
            span.set_status(
                trace.StatusCode.ERROR if record.status >= 500 else trace.StatusCode.UNSET, record.error
            )
        inside = trace.set_span_in_context(span)
        worked = began + round(1e9 * (record.queue_seconds or 0.0))
        if record.queue_seconds is not None:
            self._tracer.start_span("queue", inside, start_time=began).end(worked)
        if record.first_byte is not None:
            self._tracer.start_span("first byte", inside, start_time=worked).end(
                now + round(1e9 * record.first_byte)
            )
        span.end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
