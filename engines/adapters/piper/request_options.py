"""What a request may set of Piper: the three figures of a voice's JSON."""

from __future__ import annotations

from engines.api import RequestOptions, Setting

LENGTH = "length_scale"
NOISE = "noise_scale"
NOISE_W = "noise_w"
OPTIONS = RequestOptions(
    settings=(
        Setting(LENGTH, 0.5, 2.0, None, "how long all sounds last: more is slower"),
        Setting(NOISE, 0.0, 1.5, None, "how much the voice varies: 0 is even, more is livelier and rougher"),
        Setting(NOISE_W, 0.0, 1.5, None, "how much the rhythm varies: 0 is even"),
    )
)
