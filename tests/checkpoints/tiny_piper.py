"""Voices of Piper in the published layout, made in milliseconds: a graph with the inputs, the outputs, the random
nodes and the rounding of durations that the real ones have, in which a speaker is a tone and not a voice.

ONNX is protobuf, whose fields are written here as https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engines.toolkit.protobuf import write_field, write_number

HOP = 256
"""samples in a frame"""
FRAMES = 3.5
"""of each phoneme, before they are rounded up"""
IDS = {"_": [0], "^": [1], "$": [2], " ": [3]}
LETTERS = "!'(),-.:;?abcdefghijklmnopqrstuvwxyzæçðøħŋœɐɑɒɔɕəɚɛɜɟɡɪɲɹɾʁʃʊʌʎʒʔʝˈˌːβθχᵻ\u0303\u0327äöüß"
FLOAT, INTEGER = 1, 7
"""ONNX's numbers for the types of tensors"""


def write_voice(
    folder: Path,
    key: str,
    speakers: Mapping[str, int] | None = None,
    rate: int = 22_050,
    hertz: Sequence[float] = (220.0,),
    **config: Any,
) -> Path:
    """Write the two files of a voice, and return the graph's; `hertz` are the tones of its speakers."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = folder / f"{key}.onnx"
    graph.write_bytes(make_graph(hertz, rate))
    described = {
        "audio": {"sample_rate": rate},
        "espeak": {"voice": "de"},
        "inference": {"noise_scale": 0.3, "length_scale": 1, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_map": {},
        "phoneme_id_map": IDS | {letter: [number] for number, letter in enumerate(LETTERS, 4)},
        "num_speakers": len(hertz),
        "speaker_id_map": dict(speakers or {}),
        "language": {"code": key.partition("-")[0]},
    }
    (folder / f"{key}.onnx.json").write_text(json.dumps(described | config), "utf-8")
    return graph


def make_graph(hertz: Sequence[float], rate: int) -> bytes:
    """Return a serialised graph: durations of each id, and a tone with noise as long as they are."""
    several = len(hertz) > 1
    radians = [2 * 3.141592653589793 * one / rate for one in hertz]
    nodes = (
        *(_constant(name, number) for name, number in (("0", 0), ("1", 1), ("2", 2), ("hop", HOP))),
        _floats("tones", radians),
        _floats("frames", [FRAMES]),
        _floats("loud", [0.2]),
        _integers("everything", [1, 1, 1, -1]),
        _node("Gather", ("scales", "0"), "noise_scale"),
        _node("Gather", ("scales", "1"), "length_scale"),
        _node("Gather", ("scales", "2"), "noise_w"),
        _node("Cast", ("input",), "ids", _number("to", FLOAT)),
        _node("RandomNormalLike", ("ids",), "more"),
        _node("Mul", ("more", "noise_w"), "variation"),
        _node("Add", ("variation", "frames"), "logs"),
        _node("Abs", ("logs",), "positive"),
        _node("Mul", ("positive", "length_scale"), "scaled"),
        _node("Ceil", ("scaled",), "durations"),
        _node("ReduceSum", ("durations",), "total", _number("keepdims", 0)),
        _node("Cast", ("total",), "count", _number("to", INTEGER)),
        _node("Mul", ("count", "hop"), "samples"),
        _node("Range", ("0", "samples", "1"), "places"),
        _node("Cast", ("places",), "times", _number("to", FLOAT)),
        _node("Gather", ("tones", "sid" if several else "0"), "radians"),
        _node("Mul", ("times", "radians"), "phase"),
        _node("Sin", ("phase",), "tone"),
        _node("RandomNormalLike", ("tone",), "hiss"),
        _node("Mul", ("hiss", "noise_scale"), "noise"),
        _node("Add", ("tone", "noise"), "sum"),
        _node("Mul", ("sum", "loud"), "quiet"),
        _node("Reshape", ("quiet", "everything"), "output"),
    )
    inputs = [("input", INTEGER, 2), ("input_lengths", INTEGER, 1), ("scales", FLOAT, 1)]
    graph = (
        *nodes,
        write_field(2, b"tiny"),
        *(write_field(11, _value(*one)) for one in (*inputs, *([("sid", INTEGER, 1)] if several else []))),
        write_field(12, _value("output", FLOAT, 4)),
    )
    return write_number(1, 8) + write_field(7, b"".join(graph)) + write_field(8, write_number(2, 15))


def _node(kind: str, inputs: Sequence[str], output: str, *attributes: bytes) -> bytes:
    parts = (
        *(write_field(1, name.encode()) for name in inputs),
        write_field(2, output.encode()),
        write_field(4, kind.encode()),
        *attributes,
    )
    return write_field(1, b"".join(parts))


def _number(name: str, value: int) -> bytes:
    return write_field(5, write_field(1, name.encode()) + write_number(3, value) + write_number(20, 2))


def _constant(name: str, value: int) -> bytes:
    return _node("Constant", (), name, _number("value_int", value))


def _floats(name: str, values: Sequence[float]) -> bytes:
    packed = write_field(7, struct.pack(f"<{len(values)}f", *values))
    attribute = write_field(1, b"value_floats") + packed + write_number(20, 6)
    return _node("Constant", (), name, write_field(5, attribute))


def _integers(name: str, values: Sequence[int]) -> bytes:
    packed = b"".join(write_number(8, value % 2**64) for value in values)
    attribute = write_field(1, b"value_ints") + packed + write_number(20, 7)
    return _node("Constant", (), name, write_field(5, attribute))


def _value(name: str, element: int, rank: int) -> bytes:
    dimensions = b"".join(
        write_field(1, write_field(2, f"{name}_{number}".encode())) for number in range(rank)
    )
    tensor = write_number(1, element) + write_field(2, dimensions)
    return write_field(1, name.encode()) + write_field(2, write_field(1, tensor))
