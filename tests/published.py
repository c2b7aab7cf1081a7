"""Tiny checkpoints, put on a hub as their makers publish the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engines.models.known import find

if TYPE_CHECKING:  # pytest loads it
    from hub import Hub

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


def pocket(hub: Hub) -> None:
    """Publish pocket-tts-english: the weights that clone in a gated repository, voices and tokenizer in two commits of an open one."""
    from tiny_pocket import folder

    record = find("pocket-tts-english")
    tokenizer, voices = record.also
    at, files = "languages/english/", {path: (folder() / path).read_bytes() for path in ("model.safetensors", "config.yaml")}
    hub.tokens.add(TOKEN)
    hub.publish(record.repo, {at + path: data for path, data in files.items()}, record.revision, admitted={TOKEN})
    hub.publish(tokenizer.repo, {at + "tokenizer.json": (folder() / "tokenizer.json").read_bytes()}, tokenizer.revision)
    embeddings = {f"{at}embeddings/{file.name}": file.read_bytes() for file in (folder() / "embeddings").iterdir()}
    hub.publish(voices.repo, embeddings, voices.revision)
