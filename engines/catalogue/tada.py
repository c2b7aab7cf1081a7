"""Records of HumeAI's TADA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engines.catalogue.own import OwnModel
from engines.catalogue.records import TOKENIZER_FILES, Adapter, ModelRecord, Source

TADA = Adapter(
    name="tada",
    import_path="engines.adapters.tada.engine:Tada",
    packages=("torch", "transformers", "tada", "dac", "torchaudio"),
    rank=18,
    group="legacy457",
    request_options="engines.adapters.tada.request_options:OPTIONS",
)

LICENCE = "Llama 3.2 Community License"
CODEC = "HumeAI/tada-codec"
"""its library has this name in its code; the engine loads what was pulled from it by its folder"""
TOKENIZER = Source("unsloth/Llama-3.2-1B", files=TOKENIZER_FILES)
"""the tokenizer of meta-llama/Llama-3.2-1B, which TADA's configuration names, from a repository whose terms
need not be agreed to first
"""
ALIGNERS_SHAPE = Source("facebook/wav2vec2-large", files=("config.json",))
WEIGHTS = ("config.json", "model*.safetensors", "model.safetensors.index.json")
ARCHITECTURE = "TadaForCausalLM"
LARGE = 3072
"""numbers in a state of the language model, from the one on that is multilingual"""
ENGLISH = ("en",)
MULTILINGUAL = ("en", "ar", "zh", "de", "es", "fr", "it", "ja", "pl", "pt")
"""languages that the codec has aligners for: https://github.com/HumeAI/tada, "Multilingual Generation" """

# Sizes are by the numbers of weights of such shapes: nobody here has seen the files. A pull asks the hub.


def _tada(
    name: str, display: str, languages: tuple[str, ...], aligners: str, size_bytes: int, rank: int
) -> ModelRecord:
    """Return the record of a TADA; `aligners` is a pattern of the folders of its codec's aligners."""
    parts = ("encoder", "decoder", aligners)
    codec = tuple(f"{part}/{file}" for part in parts for file in ("*.json", "*.safetensors"))
    return ModelRecord(
        name=name,
        display=display,
        engine=TADA,
        repo=f"HumeAI/{name}",
        licence=LICENCE,
        kinds=("speech",),
        files=WEIGHTS,
        extra_sources=(Source(CODEC, files=codec), TOKENIZER, ALIGNERS_SHAPE),
        options={"languages": " ".join(languages)},
        size_bytes=size_bytes,
        languages=languages,
        voice_types=("cloned",),
        rank=rank,
        requires=("cpu", "cuda", "mps"),
        tier="experimental",
    )


TADA_MODELS = (
    _tada("tada-1b", "TADA 1B, English", ENGLISH, "aligner", 6_500_000_000, 0),
    _tada("tada-3b-ml", "TADA 3B, ten languages", MULTILINGUAL, "aligner*", 19_000_000_000, 1),
)


def is_tada(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a TADA, whose model type is Llama's."""
    return ARCHITECTURE in (config.get("architectures") or ())


def own_model(own: OwnModel, config: Mapping[str, Any]) -> ModelRecord:
    """Return the record of a TADA of one's own: its pull brings codec, tokenizer and the aligners' shape.

    A small one counts as English, of whose codec the other aligners need not be pulled, unless it is said to
    need all of the codec. A folder has to hold them all.
    """
    width = config.get("hidden_size")
    multilingual = bool(own.folder) or CODEC in own.also or (isinstance(width, int) and width >= LARGE)
    record = TADA_MODELS[int(multilingual)]
    return msgspec.structs.replace(record, size_bytes=0, rank=0, options={} if own.folder else record.options)
