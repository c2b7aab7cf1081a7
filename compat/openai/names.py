"""The model and voice names that OpenAI ever had for speech, and those that peers taught their users
to send.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["speech", "transcription"]


CREATED = {
    "tts-1": 1681940951,
    "tts-1-hd": 1699046015,
    "gpt-4o-mini-tts": 1742403959,
    "whisper-1": 1677532384,
    "gpt-4o-transcribe": 1742068463,
    "gpt-4o-mini-transcribe": 1742068596,
    "gpt-4o-transcribe-diarize": 1750798887,
    "gpt-transcribe": 1782000000,
}
"""OpenAI's models as listed by /v1/models, with the time that OpenAI gives (the last two are not on record)
"""

LISTED: dict[Kind, tuple[str, ...]] = {
    "speech": ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
    "transcription": (
        "whisper-1",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-transcribe-diarize",
        "gpt-transcribe",
    ),
}

_DATE = r"(-\d{4}(-\d{2}-\d{2})?|-api-ev\d+|-latest|-preview)*"
_PATTERNS: dict[Kind, re.Pattern[str]] = {
    "speech": re.compile(rf"(tts-1(-hd)?|gpt-4o(-mini)?-tts){_DATE}"),
    "transcription": re.compile(
        rf"(whisper-1|gpt-4o-(mini-)?transcribe(-diarize)?|gpt-transcribe|gpt-live-transcribe|gpt-realtime-whisper){_DATE}"
    ),
}
_WHISPER = (
    r"(faster-|distil-|faster-distil-|mlx-)*+whisper(-v?\d)?+"
    r"(-(tiny|base|small|medium|large|turbo))++[\w.-]*+"
)
_SIZE = r"(tiny|base|small|medium)(\.en)?|large(-v[123])?(-turbo)?|turbo|distil-(small|medium|large)[\w.-]*+"
"""what openai/whisper's own program and those after it call their models"""
_PEERS: dict[Kind, re.Pattern[str]] = {
    "speech": re.compile(r"(.*/)?(kokoro|piper|xtts|chatterbox)[\w.-]*|tts"),
    "transcription": re.compile(
        rf"(.*/)?({_WHISPER}|parakeet[\w.-]*|moonshine[\w.-]*)|whisper|(distil-whisper/)?({_SIZE})"
    ),
}
_WHISPER_OF_SIZE = re.compile(
    rf"(.*/)?(?P<distil>(faster-|mlx-|distil-)*+)(whisper-)?(?P<size>{_SIZE})(-(ct2|mlx|int8|fp16))*+"
)
_SAME_SIZE = {
    "large": "large-v3",
    "turbo": "large-v3-turbo",
    "large-turbo": "large-v3-turbo",
}
"""what openai/whisper's program means by a size"""
_KOKORO_MODEL = re.compile(
    r"(.*/)?kokoro(-82m)?(-v1\.\d)?(-(onnx|mlx|gguf|bf16|fp16|fp32|f16|f32|int8|\d-?bit|q\d(_\w+)?))*+"
)
_PROVIDER = re.compile(
    r"(?:(?:openai|azure|azure_openai|azure_ai|models|litellm|litellm_proxy|openrouter|openai_compatible"
    r"|openai-compatible|custom_openai|hosted_vllm)[/:])+"
)
"""what stands before OpenAI's names in programs that know several providers: `openai/tts-1`, `azure:tts-1`"""
_VERSION = re.compile(r":(?:latest|free|default)")
"""what stands behind names in programs that know Ollama's: `tts-1:latest`"""
_ESPEAK = frozenset({"espeak-ng", "espeak_ng", "espeakng", "espeak ng"})


def bare(model: str) -> str:
    """Return a name in lower case, and without a provider before it or a version of Ollama's behind it:
    `tts-1` of `openai/TTS-1`, `azure:tts-1` and `tts-1:latest`.
    """
    name = model.casefold().strip()
    if match := _PROVIDER.match(name):
        name = name[match.end() :] or name
    if (match := _VERSION.search(name)) and match.end() == len(name):
        name = name[: match.start()] or name
    return name


def other_names(model: str) -> tuple[str, ...]:
    """Return the names under which engines here have what a name means: `faster-whisper-base` and
    `whisper-base` of `base`, `whisper-1` of `openai/whisper-1`.
    """
    plain = bare(model)
    found = [plain] if plain != model.casefold() else []
    if (match := _WHISPER_OF_SIZE.fullmatch(plain)) and peer_kind(model) == "transcription":
        size = _SAME_SIZE.get(match["size"], match["size"])
        if "distil-" in match["distil"] and not size.startswith("distil-"):
            size = f"distil-{size}"
        found += [f"faster-whisper-{size}", f"whisper-{size}"]
    if _KOKORO_MODEL.fullmatch(plain):
        found += ["kokoro", "kokoro-onnx", "kokoro-fp16", "kokoro-int8"]
    if plain in _ESPEAK:
        found.append("espeak")
    return tuple(name for name in found if name != model.casefold())


def openai_kind(model: str) -> Kind | None:
    """Return what a model id of OpenAI's is for, dated ones included; None when it is not one of theirs."""
    return _kind(bare(model), _PATTERNS)


def peer_kind(model: str) -> Kind | None:
    """Return what a model id that other self-hosted servers use is for; None when it is not known."""
    return _kind(bare(model), _PEERS)


def gives_logprobs(model: str) -> bool:
    """Return whether OpenAI's model of that name gives log-probabilities when asked."""
    return bool(re.fullmatch(rf"gpt-4o-(mini-)?transcribe{_DATE}", bare(model)))


def tells_languages(model: str) -> bool:
    """Return whether OpenAI's model of that name says which languages were spoken."""
    return bool(re.fullmatch(rf"gpt-transcribe{_DATE}", bare(model)))


def lacks_logprobs(model: str) -> bool:
    """Return whether OpenAI's model of that name ignores the wish for log-probabilities."""
    return openai_kind(model) is not None and not gives_logprobs(model)


def diarizes(model: str) -> bool:
    """Return whether the name asks for speakers to be told apart."""
    return "diarize" in bare(model) and openai_kind(model) == "transcription"


def counts_tokens(model: str) -> bool:
    """Return whether OpenAI bills that transcription model by token rather than by second."""
    return bare(model).startswith("gpt-4o")


def _kind(model: str, patterns: dict[Kind, re.Pattern[str]]) -> Kind | None:
    for kind, pattern in patterns.items():
        if pattern.fullmatch(model.casefold()):
            return kind
    return None
