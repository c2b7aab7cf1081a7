"""Write IPA in Hibari's letters: Kokoro's, with stress before the vowel as its dictionaries have it."""

from __future__ import annotations

import re
from collections.abc import Container

from engines.toolkit.kokoro_ipa import kokoro_phonemes

VOWELS = "AIOQWYaiuæɐɑɒɔəɛɜɪʊʌᵊᵻ"
STRESS = re.compile(rf"([ˈˌ])([^\s{VOWELS}ˈˌ]+)(?=[{VOWELS}])")
"""a stress mark before the consonants that begin its syllable, where dictionaries for people have it"""


def hibari_phonemes(ipa: str, vocabulary: Container[str], *, british: bool) -> str:
    """Return IPA in Hibari's letters, without those that are not in the `vocabulary`."""
    return STRESS.sub(r"\2\1", kokoro_phonemes(ipa, "b" if british else "a", vocabulary))
