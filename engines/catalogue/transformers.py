"""Models that transformers itself runs: some that were chosen, and any repository that the settings name."""

from __future__ import annotations

import msgspec

from engines.catalogue.own import SAFE_FILES, OwnModel
from engines.catalogue.records import TORCH_DEVICES, Adapter, ModelRecord, Source
from engines.toolkit.checkpoint_kinds import Config, checkpoint_sample_rate, find_architecture

SPEECH_ENGINE = Adapter(
    name="transformers",
    import_path="engines.adapters.transformers_models.speech_engine:TransformersSpeech",
    packages=("torch", "transformers"),
    rank=15,
    voices="engines.adapters.transformers_models.voice_files:read_voices",
)
DIFFUSERS_SPEECH_ENGINE = msgspec.structs.replace(
    SPEECH_ENGINE, packages=(*SPEECH_ENGINE.packages, "diffusers")
)
TRANSCRIPTION_ENGINE = Adapter(
    name="transformers-asr",
    import_path="engines.adapters.transformers_models.transcription_engine:TransformersTranscription",
    packages=("torch", "transformers", "onnxruntime"),
    rank=15,
)
FALLBACK_FILES = ("pytorch_model*.bin", "*/pytorch_model*.bin")
"""older formats, pulled where there are no safetensors"""
MMS_LANGUAGES = {
    "eng": "en",
    "deu": "de",
    "fra": "fr",
    "spa": "es",
    "por": "pt",
    "nld": "nl",
    "rus": "ru",
    "hin": "hi",
}
"""ISO 639-3 codes, by which the repositories are named, and BCP-47 tags; a thousand more can be had by
`models.own`
"""


def own_record(name: str, own: OwnModel, config: Config | None = None) -> ModelRecord:
    """Return the record of a model of one's own that transformers runs; it speaks unless told otherwise.

    Its config.json tells its rate, and what requests to it may hold, where that is known.
    """
    kind = own.wanted_kind or "speech"
    architecture = find_architecture(config or {})
    options = architecture.request_options if architecture else ""
    speaking = msgspec.structs.replace(SPEECH_ENGINE, request_options=options)
    rate = checkpoint_sample_rate(config) if config else 24_000
    return ModelRecord(
        name=name,
        display=name,
        engine=speaking if kind == "speech" else TRANSCRIPTION_ENGINE,
        sample_rate=rate,
        repo=own.repo,
        licence=own.licence,
        kinds=(kind,),
        revision=own.revision,
        files=own.files,
        fallback_files=FALLBACK_FILES,
        extra_sources=tuple(
            Source(repo, files=SAFE_FILES, fallback_files=FALLBACK_FILES) for repo in own.also
        ),
        voice_types=("preset",) if kind == "speech" else (),
        requires=TORCH_DEVICES,
        tier="experimental",
    )


def _speech(
    name: str, repo: str, licence: str, rate: int, languages: tuple[str, ...], *also: str, gated: bool = False
) -> ModelRecord:
    """Return the record of a model that speaks with voices of its own; its name begins with its kind."""
    kind = {"model_type": name.partition("-")[0]}
    record = own_record(name, OwnModel(repo, also=also, licence=licence), kind)
    return msgspec.structs.replace(record, sample_rate=rate, languages=languages, gated=gated)


def _vibevoice(size: str) -> ModelRecord:
    """Return the record of a VibeVoice in transformers' layout, which is not its maker's own."""
    record = _speech(
        f"vibevoice-{size.lower()}", f"vibevoice/VibeVoice-{size}-hf", "MIT", 24_000, ("en", "zh")
    )
    return msgspec.structs.replace(record, engine=DIFFUSERS_SPEECH_ENGINE, voice_types=("preset", "cloned"))


def _transcription(name: str, repo: str, licence: str, languages: tuple[str, ...] = ("en",)) -> ModelRecord:
    """Return the record of a model that transcribes."""
    record = own_record(name, OwnModel(repo, "transcription", licence=licence))
    return msgspec.structs.replace(record, sample_rate=16_000, languages=languages)


TRANSFORMERS_MODELS = (
    *(
        _speech(f"mms-tts-{code}", f"facebook/mms-tts-{code}", "CC-BY-NC-4.0", 16_000, (tag,))
        for code, tag in MMS_LANGUAGES.items()
    ),
    _speech("vits-vctk", "kakao-enterprise/vits-vctk", "MIT", 22_050, ("en",)),
    _speech("bark-small", "suno/bark-small", "MIT", 24_000, ()),
    _speech("csm-1b", "sesame/csm-1b", "Apache-2.0", 24_000, ("en",), gated=True),
    _speech("dia-1.6b", "nari-labs/Dia-1.6B-0626", "Apache-2.0", 44_100, ("en",), "descript/dac_44khz"),
    _vibevoice("1.5B"),
    _vibevoice("7B"),
    _transcription("wav2vec2-base-960h", "facebook/wav2vec2-base-960h", "Apache-2.0"),
    _transcription("moonshine-tiny", "UsefulSensors/moonshine-tiny", "MIT"),
    _transcription("moonshine-base", "UsefulSensors/moonshine-base", "MIT"),
    _transcription("parakeet-ctc-1.1b", "nvidia/parakeet-ctc-1.1b", "CC-BY-4.0"),
)
"""their repositories' names and licences are from memory"""
