"""Look into ONNX graphs and make outputs of their tensors, without the package onnx.

A graph is a protobuf message, and messages of which the bytes are joined are merged by whoever reads them, so
a few bytes behind the file's own make an output of any tensor in it
(https://protobuf.dev/programming-guides/encoding/#last-one-wins).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engines.toolkit.protobuf import Field, read_fields, write_field

GRAPH_FIELD = 7
"""of ModelProto; this and the others as of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto"""
NODE_FIELD = 1
OUTPUT_FIELD = 12
"""of GraphProto, as the one before"""
NAME_FIELD = 1
"""of ValueInfoProto"""
NODE_INPUT_FIELD = 1
NODE_OUTPUT_FIELD = 2
NODE_TYPE_FIELD = 4
"""of NodeProto, as the two before"""


class Node(msgspec.Struct, frozen=True):
    """A node of a graph."""

    kind: str
    inputs: tuple[str, ...]
    """the names of tensors, as `outputs` are"""
    outputs: tuple[str, ...]


def add_output(model: bytes, tensor: str) -> bytes:
    """Return an ONNX model, serialised, that has a tensor of its graph as a further output, the last."""
    return model + output_field(tensor)


def output_field(tensor: str) -> bytes:
    """Return what makes a tensor an output where it stands behind a model."""
    output = write_field(OUTPUT_FIELD, write_field(NAME_FIELD, tensor.encode()))
    return write_field(GRAPH_FIELD, output)


def nodes(model: memoryview) -> Iterator[Node]:
    """Yield the nodes of a serialised model. Raises ValueError for what is none."""
    for graph in read_fields(model):
        if graph.number == GRAPH_FIELD:
            yield from (read_node(one) for one in read_fields(graph.content) if one.number == NODE_FIELD)


def read_node(field: Field) -> Node:
    """Return the node that a graph's field holds."""
    parts = [(part.number, bytes(part.content)) for part in read_fields(field.content)]

    def texts(wanted: int) -> tuple[str, ...]:
        return tuple(content.decode() for number, content in parts if number == wanted)

    return Node("".join(texts(NODE_TYPE_FIELD)), texts(NODE_INPUT_FIELD), texts(NODE_OUTPUT_FIELD))
