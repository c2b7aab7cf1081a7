"""What a repository in the Hugging Face layout holds, read from its config.json alone: neither torch nor
transformers is needed.

A model is known by its `model_type`; where a type has both speaking and listening models, by its
`architectures`. Only those are known that were tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Config = Mapping[str, Any]
Kind = Literal["speech", "transcription"]
ADAPTER = "engines.adapters.transformers_models"
"""package of the adapters"""


class Known(msgspec.Struct, frozen=True):
    """An architecture that this engine runs."""

    kind: Kind
    architecture: str
    """the library's class: in `architectures`, or the only one of its model type with this ending"""
    adapter: str
    """module:class"""
    rate: int = 16_000
    """Hertz, where the configuration does not tell"""
    rate_at: tuple[str, ...] = ()
    """where it tells"""


def _ctc(*names: str) -> dict[str, tuple[Known, ...]]:
    pairs = (name.split(":") for name in names)
    return {
        kind: (Known("transcription", f"{prefix}ForCTC", f"{ADAPTER}.ctc:Ctc"),) for kind, prefix in pairs
    }


SEQ2SEQ = f"{ADAPTER}.seq2seq:Seq2Seq"
TRANSDUCER = f"{ADAPTER}.parakeet:Transducer"
KNOWN: dict[str, tuple[Known, ...]] = {
    "vits": (Known("speech", "VitsModel", f"{ADAPTER}.vits:Vits", 16_000, ("sampling_rate",)),),
    "speecht5": (
        Known("speech", "SpeechT5ForTextToSpeech", f"{ADAPTER}.speecht5:SpeechT5"),
        Known("transcription", "SpeechT5ForSpeechToText", SEQ2SEQ),
    ),
    "bark": (Known("speech", "BarkModel", f"{ADAPTER}.bark:Bark", 24_000, ("codec_config", "sampling_rate")),),
    "csm": (Known("speech", "CsmForConditionalGeneration", f"{ADAPTER}.csm:Csm", 24_000, ("codec_config", "sampling_rate")),),
    "dia": (Known("speech", "DiaForConditionalGeneration", f"{ADAPTER}.dia:Dia", 44_100),),
    "vibevoice": (Known("speech", "VibeVoiceForConditionalGeneration", f"{ADAPTER}.vibevoice:VibeVoice", 24_000),),
    **_ctc(
        "wav2vec2:Wav2Vec2", "hubert:Hubert", "wavlm:WavLM", "unispeech:UniSpeech", "unispeech-sat:UniSpeechSat",
        "data2vec-audio:Data2VecAudio", "sew:SEW", "wav2vec2-conformer:Wav2Vec2Conformer", "wav2vec2-bert:Wav2Vec2Bert",
    ),
    "parakeet_ctc": (Known("transcription", "ParakeetForCTC", f"{ADAPTER}.parakeet:Ctc"),),
    "parakeet_tdt": (Known("transcription", "ParakeetForTDT", TRANSDUCER),),
    "parakeet_rnnt": (Known("transcription", "ParakeetForRNNT", TRANSDUCER),),
    "moonshine": (Known("transcription", "MoonshineForConditionalGeneration", SEQ2SEQ),),
    "speech_to_text": (Known("transcription", "Speech2TextForConditionalGeneration", SEQ2SEQ),),
    "qwen3_asr": (Known("transcription", "Qwen3ASRForConditionalGeneration", f"{ADAPTER}.qwen3_asr:Qwen3Asr"),),
}  # fmt: skip
"""by model type"""


def known(config: Config) -> Known | None:
    """Find what runs a model; None where nothing does."""
    model_type, named = config.get("model_type"), config.get("architectures")
    rows = KNOWN.get(model_type, ()) if isinstance(model_type, str) else ()
    if isinstance(named, list) and named:
        return next((row for row in rows if row.architecture in named), None)
    return rows[0] if len(rows) == 1 else None


def kind_of(config: Config) -> Kind | None:
    """Tell whether a model speaks or listens; None where this engine does not run it."""
    row = known(config)
    return row.kind if row else None


def sample_rate_of(config: Config) -> int:
    """Give the rate in Hertz of what a model speaks or wants to hear; 16,000 for one that is not known."""
    row = known(config)
    if row is None or not row.rate_at:
        return row.rate if row else 16_000
    found: Any = config
    for key in row.rate_at:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else row.rate


def described(config: Config) -> str:
    """Name a model's architecture, for a message."""
    named = config.get("architectures")
    if isinstance(named, list) and named:
        return str(named[0])
    return str(config.get("model_type") or "without a `model_type`")


def names(kind: Kind) -> str:
    """List the architectures there are, for a message."""
    return ", ".join(sorted(row.architecture for rows in KNOWN.values() for row in rows if row.kind == kind))
