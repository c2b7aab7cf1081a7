"""Tiny checkpoints, published on a test hub in the files of the real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from engines.catalogue.models import find_model

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

TOKEN = "hf_token"
"""a token that may read the gated repository"""


def publish_whisper(hub: FakeHub, folder: Path) -> None:
    """Publish whisper-tiny, and the same converted as faster-whisper-tiny."""
    from tiny_whisper import convert_to_ctranslate2, make_whisper

    make_whisper(folder / "whisper")
    convert_to_ctranslate2(folder / "whisper", folder / "faster")
    (folder / "faster" / "preprocessor_config.json").unlink()  # as in the models of that age
    hub.publish(find_model("whisper-tiny").repo, folder / "whisper")
    hub.publish(find_model("faster-whisper-tiny").repo, folder / "faster")


def publish_kokoro(hub: FakeHub) -> None:
    """Publish kokoro."""
    from tiny_kokoro import folder

    hub.publish(find_model("kokoro").repo, folder(real=True))


def publish_voxcpm(hub: FakeHub) -> None:
    """Publish voxcpm2."""
    from tiny_voxcpm import folder

    hub.publish(find_model("voxcpm2").repo, folder())


def publish_chatterbox(hub: FakeHub) -> None:
    """Publish chatterbox and chatterbox-turbo, which are small where `shrunk_chatterbox` says so."""
    from tiny_chatterbox import folder

    for name in ("chatterbox", "chatterbox-turbo"):
        hub.publish(find_model(name).repo, folder(name))


def publish_qwen3_tts(hub: FakeHub, *names: str) -> None:
    """Publish models of Qwen3-TTS."""
    from qwen3_checkpoints import made_checkpoints

    kinds = {"qwen3-tts": "base", "qwen3-tts-custom": "custom_voice", "qwen3-tts-design": "voice_design"}
    shapes = [
        {
            "name": name,
            "kind": kinds[find_model(name).engine.name],
            "size": "0b6" if "0.6b" in name else "1b7",
        }
        for name in names
    ]
    made = made_checkpoints(*shapes)
    for name in names:
        hub.publish(find_model(name).repo, made / name)


def publish_tada(hub: FakeHub) -> None:
    """Publish tada-1b in its four repositories."""
    from made_checkpoints import made_checkpoint

    folder = made_checkpoint("legacy457", "tiny_tada.py", {})
    parts = ("model", "codec", "tokenizer", "wav2vec")
    for source, part in zip(find_model("tada-1b").sources, parts, strict=True):
        hub.publish(source.repo, folder / part)


def publish_luxtts(hub: FakeHub) -> None:
    """Publish luxtts."""
    from made_checkpoints import made_checkpoint

    hub.publish(find_model("luxtts").repo, made_checkpoint("legacy457", "tiny_luxtts.py", {}))


def publish_transformers(hub: FakeHub, folder: Path) -> None:
    """Publish models that transformers itself runs: mms-tts-eng, wav2vec2-base-960h, moonshine-tiny, and
    somebody's VITS.
    """
    import tiny_transformers

    hub.publish(find_model("mms-tts-eng").repo, _speak_fast(tiny_transformers.vits(folder / "mms")))
    hub.publish(find_model("wav2vec2-base-960h").repo, tiny_transformers.ctc(folder / "ctc"))
    hub.publish(find_model("moonshine-tiny").repo, tiny_transformers.moonshine(folder / "moonshine"))
    hub.publish("somebody/voices", _speak_fast(tiny_transformers.vits(folder / "own", speakers=3)))


def publish_vibevoice(hub: FakeHub, folder: Path) -> None:
    """Publish vibevoice-1.5b, whose speech always lasts two seconds: one that does not end by itself is
    stopped.
    """
    import tiny_vibevoice

    frames = 2 * tiny_vibevoice.RATE // tiny_vibevoice.HOP_LENGTH
    hub.publish(
        find_model("vibevoice-1.5b").repo, tiny_vibevoice.make_vibevoice(folder / "vibevoice", frames=frames)
    )


def _speak_fast(folder: Path) -> Path:
    """Set the speaking rate of a VITS of random weights, whose phonemes last for seconds, to a person's."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"speaking_rate": 10.0}))
    return folder


def publish_pocket(hub: FakeHub) -> None:
    """Publish pocket-tts-english: the weights that clone in a gated repository, voices and tokenizer in two
    commits of an open one.
    """
    from tiny_pocket import folder

    record = find_model("pocket-tts-english")
    tokenizer, voices = record.extra_sources
    prefix = "languages/english/"
    files = {path: (folder() / path).read_bytes() for path in ("model.safetensors", "config.yaml")}
    hub.publish(
        record.repo, {prefix + path: data for path, data in files.items()}, record.revision, admitted={TOKEN}
    )
    hub.publish(
        tokenizer.repo,
        {prefix + "tokenizer.json": (folder() / "tokenizer.json").read_bytes()},
        tokenizer.revision,
    )
    embeddings = {
        f"{prefix}embeddings/{file.name}": file.read_bytes() for file in (folder() / "embeddings").iterdir()
    }
    hub.publish(voices.repo, embeddings, voices.revision)
