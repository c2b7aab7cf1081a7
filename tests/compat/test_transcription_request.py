"""Tests of reading a request to transcribe."""

from __future__ import annotations

from compat.openai.transcription import PROMPT_CHARACTERS, parse


def test_a_long_prompt_counts_by_its_end() -> None:
    """Of a prompt of megabytes only the end is used, as no model takes more; a short one is used whole."""
    long = parse({"model": ["whisper-1"], "prompt": ["ab " * 1_000_000 + "Kennedy"]})

    assert long.prompt is not None
    assert long.prompt.endswith("Kennedy")
    assert len(long.prompt) == PROMPT_CHARACTERS
    assert parse({"model": ["whisper-1"], "prompt": ["Names: Kennedy"]}).prompt == "Names: Kennedy"
    assert parse({"model": ["whisper-1"], "prompt": [""]}).prompt is None
