"""Voices that other speech servers taught their users to send: what each speaks and sounds like, and what
brings it here.

Kokoro's names say language and gender, Piper's the language; what is known of the rest is in the lists below,
from the publishers' own descriptions.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Gender = Literal["female", "male"]


class PeerVoice(NamedTuple):
    """A voice of another server's."""

    language: str
    gender: Gender
    like: str
    """that of OpenAI's names whose voice is nearest to it"""
    pull: str
    """the model that has it"""


KOKORO = re.compile(r"([abefhijpz])([fm])_([a-z0-9]+)")
KOKORO_LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "cmn",
}
WEIGHT = re.compile(r"\(.*|^\s*[\d.]+\s*\*|\*\s*[\d.]+\s*$", re.DOTALL)
"""of a voice in a mixture: behind it in parentheses, or with a star before or behind it"""
FILE_OF_VOICE = re.compile(
    r"^(?:kokoro/|piper/)?(?:voices/)?(.+?)(?:\.pt|\.onnx|\.npy|\.bin)?$", re.IGNORECASE | re.DOTALL
)
PIPER = re.compile(r"([a-z]{2,3})_([A-Z]{2})-([a-z0-9_+]+)-(x_low|low|medium|high)", re.IGNORECASE)
EDGE = re.compile(r"([a-z]{2,3}-[A-Z]{2})-([A-Za-z]+?)(Multilingual)?Neural", re.IGNORECASE)
"""Microsoft's, which programs for Edge's speech send"""
POCKET = {
    "alba": "coral",
    "fantine": "sage",
    "cosette": "shimmer",
    "eponine": "nova",
    "azelma": "marin",
    "marius": "echo",
    "javert": "onyx",
    "jean": "ash",
}
"""Pocket TTS's own eight, and what each is like"""
LIKE = {
    "lessac": "nova",
    "amy": "sage",
    "heart": "marin",
    "bella": "coral",
    "nicole": "shimmer",
    "sky": "alloy",
    "sarah": "sage",
    "kore": "nova",
    "aoede": "alloy",
    "jessica": "coral",
    "river": "nova",
    "emma": "coral",
    "isabella": "marin",
    "alice": "sage",
    "lily": "shimmer",
    "adam": "ash",
    "michael": "verse",
    "eric": "echo",
    "liam": "ballad",
    "puck": "fable",
    "fenrir": "onyx",
    "santa": "onyx",
    "daniel": "cedar",
    "george": "onyx",
    "lewis": "ash",
}
FEMININE = ("alloy", "coral", "marin", "nova", "sage", "shimmer")
MASCULINE = ("ash", "ballad", "cedar", "echo", "fable", "onyx", "verse")
_PIPER_MEN = """
alan aru bryce carlfm danny davefx denis dmitri faber fahrettin fettah gilles hfc_male imre ivan jirka joe
john karlsson kusal norman northern_english_male pavoque pim reza_ibrahim riccardo ronnie ruslan ryan
sharvard talesyntese thorsten thorsten_emotional tom upmc
"""
_EDGE_MEN = """
andrew brian christopher conrad davis eric guy henri jason jorge keita killian roger ryan steffan tony
thomas alvaro antonio diego dmitry yunjian yunxi yunyang
"""
MEN_OF_PIPER = frozenset(_PIPER_MEN.split())
MEN_OF_EDGE = frozenset(_EDGE_MEN.split())


def peer_voice(name: str) -> PeerVoice | None:
    """Return what is known of a voice of another server's, of a mixture the first that is known; None for no
    such voice: `af_bella(2)+af_sky(1)`, `en_US-lessac-medium`, `alba`, `en-US-AriaNeural`.
    """
    parts = (WEIGHT.sub("", part).strip() for part in re.split("[+,]", name, maxsplit=16)[:16])
    return next(filter(None, map(_voice, map(plain_voice, parts))), None)


def plain_voice(name: str) -> str:
    """Return a voice's name without the folder and the ending of its file: `af_heart` of `kokoro/af_heart`
    and `voices/af_heart.pt`.
    """
    return FILE_OF_VOICE.sub(r"\1", name.strip())


def _voice(name: str) -> PeerVoice | None:
    folded = name.casefold()
    if match := KOKORO.fullmatch(folded):
        gender: Gender = "female" if match[2] == "f" else "male"
        return PeerVoice(KOKORO_LANGUAGES[match[1]], gender, _like(match[3], gender), "kokoro")
    if match := PIPER.fullmatch(name):
        speaker = match[3].casefold()
        gender = "male" if speaker in MEN_OF_PIPER else "female"
        model = f"piper-{match[1].casefold()}_{match[2].upper()}-{speaker}-{match[4].casefold()}"
        return PeerVoice(f"{match[1]}-{match[2]}".casefold(), gender, _like(speaker, gender), model)
    if folded in POCKET:
        like = POCKET[folded]
        return PeerVoice("en", "female" if like in FEMININE else "male", like, "pocket-tts-english")
    if match := EDGE.fullmatch(name):
        speaker = match[2].casefold()
        gender = "male" if speaker in MEN_OF_EDGE else "female"
        return PeerVoice(match[1].casefold(), gender, _like(speaker, gender), "")
    return None


def _like(speaker: str, gender: Gender) -> str:
    """Return the name of OpenAI's for a speaker: its own where that is one, else one of the gender."""
    names = FEMININE if gender == "female" else MASCULINE
    if speaker in names:
        return speaker
    known = LIKE.get(speaker, "")
    return known if known in names else names[sum(map(ord, speaker)) % len(names)]
