"""What a request may set of the models of transformers, and what their texts may hold besides words."""

from __future__ import annotations

from engines.api import RequestOptions, Setting

TEMPERATURE = "temperature"
GUIDANCE = "guidance_scale"
WAVEFORM_TEMPERATURE = "waveform_temperature"
DIA_SOUNDS = (
    "applause|beep|burps|chuckles?|claps|clears throat|coughs|exhales|gasps|groans|humming|inhales|laughs"
    "|mumbles|screams|sighs|singing|sings|sneezes|sniffs|whistles"
)
"""that its makers name"""
BARK_SOUNDS = "laughter|laughs|sighs|music|gasps|clears throat|MAN|WOMAN"
"""that its makers name"""
DIA = RequestOptions(
    settings=(
        Setting(TEMPERATURE, 0.1, 2.0, None, "how freely it speaks: less is steadier"),
        Setting(GUIDANCE, 1.0, 6.0, None, "how closely it keeps to the text"),
    ),
    marks=(r"\[S[12]\]", rf"\((?:{DIA_SOUNDS})\)"),
    longest_seconds=30.0,
)
BARK = RequestOptions(
    settings=(
        Setting(TEMPERATURE, 0.1, 1.5, None, "how freely it speaks: less is steadier"),
        Setting(WAVEFORM_TEMPERATURE, 0.1, 1.5, None, "how freely the voice sounds"),
    ),
    marks=(rf"\[(?:{BARK_SOUNDS})\]", "♪"),
    longest_seconds=13.0,
)
CSM = RequestOptions(
    settings=(Setting(TEMPERATURE, 0.1, 2.0, None, "how freely it speaks: less is steadier"),)
)
