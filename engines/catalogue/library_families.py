"""The checkpoints of models that have a library of their own each: VoxCPM2, Chatterbox, Qwen3-TTS, TADA,
LuxTTS, OmniVoice and Pocket TTS.
"""

from __future__ import annotations

import msgspec

from engines.catalogue import chatterbox, luxtts, omnivoice, qwen3_tts, tada
from engines.catalogue.family import CheckpointFacts, Family
from engines.catalogue.own import EngineName, OwnModel
from engines.catalogue.pocket import POCKET
from engines.catalogue.records import TOKENIZER_FILES, ModelRecord
from engines.catalogue.voxcpm import VOXCPM2


def _pocket_languages(facts: CheckpointFacts) -> list[str]:
    """Return the languages of a Pocket TTS; an empty one is a folder of one model."""
    configs = [file for file in facts.files if file.rpartition("/")[2] == "config.yaml"]
    return [config.removeprefix("languages/").removesuffix("config.yaml").strip("/") for config in configs]


def _is_pocket(facts: CheckpointFacts) -> bool:
    return (
        facts.has("config.yaml", "languages/*/config.yaml")
        and facts.has("*.safetensors")
        and not facts.config
    )


def _lacks_of_pocket(facts: CheckpointFacts, _own: OwnModel) -> str:
    languages = _pocket_languages(facts)
    if len(languages) > 1:
        return f"it has several languages: name one by its files, as in `files: [languages/{languages[0]}/*]`"
    return "" if facts.has("*tokenizer.json", "*tokenizer.model") else "its tokenizer is missing"


def _pocket_record(name: str, own: OwnModel, facts: CheckpointFacts) -> ModelRecord:
    language = _pocket_languages(facts)[0]
    return ModelRecord(
        name=name,
        display=name,
        engine=POCKET,
        repo=own.repo,
        licence=own.licence,
        kinds=("speech",),
        files=("*.yaml", "*.safetensors", "*tokenizer.json", "*tokenizer.model"),
        options={"language": language} if language else {},
        voice_types=("preset", "cloned"),
        streaming=True,
    )


def _voxcpm_record(_name: str, _own: OwnModel, _facts: CheckpointFacts) -> ModelRecord:
    files = ("config.json", "*.safetensors", "pytorch_model.bin", "audiovae.pth", *TOKENIZER_FILES)
    return msgspec.structs.replace(VOXCPM2, files=files, size_bytes=0)


def _lacks_of_voxcpm(facts: CheckpointFacts, _own: OwnModel) -> str:
    return "" if facts.has("audiovae.safetensors", "audiovae.pth") else "its audiovae.safetensors is missing"


def _chatterbox_family(engine: EngineName, published: ModelRecord, title: str) -> Family:
    return Family(
        engine,
        title,
        lambda facts: chatterbox.network_file(published) in facts.files,
        lambda facts, _own: chatterbox.missing_file(published, facts.files),
        lambda _name, _own, _facts: msgspec.structs.replace(published, size_bytes=0),
    )


def _qwen3_tts_family(engine: EngineName, kind: str, published: ModelRecord) -> Family:
    return Family(
        engine,
        "a Qwen3-TTS",
        lambda facts: (
            facts.config.get("model_type") == "qwen3_tts" and facts.config.get("tts_model_type") == kind
        ),
        lambda facts, _own: qwen3_tts.missing_file(facts.files),
        lambda _name, _own, _facts: published,
    )


def _lacks_of_tada(facts: CheckpointFacts, _own: OwnModel) -> str:
    return "" if facts.has("model*.safetensors") else "its weights are not in safetensors"


def _luxtts_record(_name: str, _own: OwnModel, _facts: CheckpointFacts) -> ModelRecord:
    return msgspec.structs.replace(luxtts.LUXTTS, size_bytes=0)


LIBRARY_FAMILIES = (
    Family(
        "voxcpm",
        "a VoxCPM2",
        lambda facts: facts.config.get("architecture") == "voxcpm2",
        _lacks_of_voxcpm,
        _voxcpm_record,
    ),
    _chatterbox_family("chatterbox", chatterbox.CHATTERBOX_MULTILINGUAL, "a Chatterbox"),
    _chatterbox_family("chatterbox-turbo", chatterbox.CHATTERBOX_TURBO_MODEL, "a Chatterbox Turbo"),
    *(_qwen3_tts_family(*own) for own in qwen3_tts.own_models()),
    Family(
        "tada",
        "a TADA",
        lambda facts: tada.is_tada(facts.config),
        _lacks_of_tada,
        lambda _name, own, facts: tada.own_model(own, facts.config),
    ),
    Family(
        "luxtts",
        "a LuxTTS",
        lambda facts: luxtts.is_luxtts(facts.files, facts.config),
        lambda facts, _own: luxtts.missing_file(facts.files),
        _luxtts_record,
    ),
    Family(
        "omnivoice",
        "an OmniVoice",
        lambda facts: facts.config.get("model_type") == "omnivoice",
        lambda facts, _own: omnivoice.missing_file(facts.files),
        lambda _name, _own, _facts: omnivoice.OMNIVOICE,
    ),
    Family("pocket-tts", "a Pocket TTS", _is_pocket, _lacks_of_pocket, _pocket_record),
)
"""in the order in which they are tried"""
