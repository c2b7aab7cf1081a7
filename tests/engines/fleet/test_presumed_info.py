"""Tests of what is known of models before they have ever run: from their records and their files."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from servers import TIMEOUT

from engines.api import EngineInfo
from engines.catalogue.models import MODELS, find_model
from engines.catalogue.records import ModelRecord
from engines.fleet.presumed_info import presumed_info

HEAVY = ("torch", "transformers", "onnxruntime", "hibari", "numpy", "safetensors", "espeakng_loader")


def presumed(name: str, folder: Path, **options: Any) -> EngineInfo:
    """Return what is presumed of a model of the catalogue in a folder."""
    record = find_model(name)
    return presumed_info(record, [folder], {"path": str(folder), **record.options, **options})


def touch(folder: Path, *names: str) -> None:
    """Make empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def voice_ids(info: EngineInfo) -> list[str]:
    """Return the ids of the voices."""
    return [voice.id for voice in info.voices]


def test_every_speaking_engine_says_how_its_voices_are_read() -> None:
    """Each engine of the catalogue that has presets names a function, and importing all of them loads none of the engines'
    libraries: the gateway calls them.
    """
    readers = {record.engine.voices for record in MODELS if "preset" in record.voice_types}
    assert all(readers)
    modules = sorted(reader.partition(":")[0] for reader in readers)
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=TIMEOUT, check=True
    )

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("record", MODELS, ids=lambda record: record.name)
def test_every_model_can_be_presumed(record: ModelRecord, tmp_path: Path) -> None:
    """Of each model its name, its kind and its languages are known, even where its files cannot be read."""
    info = presumed_info(record, [tmp_path], dict(record.options))

    assert info.models[0] == info.name == record.name
    assert (info.speech is not None, info.transcription is not None) == (
        "speech" in record.kinds,
        "transcription" in record.kinds,
    )
    types = record.voice_types
    assert (info.speech is not None and info.speech.cloning is not None) == ("cloned" in types)
    assert (info.speech is not None and info.speech.design) == ("designed" in types)
    assert not {"cloning", "designs", "batch"} & set(
        ModelRecord.__struct_fields__
    )  # said by the types, or the engine
    if info.transcription:
        assert len(info.transcription.languages) == len({*record.languages})


def test_kokoro(tmp_path: Path) -> None:
    """Kokoro's voices are its files' names, in both layouts, with their languages; the default is the first."""
    touch(tmp_path / "torch", "voices/jf_alpha.pt", "voices/af_heart.pt", "voices/notes.pt")
    touch(tmp_path / "graph", "voices/bf_emma.bin")
    with zipfile.ZipFile(tmp_path / "graph" / "voices_ja.npz", "w") as archive:
        archive.writestr("jm_kumo.npy", b"")
    torch, graph = presumed("kokoro", tmp_path / "torch"), presumed("kokoro-int8", tmp_path / "graph")

    assert voice_ids(torch) == ["af_heart", "jf_alpha"]
    assert voice_ids(graph) == ["bf_emma", "jm_kumo"]
    assert torch.speech and set(torch.speech.languages) == {"en-US", "en", "ja"}
    assert graph.models == ("kokoro-int8", "kokoro")
    assert torch.characters["marin"] == "af_heart"


def test_the_real_int8_graph() -> None:
    """What is presumed of Kokoro's wheels is what it says once it runs: voices, and the languages that these are of."""
    kokoro = pytest.importorskip("kokoro_in_process")
    info = presumed("kokoro-int8", kokoro.folder())
    _, said = kokoro.loaded()

    assert voice_ids(info) == ["jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"]
    assert info.speech and info.speech.languages == ("ja",)
    assert voice_ids(said) == voice_ids(info)


def test_the_real_piper_voice() -> None:
    """What is presumed of a real Piper voice is what it says once it runs: voices, languages, OpenAI's names."""
    piper = pytest.importorskip("piper_in_process")
    info, (_, said) = presumed(f"piper-{piper.JOE}", piper.folder()), piper.loaded()

    assert info.voices == said.voices
    assert info.characters == said.characters
    assert info.speech and info.speech.languages == said.speech.languages


def test_pocket(tmp_path: Path) -> None:
    """Pocket TTS's presets are its files' names, in the language of the model, and it clones where its record says so."""
    touch(tmp_path, *(f"languages/german/embeddings/{name}.safetensors" for name in ("alba", "juergen")))
    info = presumed("pocket-tts-german", tmp_path)

    assert voice_ids(info) == ["juergen", "alba"]
    assert info.speech and info.speech.languages == ("de",)
    assert info.speech.cloning


@pytest.mark.parametrize(
    ("model", "config", "files", "voices"),
    [
        ("vits-vctk", {"model_type": "vits", "num_speakers": 3}, (), ["speaker-0", "speaker-1", "speaker-2"]),
        ("mms-tts-deu", {"model_type": "vits"}, (), ["default"]),
        ("csm-1b", {"model_type": "csm"}, (), ["speaker-0", "speaker-1", "speaker-2", "speaker-3"]),
        ("dia-1.6b", {"model_type": "dia"}, (), ["s1", "s2"]),
        (
            "bark-small",
            {"model_type": "bark"},
            ("v2/en_speaker_1_semantic_prompt.npy", "announcer_semantic_prompt.npy"),
            ["v2/en_speaker_1", "announcer", "random"],
        ),
    ],
)
def test_models_of_transformers(
    tmp_path: Path, model: str, config: dict[str, Any], files: tuple[str, ...], voices: list[str]
) -> None:
    """The voices of transformers' models are told by their settings and the files of their voices."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    touch(tmp_path, *(f"speaker_embeddings/{name}" for name in files))

    assert voice_ids(presumed(model, tmp_path)) == voices


def test_the_language_of_a_tokenizer(tmp_path: Path) -> None:
    """A repository of the user's own says its language in its tokenizer's settings."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vits"}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"language": "yor"}))
    info = presumed("mms-tts-eng", tmp_path)

    assert info.voices[0].languages == ("yo",)
