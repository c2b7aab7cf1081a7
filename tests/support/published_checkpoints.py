"""Tiny checkpoints, put on a hub as their makers publish the real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from engines.catalogue.models import find

if TYPE_CHECKING:  # pytest loads it
    from hub_server import Hub

TOKEN = "hf_token"
"""what opens the gated one"""


def whisper(hub: Hub, place: Path) -> None:
    """Publish whisper-tiny, and the same converted as faster-whisper-tiny."""
    from tiny_whisper import convert, make

    make(place / "whisper")
    convert(place / "whisper", place / "faster")
    (place / "faster" / "preprocessor_config.json").unlink()  # as in the models of that age
    hub.publish(find("whisper-tiny").repo, place / "whisper")
    hub.publish(find("faster-whisper-tiny").repo, place / "faster")


def kokoro(hub: Hub) -> None:
    """Publish kokoro."""
    from tiny_kokoro import folder

    hub.publish(find("kokoro").repo, folder(real=True))


def voxcpm(hub: Hub) -> None:
    """Publish voxcpm2."""
    from tiny_voxcpm import folder

    hub.publish(find("voxcpm2").repo, folder())


def intree(hub: Hub, place: Path) -> None:
    """Publish models of transformers' own kinds: mms-tts-eng, wav2vec2-base-960h, moonshine-tiny, and
    somebody's VITS.
    """
    import tiny_transformers

    hub.publish(find("mms-tts-eng").repo, _brisk(tiny_transformers.vits(place / "mms")))
    hub.publish(find("wav2vec2-base-960h").repo, tiny_transformers.ctc(place / "ctc"))
    hub.publish(find("moonshine-tiny").repo, tiny_transformers.moonshine(place / "moonshine"))
    hub.publish("somebody/voices", _brisk(tiny_transformers.vits(place / "own", speakers=3)))


def vibevoice(hub: Hub, place: Path) -> None:
    """Publish vibevoice-1.5b, which says everything in two seconds: one that does not end by itself is
    stopped.
    """
    import tiny_vibevoice

    frames = 2 * tiny_vibevoice.RATE // tiny_vibevoice.HOP
    hub.publish(find("vibevoice-1.5b").repo, tiny_vibevoice.vibevoice(place / "vibevoice", frames=frames))


def _brisk(folder: Path) -> Path:
    """Let a VITS of random weights, whose sounds last for seconds, be about as quick as a person."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"speaking_rate": 10.0}))
    return folder


def pocket(hub: Hub) -> None:
    """Publish pocket-tts-english: the weights that clone in a gated repository, voices and tokenizer in two
    commits of an open one.
    """
    from tiny_pocket import folder

    record = find("pocket-tts-english")
    tokenizer, voices = record.also
    at, files = (
        "languages/english/",
        {path: (folder() / path).read_bytes() for path in ("model.safetensors", "config.yaml")},
    )
    hub.publish(
        record.repo, {at + path: data for path, data in files.items()}, record.revision, admitted={TOKEN}
    )
    hub.publish(
        tokenizer.repo,
        {at + "tokenizer.json": (folder() / "tokenizer.json").read_bytes()},
        tokenizer.revision,
    )
    embeddings = {
        f"{at}embeddings/{file.name}": file.read_bytes() for file in (folder() / "embeddings").iterdir()
    }
    hub.publish(voices.repo, embeddings, voices.revision)
