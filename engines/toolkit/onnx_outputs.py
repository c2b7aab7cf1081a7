"""Make outputs of tensors inside an ONNX graph, without the package onnx.

A graph is a protobuf message, and messages of which the bytes are joined are merged by whoever reads them, so
a few bytes behind the file's own make an output of any tensor in it
(https://protobuf.dev/programming-guides/encoding/#last-one-wins).
"""

from __future__ import annotations

GRAPH_FIELD = 7
"""of ModelProto; this and the next two as of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto"""
OUTPUT_FIELD = 12
"""of GraphProto"""
NAME_FIELD = 1
"""of ValueInfoProto"""
LENGTH_DELIMITED = 2
"""protobuf's type of a field that holds bytes"""


def add_output(model: bytes, tensor: str) -> bytes:
    """Return an ONNX model, serialised, that has a tensor of its graph as a further output, the last."""
    output = _field(OUTPUT_FIELD, _field(NAME_FIELD, tensor.encode()))
    return model + _field(GRAPH_FIELD, output)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message that holds bytes."""
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, lowest first, the top bit where more come."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
