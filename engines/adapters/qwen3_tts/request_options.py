"""What a request may set of Qwen3-TTS: how it draws the codes of each frame.

A frame has one code that carries what is said, and fifteen that carry how it sounds; they are drawn by two
networks, of which each has a temperature and limits of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from engines.api import RequestOptions, Setting, Settings

TEMPERATURE = "temperature"
TOP_K = "top_k"
TOP_P = "top_p"
REPETITION_PENALTY = "repetition_penalty"
DETAIL_TEMPERATURE = "subtalker_temperature"
DETAIL_TOP_K = "subtalker_top_k"
DETAIL_TOP_P = "subtalker_top_p"
"""all by the names that the library has for them"""
MOST_CANDIDATES = 3000
OPTIONS = RequestOptions(
    settings=(
        Setting(TEMPERATURE, 0.0, 2.0, 0.9, "how freely it speaks: less is steadier, 0 always the likeliest"),
        Setting(TOP_K, 0, MOST_CANDIDATES, 50, "of how many codes it draws; 0: of all", whole=True),
        Setting(TOP_P, 0.05, 1.0, 1.0, "of which share of probability it draws: less is steadier"),
        Setting(REPETITION_PENALTY, 1.0, 2.0, 1.05, "how much it avoids codes that it has had before"),
        Setting(DETAIL_TEMPERATURE, 0.0, 2.0, 0.9, "how freely the voice sounds: less is steadier"),
        Setting(DETAIL_TOP_K, 0, MOST_CANDIDATES, 50, "as top_k, for how it sounds; 0: of all", whole=True),
        Setting(DETAIL_TOP_P, 0.05, 1.0, 1.0, "as top_p, for how it sounds"),
    )
)
MOST_FRAMES = 8192
"""that a text may become where its checkpoint does not say"""


def usual_settings(defaults: Mapping[str, object]) -> tuple[Settings, int]:
    """Return the settings of a checkpoint's generation_config.json, and how many frames a text may become."""
    usual: Settings = {}
    for setting in OPTIONS.settings:
        value = defaults.get(setting.name)
        usual[setting.name] = float(value) if isinstance(value, int | float) else float(setting.default or 0)
    for flag, name in (("do_sample", TEMPERATURE), ("subtalker_dosample", DETAIL_TEMPERATURE)):
        if defaults.get(flag) is False:
            usual[name] = 0.0
    most = defaults.get("max_new_tokens")
    return usual, most if isinstance(most, int) and most > 0 else MOST_FRAMES
