"""What a request may set of OmniVoice, and the sounds that a text may ask it for."""

from __future__ import annotations

from engines.api import RequestOptions, Setting

STEPS = "steps"
CFG = "cfg"
TEMPERATURE = "temperature"
LONGEST_SECONDS = 25.0
"""of a job: from half a minute on the library cuts a text itself, and joins the parts with silence"""
SOUNDS = (
    "laughter",
    "sigh",
    "confirmation-en",
    "question-en",
    "question-ah",
    "question-oh",
    "question-ei",
    "question-yi",
    "surprise-ah",
    "surprise-oh",
    "surprise-wa",
    "surprise-yo",
    "dissatisfaction-hnn",
)
"""that stand in brackets: omnivoice 0.2.1, `_NONVERBAL_PATTERN`"""
OPTIONS = RequestOptions(
    settings=(
        Setting(STEPS, 4, 64, 32, "in which a text is made: fewer are quicker and rougher", whole=True),
        Setting(CFG, 0.0, 5.0, 2.0, "how closely it keeps to text and voice"),
        Setting(TEMPERATURE, 0.0, 2.0, 0.0, "how freely it sounds: 0 takes the likeliest always"),
    ),
    marks=(rf"\[(?:{'|'.join(SOUNDS)})\]",),
    longest_seconds=LONGEST_SECONDS,
)
