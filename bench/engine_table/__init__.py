"""What was shown of each engine, by tests that were run, as the table in docs/engines.md."""
