"""What a checkpoint in the Hugging Face layout is, read from its config.json, without torch.

A model is known by its `model_type`; where a type has models for speech and for transcription, by its
`architectures`. Only architectures that were tried are listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Config = Mapping[str, Any]
Kind = Literal["speech", "transcription"]
ADAPTERS_PACKAGE = "engines.adapters.transformers_models"


class Architecture(msgspec.Struct, frozen=True):
    """An architecture that the engine `transformers` runs."""

    kind: Kind
    class_name: str
    """the library's class: in `architectures`, or the only one of its model type with this ending"""
    adapter: str
    """module:class"""
    sample_rate: int = 16_000
    """Hertz, where the configuration has none"""
    sample_rate_keys: tuple[str, ...] = ()
    """the configuration's keys, one within the other, that lead to the sample rate"""
    request_options: str = ""
    """module:NAME of its RequestOptions; empty where it has none"""


def _speech(
    class_name: str, adapter: str, sample_rate: int = 16_000, *keys: str, options: str = ""
) -> Architecture:
    place = f"{ADAPTERS_PACKAGE}.request_options:{options}" if options else ""
    return Architecture("speech", class_name, f"{ADAPTERS_PACKAGE}.{adapter}", sample_rate, keys, place)


def _transcription(class_name: str, adapter: str) -> Architecture:
    return Architecture("transcription", class_name, f"{ADAPTERS_PACKAGE}.{adapter}")


CTC = "ctc:CtcModel"
SEQ2SEQ = "seq2seq:Seq2SeqModel"
PARAKEET_TRANSDUCER = "parakeet:ParakeetTransducer"
ARCHITECTURES: dict[str, tuple[Architecture, ...]] = {
    "vits": (_speech("VitsModel", "vits:Vits", 16_000, "sampling_rate"),),
    "speecht5": (
        _speech("SpeechT5ForTextToSpeech", "speecht5:SpeechT5"),
        _transcription("SpeechT5ForSpeechToText", SEQ2SEQ),
    ),
    "bark": (_speech("BarkModel", "bark:Bark", 24_000, "codec_config", "sampling_rate", options="BARK"),),
    "csm": (
        _speech(
            "CsmForConditionalGeneration", "csm:Csm", 24_000, "codec_config", "sampling_rate", options="CSM"
        ),
    ),
    "dia": (_speech("DiaForConditionalGeneration", "dia:Dia", 44_100, options="DIA"),),
    "vibevoice": (_speech("VibeVoiceForConditionalGeneration", "vibevoice:VibeVoice", 24_000),),
    "wav2vec2": (_transcription("Wav2Vec2ForCTC", CTC),),
    "hubert": (_transcription("HubertForCTC", CTC),),
    "wavlm": (_transcription("WavLMForCTC", CTC),),
    "unispeech": (_transcription("UniSpeechForCTC", CTC),),
    "unispeech-sat": (_transcription("UniSpeechSatForCTC", CTC),),
    "data2vec-audio": (_transcription("Data2VecAudioForCTC", CTC),),
    "sew": (_transcription("SEWForCTC", CTC),),
    "wav2vec2-conformer": (_transcription("Wav2Vec2ConformerForCTC", CTC),),
    "wav2vec2-bert": (_transcription("Wav2Vec2BertForCTC", CTC),),
    "parakeet_ctc": (_transcription("ParakeetForCTC", "parakeet:ParakeetCtc"),),
    "parakeet_tdt": (_transcription("ParakeetForTDT", PARAKEET_TRANSDUCER),),
    "parakeet_rnnt": (_transcription("ParakeetForRNNT", PARAKEET_TRANSDUCER),),
    "moonshine": (_transcription("MoonshineForConditionalGeneration", SEQ2SEQ),),
    "speech_to_text": (_transcription("Speech2TextForConditionalGeneration", SEQ2SEQ),),
    "qwen3_asr": (_transcription("Qwen3ASRForConditionalGeneration", "qwen3_asr:Qwen3Asr"),),
}
"""by model type"""


def find_architecture(config: Config) -> Architecture | None:
    """Return the architecture of a model; None where it is not supported."""
    model_type = config.get("model_type")
    class_names = config.get("architectures")
    candidates = ARCHITECTURES.get(model_type, ()) if isinstance(model_type, str) else ()
    if isinstance(class_names, list) and class_names:
        return next((candidate for candidate in candidates if candidate.class_name in class_names), None)
    return candidates[0] if len(candidates) == 1 else None


def checkpoint_kind(config: Config) -> Kind | None:
    """Return whether a model is for speech or transcription; None where it is not supported."""
    architecture = find_architecture(config)
    return architecture.kind if architecture else None


def checkpoint_sample_rate(config: Config) -> int:
    """Return the sample rate of a model's audio in Hertz; 16,000 for one that is not supported."""
    architecture = find_architecture(config)
    if architecture is None:
        return 16_000
    value: Any = config
    for key in architecture.sample_rate_keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    is_rate = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if is_rate else architecture.sample_rate


def architecture_name(config: Config) -> str:
    """Return the name of a model's architecture, for a message."""
    class_names = config.get("architectures")
    if isinstance(class_names, list) and class_names:
        return str(class_names[0])
    return str(config.get("model_type") or "without a `model_type`")


def supported_architectures(kind: Kind) -> str:
    """Return the names of all architectures of a kind, for a message."""
    return ", ".join(
        sorted(
            architecture.class_name
            for candidates in ARCHITECTURES.values()
            for architecture in candidates
            if architecture.kind == kind
        )
    )
