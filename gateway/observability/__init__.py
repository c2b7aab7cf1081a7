"""What operators see: logs, metrics, traces, one log line per request."""
