"""Let a Piper graph read its random numbers from inputs, so that a seed decides them.

The graph draws two lots of normally distributed numbers itself, one that varies durations and one that varies
the sound, each in the shape of another tensor. onnxruntime seeds such nodes when it loads a graph and never
again. So each is replaced by nodes that read the numbers from an input, from its beginning again where they
do not suffice, and give them that shape.
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.toolkit.onnx_outputs import (
    GRAPH_FIELD,
    NAME_FIELD,
    NODE_FIELD,
    NODE_INPUT_FIELD,
    NODE_OUTPUT_FIELD,
    NODE_TYPE_FIELD,
    output_field,
    read_node,
)
from engines.toolkit.protobuf import field_head, read_fields, write_field, write_number

RANDOM = "RandomNormalLike"
PREFIX = "noise_"
"""of the inputs' names, behind which a number follows"""
INPUT_FIELD = 11
"""of GraphProto"""
ATTRIBUTE_FIELD = 5
"""of NodeProto"""
ATTRIBUTE_NUMBER_FIELD = 3
ATTRIBUTE_TYPE_FIELD = 20
"""of AttributeProto, as the one before"""
ATTRIBUTE_IS_NUMBER = 2
VALUE_TYPE_FIELD = 2
"""of ValueInfoProto"""
TENSOR_FIELD = 1
"""of TypeProto"""
ELEMENT_FIELD = 1
SHAPE_FIELD = 2
"""of TypeProto.Tensor, as the one before"""
DIMENSION_FIELD = 1
"""of TensorShapeProto"""
DIMENSION_NAME_FIELD = 2
FLOAT = 1


def with_noise_inputs(model: memoryview, outputs: Sequence[str] = ()) -> bytes:
    """Return a serialised model that takes its noise from inputs `noise_0`, `noise_1` …, [any number of
    floats], as many as it has random nodes, and has some tensors as further outputs, the last.

    Raises ValueError for what is no ONNX model.
    """
    pieces: list[bytes | memoryview] = []
    for field in read_fields(model):
        if field.number != GRAPH_FIELD:
            pieces.append(model[field.start : field.end])
            continue
        graph = _rewrite_graph(field.content)
        pieces += [field_head(GRAPH_FIELD, sum(map(len, graph))), *graph]
    return b"".join([*pieces, *map(output_field, outputs)])


def _rewrite_graph(graph: memoryview) -> list[bytes | memoryview]:
    """Return the bytes of a graph in pieces, with nodes that read noise in place of those that draw it."""
    pieces: list[bytes | memoryview] = []
    count = copied = 0
    for field in read_fields(graph):
        if field.number != NODE_FIELD:
            continue
        node = read_node(field)
        if node.kind != RANDOM:
            continue
        name = f"{PREFIX}{count}"
        pieces += [graph[copied : field.start], _reading_nodes(name, node.inputs[0], node.outputs[0])]
        pieces.append(_input(name))
        copied = field.end
        count += 1
    return [*pieces, graph[copied:]]


def _reading_nodes(noise: str, like: str, output: str) -> bytes:
    """Return nodes that make of the floats `noise` a tensor `output` in the shape of the tensor `like`."""

    def inner(part: str) -> str:
        return f"{noise}/{part}"

    return b"".join(
        (
            _node("Shape", (like,), inner("shape")),
            _node("ReduceProd", (inner("shape"),), inner("count"), keepdims=0),
            _node("Constant", (), inner("zero"), value_int=0),
            _node("Constant", (), inner("one"), value_int=1),
            _node("Range", (inner("zero"), inner("count"), inner("one")), inner("places")),
            _node("Size", (noise,), inner("size")),
            _node("Mod", (inner("places"), inner("size")), inner("wrapped")),
            _node("Gather", (noise, inner("wrapped")), inner("flat")),
            _node("Reshape", (inner("flat"), inner("shape")), output),
        )
    )


def _node(kind: str, inputs: tuple[str, ...], output: str, **numbers: int) -> bytes:
    """Return the field of a node; `numbers` are its attributes."""
    attributes = (
        write_field(
            ATTRIBUTE_FIELD,
            write_field(NAME_FIELD, name.encode())
            + write_number(ATTRIBUTE_NUMBER_FIELD, value)
            + write_number(ATTRIBUTE_TYPE_FIELD, ATTRIBUTE_IS_NUMBER),
        )
        for name, value in numbers.items()
    )
    parts = (
        *(write_field(NODE_INPUT_FIELD, name.encode()) for name in inputs),
        write_field(NODE_OUTPUT_FIELD, output.encode()),
        write_field(NODE_TYPE_FIELD, kind.encode()),
        *attributes,
    )
    return write_field(NODE_FIELD, b"".join(parts))


def _input(name: str) -> bytes:
    """Return the field of an input, [any number of floats]."""
    dimension = write_field(DIMENSION_FIELD, write_field(DIMENSION_NAME_FIELD, name.encode()))
    tensor = write_number(ELEMENT_FIELD, FLOAT) + write_field(SHAPE_FIELD, dimension)
    value = write_field(NAME_FIELD, name.encode()) + write_field(
        VALUE_TYPE_FIELD, write_field(TENSOR_FIELD, tensor)
    )
    return write_field(INPUT_FIELD, value)
