"""The one voice of Qwen3-TTS VoiceDesign: whatever it is described as."""

from __future__ import annotations

from engines.api import SpeechJob, Voice

DESCRIBED = "described"
DESCRIBED_VOICES = (
    Voice(DESCRIBED, "Described", (), None, "Qwen3-TTS, a voice by its description: `instructions`"),
)
USUAL_DESCRIPTION = "A clear, friendly adult voice that reads aloud at an even pace."
"""of the voice where nobody describes one"""


def describe(job: SpeechJob) -> str:
    """Return the description of a job's voice: that of a designed one, and how it is to speak now."""
    return (
        "\n".join(filter(None, (job.design.strip(), (job.instructions or "").strip()))) or USUAL_DESCRIPTION
    )
