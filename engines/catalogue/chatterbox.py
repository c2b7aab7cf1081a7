"""The records of Chatterbox: the multilingual model, and Turbo."""

from __future__ import annotations

from collections.abc import Iterable

from engines.catalogue.records import Adapter, Device, ModelRecord

PACKAGES = (
    "torch",
    "torchaudio",
    "transformers",
    "diffusers",
    "librosa",
    "soundfile",
    "einops",
    "conformer",
    "omegaconf",
    "pyloudnorm",
    "s3tokenizer",
    "perth",
    "chatterbox",
)
CHATTERBOX = Adapter(
    name="chatterbox",
    import_path="engines.adapters.chatterbox.engine:Chatterbox",
    packages=PACKAGES,
    rank=22,
    voices="engines.adapters.chatterbox.voice_files:read_voices",
    request_options="engines.adapters.chatterbox.request_options:MULTILINGUAL",
)
CHATTERBOX_TURBO = Adapter(
    name="chatterbox-turbo",
    import_path="engines.adapters.chatterbox.engine:ChatterboxTurbo",
    packages=PACKAGES,
    rank=24,
    voices="engines.adapters.chatterbox.voice_files:read_turbo_voices",
    request_options="engines.adapters.chatterbox.request_options:TURBO",
)

CHATTERBOX_DEVICES: tuple[Device, ...] = ("cpu", "cuda", "mps")
CHATTERBOX_CODES = "en ar da de el es fi fr he hi it ja ko ms nl no pl pt ru sv sw tr zh"

# Sizes are approximate, from the networks' sizes in float32, and serve for choosing; a pull asks the hub.

CHATTERBOX_MULTILINGUAL = ModelRecord(
    name="chatterbox",
    display="Chatterbox Multilingual",
    engine=CHATTERBOX,
    repo="ResembleAI/chatterbox",
    licence="MIT",
    kinds=("speech",),
    files=(
        "ve.pt",
        "t3_mtl23ls_v2.safetensors",
        "s3gen.pt",
        "grapheme_mtl_merged_expanded_v1.json",
        "conds.pt",
        "Cangjie5_TC.json",
    ),
    size_bytes=3_210_000_000,
    languages=tuple(CHATTERBOX_CODES.split()),
    voice_types=("preset", "cloned"),
    requires=CHATTERBOX_DEVICES,
)
CHATTERBOX_TURBO_MODEL = ModelRecord(
    name="chatterbox-turbo",
    display="Chatterbox Turbo",
    engine=CHATTERBOX_TURBO,
    repo="ResembleAI/chatterbox-turbo",
    licence="MIT",
    kinds=("speech",),
    files=(
        "ve.safetensors",
        "t3_turbo_v1.safetensors",
        "s3gen_meanflow.safetensors",
        "conds.pt",
        "vocab.json",
        "merges.txt",
        "added_tokens.json",
        "special_tokens_map.json",
        "tokenizer_config.json",
    ),
    size_bytes=3_000_000_000,
    languages=("en",),
    voice_types=("preset", "cloned"),
    requires=CHATTERBOX_DEVICES,
)
CHATTERBOX_MODELS = (CHATTERBOX_TURBO_MODEL, CHATTERBOX_MULTILINGUAL)
OPTIONAL_FILES = ("conds.pt", "added_tokens.json", "special_tokens_map.json")
"""that a model loads without: its own voice, and what tokenizer_config.json says too"""


def network_file(record: ModelRecord) -> str:
    """Return the file that tells which of the two models a checkpoint is: that of its first network."""
    return next(file for file in record.files if file.startswith("t3_"))


def missing_file(record: ModelRecord, files: Iterable[str]) -> str:
    """Return which file a checkpoint lacks, in words that go on "It is a …, but "; empty where none is."""
    missing = [file for file in record.files if file not in (*files, *OPTIONAL_FILES)]
    return f"{missing[0]} is missing: copy that of the model that it was made of" if missing else ""
