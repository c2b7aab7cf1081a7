"""The record of VoxCPM2."""

from __future__ import annotations

from engines.catalogue.records import TOKENIZER_FILES, Adapter, ModelRecord

VOXCPM = Adapter(
    name="voxcpm",
    import_path="engines.adapters.voxcpm.engine:VoxCPM",
    packages=("torch", "transformers", "einops", "voxcpm"),
    rank=20,
    voices="engines.adapters.voxcpm.voice_files:read_voices",
    request_options="engines.adapters.voxcpm.request_options:OPTIONS",
)

VOXCPM_CODES = "en zh ar my da nl fi fr de el he hi id it ja km ko lo ms no pl pt ru es sw sv tl th tr vi"
VOXCPM_LANGUAGES = tuple(VOXCPM_CODES.split())
VOXCPM2 = ModelRecord(
    name="voxcpm2",
    display="VoxCPM2",
    engine=VOXCPM,
    repo="openbmb/VoxCPM2",
    licence="Apache-2.0",
    kinds=("speech",),
    files=("config.json", "model.safetensors", "audiovae.safetensors", "audiovae.pth", *TOKENIZER_FILES),
    size_bytes=4_960_000_000,
    languages=VOXCPM_LANGUAGES,
    sample_rate=48_000,
    voice_types=("preset", "cloned", "designed"),
    streaming=True,
    instruct=True,
    requires=("cpu", "cuda", "mps"),
    tier="experimental",
)
