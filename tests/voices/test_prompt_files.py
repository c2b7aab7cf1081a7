"""Tests of prompt files: safetensors with a checksum, which detects any changed byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load, save

from engines.api.prompt_file import CHECKSUM, is_whole, signed

TENSORS: dict[str, NDArray[np.generic]] = {
    "speaker": np.arange(7, dtype=np.float32),
    "ümlaut \"'": np.array([[1], [2]], dtype=np.int16),
    "none": np.zeros((0, 3)),
}
FILE = save(TENSORS, metadata={"model": "mimic-1", "note": "ünd so weiter"})
SIGNED = signed(FILE)


# Whole files...


@given(place=st.integers(0, len(SIGNED) - 1), value=st.integers(0, 255))
@settings(max_examples=400, deadline=None)
def test_every_byte_counts(place: int, value: int) -> None:
    """A file with any single byte changed is not whole."""
    changed = SIGNED[:place] + bytes([value]) + SIGNED[place + 1 :]
    assert is_whole(changed) == (changed == SIGNED)


def test_every_bit_counts() -> None:
    """A file with any single bit changed is not whole."""
    for place in range(len(SIGNED)):
        for bit in range(8):
            assert not is_whole(SIGNED[:place] + bytes([SIGNED[place] ^ 1 << bit]) + SIGNED[place + 1 :])


def test_every_byte_is_needed() -> None:
    """A file that is truncated anywhere, or extended, is not whole."""
    assert is_whole(SIGNED)
    assert not any(is_whole(SIGNED[:length]) for length in range(len(SIGNED)))
    assert not is_whole(SIGNED + SIGNED)


@given(st.binary(max_size=300), st.integers(0, len(SIGNED)))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_not_whole(data: bytes, place: int) -> None:
    """Other bytes, alone or inside the file, are not whole, and cause no exception."""
    assert not is_whole(data)
    assert is_whole(SIGNED[:place] + data + SIGNED[place:]) == (not data)


# Signing...


def test_signed_is_safetensors(tmp_path: Path) -> None:
    """A signed file can be read by safetensors: the same tensors, the engine's metadata, and the checksum."""
    (tmp_path / "prompt.safetensors").write_bytes(SIGNED)
    with safe_open(tmp_path / "prompt.safetensors", "numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    assert metadata.pop(CHECKSUM).isalnum()
    assert metadata == {"model": "mimic-1", "note": "ünd so weiter"}
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert (tensors[name] == tensor).all()
        assert (tensors[name].dtype, tensors[name].shape) == (tensor.dtype, tensor.shape)


def test_signing_again_changes_nothing() -> None:
    """Signing a signed file returns the same bytes, so that the same voice has the same id."""
    assert signed(SIGNED) == SIGNED
    assert signed(FILE) == SIGNED


@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name != "__metadata__"),
        st.lists(st.floats(width=32, allow_nan=False), max_size=9),
        min_size=1,
        max_size=5,
    ),
    st.none() | st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5),
)
@settings(max_examples=100, deadline=None)
def test_any_tensors_can_be_signed(values: dict[str, list[float]], metadata: dict[str, str] | None) -> None:
    """Tensors and metadata of any names are in the signed file, whole."""
    tensors = {name: np.array(value, dtype=np.float32) for name, value in values.items()}
    after = signed(save(tensors, metadata=metadata))
    assert is_whole(after)
    assert (int.from_bytes(after[:8], "little") + 8) % 8 == 0
    assert {name: value.tolist() for name, value in load(after).items()} == {
        name: value.tolist() for name, value in tensors.items()
    }
