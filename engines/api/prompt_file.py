"""The bytes of a voice prompt: safetensors, with a checksum of all the rest in its header.

A worker signs what its engine made, so that a prompt has the same bytes, and by that the same id, wherever it
is.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import msgspec

METADATA = "__metadata__"
"""the entry of a safetensors header that holds strings"""
CHECKSUM = "sha256"
LENGTH = struct.Struct("<Q")
"""of the header, in front of it"""
ALIGNMENT = 8
"""bytes, of the tensors behind the header"""


class NoPromptFile(ValueError):
    """The bytes are no whole safetensors file."""


def prompt_id(data: bytes) -> str:
    """Return the id of a prompt: the SHA-256 of its bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def signed(data: bytes) -> bytes:
    """Write the checksum into the header of a safetensors file. Raises NoPromptFile when it is none."""
    header, tensors = _split(data)
    metadata = header.pop(METADATA, None) or {}
    metadata.pop(CHECKSUM, None)
    checksum = hashlib.sha256(msgspec.json.encode([metadata, header]) + tensors).hexdigest()
    encoded = msgspec.json.encode({METADATA: {**metadata, CHECKSUM: checksum}, **header})
    encoded += b" " * (-len(encoded) % ALIGNMENT)
    return LENGTH.pack(len(encoded)) + encoded + tensors


def is_whole(data: bytes) -> bool:
    """Return whether a file is what `signed` made."""
    try:
        return signed(data) == data
    except NoPromptFile:
        return False


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return header and tensors of a file: https://huggingface.co/docs/safetensors, "Format". Raises
    NoPromptFile.
    """
    from safetensors import SafetensorError, deserialize

    try:
        deserialize(data)  # type: ignore[no-untyped-call]
        (length,) = LENGTH.unpack_from(data)
        return msgspec.json.decode(data[LENGTH.size : LENGTH.size + length], type=dict[str, Any]), data[
            LENGTH.size + length :
        ]
    except (SafetensorError, struct.error, msgspec.DecodeError) as exc:
        raise NoPromptFile("The engine's voice prompt is not in safetensors.") from exc
