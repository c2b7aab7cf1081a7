"""Records of Pocket TTS, a model for each language."""

from __future__ import annotations

from engines.catalogue.records import Adapter, ModelRecord, Source

POCKET = Adapter(
    name="pocket-tts",
    import_path="engines.adapters.pocket.engine:Pocket",
    packages=("torch", "pocket_tts"),
    rank=40,
    voices="engines.adapters.pocket.voice_files:read_voices",
    request_options="engines.adapters.pocket.request_options:OPTIONS",
)

POCKET_CLONING = "kyutai/pocket-tts"
POCKET_PRESETS = "kyutai/pocket-tts-without-voice-cloning"
PocketCommits = tuple[str, str, str]
"""commits of the weights that clone, of those that do not, and of the tokenizer, as pocket-tts 4.0.1 names
them: it works with no others
"""
POCKET_ENGLISH: PocketCommits = (
    "db04f0e653473e5c7333c69686ac92b7460b0c1d",
    "a7056f505a4a8ca72d8b5fb1440071d6f1a35739",
    "00eac05ed3d16bdc3f6b5d598874019c34a89214",
)
POCKET_OTHERS: PocketCommits = (
    "3e82814a68665eec246ff649b14c71331f955c06",
    "1e08e6a23401048648a9fdcfde2f89348215c2a7",
    "4e1e0a3e611c51c0b4ed8174fc10f32a54644303",
)
POCKET_FRENCH: PocketCommits = (*POCKET_OTHERS[:2], "8843db76457a91db32077edf8dfcd1c0e3e755fd")
POCKET_VOICES = POCKET_ENGLISH[1]
"""the commit of the preset voices of all languages"""

# Sizes are approximate, from memory of what the hub listed, and serve for choosing; a pull asks the hub.


def _pocket(language: str, tag: str, commits: PocketCommits, *, cloning: bool) -> ModelRecord:
    """Return the record of a Pocket TTS; the preset voices and the tokenizer lie in the repository of the
    weights that do not clone.
    """
    folder = f"languages/{language}"
    return ModelRecord(
        name=f"pocket-tts-{language}" if cloning else f"pocket-tts-{language}-presets",
        display=f"Pocket TTS, {language.title()}{'' if cloning else ', without cloning'}",
        engine=POCKET,
        repo=POCKET_CLONING if cloning else POCKET_PRESETS,
        revision=commits[0] if cloning else commits[1],
        licence="CC-BY-4.0",
        kinds=("speech",),
        files=(f"{folder}/model.safetensors", f"{folder}/config.yaml"),
        extra_sources=(
            Source(POCKET_PRESETS, commits[2], (f"{folder}/tokenizer.json",)),
            Source(POCKET_PRESETS, POCKET_VOICES, (f"{folder}/embeddings/*.safetensors",)),
        ),
        options={"language": language},
        languages=(tag,),
        voice_types=("preset", "cloned") if cloning else ("preset",),
        rank=2 * (language == "english") + cloning,
        streaming=True,
        gated=cloning,
    )


POCKET_MODELS = tuple(
    _pocket(language, tag, commits, cloning=cloning)
    for language, tag, commits in (
        ("english", "en", POCKET_ENGLISH),
        ("french", "fr", POCKET_FRENCH),
        ("german", "de", POCKET_OTHERS),
        ("portuguese", "pt", POCKET_OTHERS),
        ("italian", "it", POCKET_OTHERS),
        ("spanish", "es", POCKET_OTHERS),
        ("dutch", "nl", POCKET_OTHERS),
    )
    for cloning in (True, False)
)
