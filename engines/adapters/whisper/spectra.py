"""The spectra of a recording's windows as Whispers read them; nothing of torch is needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.toolkit.vad import SAMPLE_RATE, Floats
from engines.toolkit.windows import HOP_LENGTH, Window

DYNAMIC_RANGE = 2.0
"""how far below the loudest sound the spectrum reaches, in its own units: 80 dB"""
MIN_SPECTRUM_SAMPLES = 400
"""samples that a spectrum can be made of"""
MIN_FRAMES = 2
"""frames of a spectrum: the encoder makes one of each two, and times are looked for among these"""


class Spectra:
    """Makes the spectra of one recording after the other."""

    def __init__(self, feature_extractor: Any) -> None:  # noqa: ANN401 - the library's class has no types
        self._feature_extractor = feature_extractor
        self._loudest = -np.inf

    def begin_recording(self) -> None:
        """Forget how loud the recording before was."""
        self._loudest = -np.inf

    def of(self, window: Window) -> Floats:
        """Return a window's log-mel spectrum, [1, bands, frames], as it is in the whole recording's.

        That one's least value depends on the loudest sound so far.
        """
        samples = window.samples_with_context
        samples = np.pad(samples, (0, max(0, MIN_SPECTRUM_SAMPLES - len(samples))))
        features = self._feature_extractor(
            samples, sampling_rate=SAMPLE_RATE, truncation=False, padding="longest", return_tensors="np"
        )
        first = window.context_before // HOP_LENGTH
        spectrum: Floats = features.input_features[..., first : first + len(window.samples) // HOP_LENGTH]
        self._loudest = max(self._loudest, float(spectrum.max()))
        missing = max(0, MIN_FRAMES - spectrum.shape[-1])
        spectrum = np.pad(spectrum, ((0, 0), (0, 0), (0, missing)), "edge")
        return np.maximum(spectrum, self._loudest - DYNAMIC_RANGE)
