"""Tests of what is known of voices that programs made for other servers send."""

from __future__ import annotations

import pytest

from compat.openai.peer_voices import FEMININE, MASCULINE, peer_voice
from voices.naming import characters


@pytest.mark.parametrize(
    ("voice", "known"),
    [
        ("af_nova", ("en-us", "female", "nova", "kokoro")),
        ("am_onyx", ("en-us", "male", "onyx", "kokoro")),
        ("bm_fable", ("en-gb", "male", "fable", "kokoro")),
        ("AF_Heart", ("en-us", "female", "marin", "kokoro")),
        ("af_bella(2)+af_sky(1)", ("en-us", "female", "coral", "kokoro")),
        ("af_bella+alba", ("en-us", "female", "coral", "kokoro")),
        ("mine+alba", ("en", "female", "coral", "pocket-tts-english")),
        ("en_US-ryan-high", ("en-us", "male", "ballad", "piper-en_US-ryan-high")),
        ("javert", ("en", "male", "onyx", "pocket-tts-english")),
    ],
)
def test_what_is_known(voice: str, known: tuple[str, str, str, str]) -> None:
    """Language, gender, the name of OpenAI's that is like it, and the model to pull; the first of a mixture."""
    assert peer_voice(voice) == known


@pytest.mark.parametrize(
    "voice", ["zf_xiaobei", "de_DE-thorsten-medium", "fr_FR-siwis-low", "en-US-AriaNeural"]
)
def test_every_voice_is_like_one_of_its_gender(voice: str) -> None:
    """A speaker that nobody listed is like one of OpenAI's voices all the same, always the same one."""
    found = peer_voice(voice)

    assert found is not None
    assert found == peer_voice(voice)
    assert found.like in (FEMININE if found.gender == "female" else MASCULINE)
    assert frozenset(MASCULINE) == characters.MASCULINE


@pytest.mark.parametrize("voice", ["alloy", "xx_y", "", "+", "english", "a" * 5000, "de"])
def test_what_is_no_voice_of_theirs(voice: str) -> None:
    """Other names are nobody's."""
    assert peer_voice(voice) is None
