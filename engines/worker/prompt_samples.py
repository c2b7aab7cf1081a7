"""Whether the samples of a voice are what an engine can make a voice prompt of."""

from __future__ import annotations

import math

from engines.api import BYTES_PER_SAMPLE, CloningCapabilities, PromptJob
from engines.errors import BadAudio, BadInput, Unsupported
from engines.languages import primary_language

ROUNDING_SECONDS = 0.05
"""by which samples may be too long: rates were changed, and lengths rounded"""


def check_samples(job: PromptJob, cloning: CloningCapabilities) -> None:
    """Check a voice's samples against what the engine needs. Raises BadAudio, BadInput or Unsupported."""
    size = sum(len(sample.pcm) for sample in job.samples)
    seconds = size / BYTES_PER_SAMPLE / cloning.sample_rate
    if seconds < cloning.shortest:
        raise BadAudio(
            f"The voice's samples are too short: {_figure(seconds)} seconds together, "
            f"and this engine needs at least {_figure(cloning.shortest)}.",
            param="audio",
        )
    if seconds > cloning.longest + ROUNDING_SECONDS:
        raise BadAudio(
            f"The voice's samples are too long: {_figure(seconds)} seconds together, "
            f"and this engine takes at most {_figure(cloning.longest)}.",
            param="audio",
        )
    if not any(any(sample.pcm) for sample in job.samples):
        raise BadAudio("The voice's samples are silent.", param="audio")
    if cloning.transcript == "needed" and not all(sample.transcript.strip() for sample in job.samples):
        raise BadInput("This engine needs the words of each sample: they are its `reference_text`.")
    spoken = {primary_language(tag) for tag in cloning.languages}
    if job.language and spoken and primary_language(job.language) not in spoken:
        raise Unsupported(
            f"This engine clones voices that speak {', '.join(cloning.languages)}, not '{job.language}'.",
            param="language",
        )


def _figure(seconds: float) -> str:
    """Return seconds as people write them: what falls short never reads as if it did not."""
    return f"{math.floor(100 * seconds + 1e-6) / 100:g}"
