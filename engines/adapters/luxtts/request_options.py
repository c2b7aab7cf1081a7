"""What a request may set of LuxTTS: three figures of its flow; and the marks in its texts."""

from __future__ import annotations

from engines.adapters.luxtts.text import PINYIN
from engines.api import RequestOptions, Setting

STEPS = "steps"
CFG = "cfg"
SHIFT = "t_shift"
LONGEST_SECONDS = 20.0
"""of a job: a text is computed in one piece, with memory that grows with the square of its length"""
OPTIONS = RequestOptions(
    settings=(
        Setting(STEPS, 1, 32, 4, "of the flow: fewer are quicker and rougher", whole=True),
        Setting(CFG, 0.0, 10.0, 3.0, "how closely it keeps to text and voice"),
        Setting(SHIFT, 0.1, 1.0, 0.5, "where the steps lie: lower is surer of words, higher sounds better"),
    ),
    marks=(PINYIN,),
    longest_seconds=LONGEST_SECONDS,
)
