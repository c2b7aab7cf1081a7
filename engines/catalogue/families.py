"""Which engine runs a checkpoint, by the names of its files and its config.json alone: before it is pulled,
and without any engine's library.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from engines.catalogue import (
    chatterbox,
    kokoro,
    luxtts,
    mlx,
    omnivoice,
    piper,
    tada,
    transformers,
    whisper,
)
from engines.catalogue.engines import Kind
from engines.catalogue.family import CheckpointFacts, Family
from engines.catalogue.library_families import LIBRARY_FAMILIES
from engines.catalogue.own import SAFE_FILES, OwnModel
from engines.catalogue.pocket import POCKET
from engines.catalogue.qwen3_tts import own_models
from engines.catalogue.records import TORCH_DEVICES, Adapter, ModelRecord
from engines.catalogue.voxcpm import VOXCPM
from engines.errors import BadInput
from engines.toolkit.checkpoint_kinds import architecture_name, find_architecture

CONFIG = "config.json"
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
ENGLISH_TOKENS = 51_864
"""in the vocabulary of the Whispers that know English only"""
ENGLISH_END, ENGLISH_LAST_LANGUAGE = 50_256, 50_356
"""the numbers of their tokens for the end of a text and for the last of the languages: in others each is one
more
"""
MOST_VOICES = 20
"""of Piper's in a repository that are pulled without one being named"""
CTRANSLATE2_KEYS = frozenset(("suppress_ids", "suppress_ids_begin", "alignment_heads", "lang_ids"))
"""in the config.json that CTranslate2's converter writes for a Whisper, and for nothing else"""
PRECISE_GRAPHS = ("onnx/model.onnx", "model.onnx", "kokoro-v1.0.onnx")
KOKORO_WEIGHTS = "kokoro-v1_0.pth"
KOKORO_VOICES = ("voices/*.bin", "voices*.bin", "voices*.npz")
KNOWN = (
    "Whisper (as transformers or CTranslate2 have it), Kokoro, Piper, Pocket TTS, VoxCPM2, Chatterbox,"
    " Qwen3-TTS, TADA, LuxTTS, OmniVoice, and the architectures of transformers that docs/models.md lists"
)


class UnfitModel(BadInput):
    """No engine runs a checkpoint."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="model_does_not_fit")


def fit_model(name: str, own: OwnModel, facts: CheckpointFacts) -> ModelRecord:
    """Return the record of a model of one's own, as its files show it to be. Raises UnfitModel."""
    chosen = own.files if own.files != SAFE_FILES else ()
    if chosen:
        facts = msgspec.structs.replace(facts, files=tuple(_matching(facts.files, chosen)))
    family = next((family for family in FAMILIES if family.fits(facts) and not _is_adapter(facts)), None)
    if family is None:
        raise UnfitModel(
            f"`{name}` ({own.place}) cannot be run: {_why_unknown(facts)}. What can be: {KNOWN}."
        )
    if own.engine not in ("", family.engine, "mlx" if family.engine in mlx.FAMILIES else ""):
        raise UnfitModel(
            f"`{name}` ({own.place}) is {family.title}, which is not for the engine {own.engine}:"
            f" set `engine: {family.engine}`, or leave `engine` out."
        )
    if lacking := family.lacks(facts, own):
        raise UnfitModel(f"`{name}` ({own.place}) is {family.title}, but {lacking}.")
    record = family.record(name, own, facts)
    record = mlx.on_mlx(record) if own.engine == "mlx" else record
    if own.wanted_kind and own.wanted_kind not in record.kinds:
        raise UnfitModel(
            f"`{name}` ({own.place}) is {family.title}, for {record.kinds[0]}: set `kind: {record.kinds[0]}`,"
            " or leave `kind` out."
        )
    return msgspec.structs.replace(
        record,
        own=own,
        repo=own.repo,
        revision=own.revision,
        licence=own.licence,
        folder=own.folder,
        display=name,
        name=name,
        tier="experimental",
        files=chosen or record.files,
    )


def presumed_record(name: str, own: OwnModel, unfit: str = "") -> ModelRecord:
    """Return the record of a model of one's own whose files nobody has seen yet, or, if `unfit`, of one that
    nothing runs, with the reason.
    """
    if own.engine == "piper":
        record = piper.own_voice(name, own)
    elif own.engine in ("whisper", "faster-whisper"):
        record = _transcribes(name, own, PRESUMED_ENGINES[own.engine])
    else:
        record = transformers.own_record(name, own)
        if own.engine in PRESUMED_ENGINES:
            record = msgspec.structs.replace(record, engine=PRESUMED_ENGINES[own.engine])
    return msgspec.structs.replace(record, own=own, folder=own.folder, unfit=unfit)


def _matching(files: tuple[str, ...], patterns: tuple[str, ...]) -> list[str]:
    return [file for file in files if any(fnmatchcase(file, pattern) for pattern in patterns)]


def _is_adapter(facts: CheckpointFacts) -> bool:
    """Return whether a checkpoint is what was trained on top of another, without that one."""
    return "adapter_config.json" in facts.files and not facts.has("model*.safetensors", "pytorch_model*.bin")


def _why_unknown(facts: CheckpointFacts) -> str:
    """Return why no family fits."""
    if _is_adapter(facts):
        return "it is an adapter (LoRA) for another model, and has to be merged into that first"
    if facts.config:
        return f"it is of the architecture {architecture_name(facts.config)}, which no engine here runs"
    if facts.has("*.gguf", "*.ggml", "ggml-*.bin"):
        return "its weights are for llama.cpp or whisper.cpp, which no engine here is"
    if not facts.files:
        return "there are no files"
    return f"it has no {CONFIG} that says what it is, and no files of a kind that is known"


# Whisper...


def _lacks_of_transformers(facts: CheckpointFacts, _own: OwnModel) -> str:
    """Return what transformers would miss."""
    if not facts.has(*WEIGHTS):
        return "its weights are neither in safetensors nor in pytorch_model.bin"
    return ""


def _lacks_of_whisper(facts: CheckpointFacts, own: OwnModel) -> str:
    if "tokenizer.json" not in facts.files and not {"vocab.json", "merges.txt"} <= set(facts.files):
        return "its tokenizer is missing: copy tokenizer.json from the Whisper that it was made of"
    if not {"preprocessor_config.json", "processor_config.json"} & set(facts.files):
        return "preprocessor_config.json is missing: copy that of the Whisper that it was made of"
    return _lacks_of_transformers(facts, own)


def _lacks_of_faster_whisper(facts: CheckpointFacts, _own: OwnModel) -> str:
    if "tokenizer.json" not in facts.files:
        return "tokenizer.json is missing: copy that of the Whisper that it was converted from"
    if facts.config and not CTRANSLATE2_KEYS & set(facts.config):
        return "what was converted is no Whisper"
    return ""


def _transcribes(name: str, own: OwnModel, engine: Adapter) -> ModelRecord:
    fast = engine is whisper.FASTER_WHISPER
    return ModelRecord(
        name=name,
        display=name,
        engine=engine,
        repo=own.repo,
        licence=own.licence,
        kinds=("transcription",),
        files=(*whisper.FASTER_WHISPER_FILES, "preprocessor_config.json") if fast else OWN_WHISPER_FILES,
        fallback_files=() if fast else transformers.FALLBACK_FILES,
        languages=whisper.WHISPER_LANGUAGES,
        sample_rate=16_000,
        requires=("cpu", "cuda") if fast else TORCH_DEVICES,
    )


OWN_WHISPER_FILES = (
    *whisper.WHISPER_FILES,
    "processor_config.json",
    "model-*.safetensors",
    "model.safetensors.index.json",
)


def _whisper_record(name: str, own: OwnModel, facts: CheckpointFacts) -> ModelRecord:
    record = _transcribes(name, own, whisper.WHISPER)
    english = facts.config.get("vocab_size") == ENGLISH_TOKENS
    return msgspec.structs.replace(record, languages=("en",)) if english else record


def _faster_whisper_record(name: str, own: OwnModel, facts: CheckpointFacts) -> ModelRecord:
    record = _transcribes(name, own, whisper.FASTER_WHISPER)
    return msgspec.structs.replace(record, languages=("en",)) if _converted_english(facts.config) else record


def _converted_english(config: Mapping[str, Any]) -> bool:
    """Return whether a Whisper converted for CTranslate2 knows English only, by the tokens that it is to
    suppress at first, or by those of languages: the converter writes no size of the vocabulary.
    """
    suppressed, languages = config.get("suppress_ids_begin"), config.get("lang_ids")
    if isinstance(suppressed, list) and ENGLISH_END in suppressed:
        return True
    return isinstance(languages, list) and languages[-1:] == [ENGLISH_LAST_LANGUAGE]


# Those that speak...


def _piper_graphs(facts: CheckpointFacts) -> list[str]:
    """Return the graphs of Piper's voices: each has a description beside it."""
    return [file for file in facts.files if file.endswith(".onnx") and f"{file}.json" in facts.files]


def _lacks_of_piper(facts: CheckpointFacts, own: OwnModel) -> str:
    graphs = _piper_graphs(facts)
    names = [graph.rpartition("/")[2].removesuffix(".onnx") for graph in graphs]
    if own.voice and own.voice not in names:
        return f"it has no voice `{own.voice}`; its voices: {', '.join(names[:MOST_VOICES])}"
    if own.repo and own.files == SAFE_FILES and not own.voice and len(graphs) > MOST_VOICES:
        return f"it has {len(graphs)} voices: say which by `voice`, such as `voice: {names[0]}`"
    return ""


def _piper_record(name: str, own: OwnModel, facts: CheckpointFacts) -> ModelRecord:
    """Return a record with the files of the voice that is meant, wherever they lie, or of all."""
    record = piper.own_voice(name, own)
    if not own.voice or own.files != SAFE_FILES:
        return record
    graph = next(graph for graph in _piper_graphs(facts) if graph.endswith(f"{own.voice}.onnx"))
    card = f"{graph.rpartition('/')[0]}/MODEL_CARD".removeprefix("/")
    files = [graph, f"{graph}.json", *([card] if card in facts.files else [])]
    return msgspec.structs.replace(record, files=tuple(files))


def _kokoro_record(_name: str, _own: OwnModel, facts: CheckpointFacts) -> ModelRecord:
    return msgspec.structs.replace(
        kokoro.KOKORO, files=(CONFIG, _weights(facts), "voices/*.pt"), substitute="", size_bytes=0
    )


def _kokoro_graph_record(_name: str, _own: OwnModel, facts: CheckpointFacts) -> ModelRecord:
    graphs = _matching(facts.files, ("*.onnx",))
    graph = next((file for file in PRECISE_GRAPHS if file in graphs), graphs[0])
    files = ("*.json", graph, *KOKORO_VOICES)
    return msgspec.structs.replace(
        kokoro.KOKORO_GRAPHS[0], files=files, packaged=None, options={}, size_bytes=0
    )


def _weights(facts: CheckpointFacts) -> str:
    """Return the file of a Kokoro's weights; empty where it is not to be told among several."""
    files = [file for file in facts.files if file.endswith(".pth") and "/" not in file]
    return KOKORO_WEIGHTS if KOKORO_WEIGHTS in files else files[0] if len(files) == 1 else ""


def _lacks_of_kokoro(facts: CheckpointFacts, _own: OwnModel) -> str:
    if not _weights(facts):
        return f"its weights should be the only .pth in its folder, or named {KOKORO_WEIGHTS}"
    return "" if facts.has("voices/*.pt") else "it has no voices: voices/*.pt"


def _transformers_record(name: str, own: OwnModel, facts: CheckpointFacts) -> ModelRecord:
    architecture = find_architecture(facts.config)
    kind: Kind = architecture.kind if architecture else "speech"
    return transformers.own_record(name, msgspec.structs.replace(own, kind=kind), facts.config)


FAMILIES = (
    Family(
        "piper", "a voice of Piper", lambda facts: bool(_piper_graphs(facts)), _lacks_of_piper, _piper_record
    ),
    *LIBRARY_FAMILIES,
    Family(
        "kokoro",
        "a Kokoro",
        lambda facts: "istftnet" in facts.config and facts.has("*.pth"),
        _lacks_of_kokoro,
        _kokoro_record,
    ),
    *mlx.MLX_FAMILIES,
    Family(
        "whisper",
        "a Whisper in the layout of transformers",
        lambda facts: (
            facts.config.get("model_type") == "whisper" and facts.has("*.safetensors", "pytorch_model*")
        ),
        _lacks_of_whisper,
        _whisper_record,
    ),
    Family(
        "faster-whisper",
        "a model converted for CTranslate2",
        lambda facts: "model.bin" in facts.files and facts.has("vocabulary.*", "shared_vocabulary.*"),
        _lacks_of_faster_whisper,
        _faster_whisper_record,
    ),
    Family(
        "kokoro-onnx",
        "a Kokoro for onnxruntime",
        lambda facts: facts.has("*.onnx") and facts.has(*KOKORO_VOICES),
        lambda _facts, _own: "",
        _kokoro_graph_record,
    ),
    Family(
        "transformers",
        "a model of transformers",
        lambda facts: find_architecture(facts.config) is not None,
        _lacks_of_transformers,
        _transformers_record,
    ),
)
"""in the order in which they are tried"""
PRESUMED_ENGINES: Mapping[str, Adapter] = {
    "whisper": whisper.WHISPER,
    "faster-whisper": whisper.FASTER_WHISPER,
    "kokoro": kokoro.KOKORO_ENGINE,
    "kokoro-onnx": kokoro.KOKORO_ONNX,
    "pocket-tts": POCKET,
    "voxcpm": VOXCPM,
    **{engine: record.engine for engine, _, record in own_models()},
    "chatterbox": chatterbox.CHATTERBOX,
    "chatterbox-turbo": chatterbox.CHATTERBOX_TURBO,
    "tada": tada.TADA,
    "luxtts": luxtts.LUXTTS_ENGINE,
    "omnivoice": omnivoice.OMNIVOICE_ENGINE,
    "mlx": mlx.MLX_MODELS[0].engine,
}
