"""What a request may set of TADA: three figures of the flow by which each token becomes sound."""

from __future__ import annotations

from engines.api import RequestOptions, Setting

STEPS = "steps"
CFG = "cfg"
TEMPERATURE = "temperature"
LONGEST_SECONDS = 80.0
"""of a job: the decoder has positions for 8192 frames of 20 ms, and how long a text becomes is an estimate"""
OPTIONS = RequestOptions(
    settings=(
        Setting(STEPS, 1, 50, 10, "of the flow: fewer are quicker and rougher", whole=True),
        Setting(CFG, 1.0, 5.0, 1.6, "how closely it keeps to text and voice"),
        Setting(TEMPERATURE, 0.0, 1.5, 0.9, "how much the voice varies: 0 is even, more is livelier"),
    ),
    longest_seconds=LONGEST_SECONDS,
)
