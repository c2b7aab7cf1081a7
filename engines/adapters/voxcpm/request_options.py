"""What a request may set of VoxCPM2: two figures of the diffusion."""

from __future__ import annotations

from engines.api import RequestOptions, Setting

FEWEST_STEPS = 2
"""the first is always left out: with one step alone there is only noise"""
STEPS = "steps"
CFG = "cfg"
OPTIONS = RequestOptions(
    settings=(
        Setting(STEPS, FEWEST_STEPS, 50, 10, "of the diffusion: fewer are quicker and rougher", whole=True),
        Setting(CFG, 1.0, 5.0, 2.0, "how closely it keeps to text and voice"),
    )
)
