"""Tests of the line of a library's error that says what went wrong."""

from __future__ import annotations

import pytest

from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line
from engines.wire.errors import to_exception, to_frame

CUDA = """CUDA error: an illegal memory access was encountered
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
"""
STATE = """Error(s) in loading state_dict for VitsModel:
\tsize mismatch for flow.weight: copying a param with shape torch.Size([2]) from checkpoint, the shape in current model is torch.Size([3])."""
UNPICKLER = """Weights only load failed. This file can still be loaded, to do so you have two options, do those steps only if you trust it.
\t(1) In PyTorch 2.6, we changed the default value of the `weights_only` argument.
\t(2) Alternatively, to load with `weights_only=True` please check the recommended steps in the following error message.
\tWeightsUnpickler error: Unsupported global: GLOBAL os.system was not an allowed global by default.

Check the documentation of torch.load to learn more about types accepted by default with weights_only."""
SCRIPT = """The following operation failed in the TorchScript interpreter.
Traceback of TorchScript, serialized code (most recent call last):
  File "code/__torch__/network.py", line 9, in forward
    _0 = torch.matmul(x, y)
         ~~~~~~~~~~~~ <--- HERE
RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one line", "one line"),
        ("", ""),
        (CUDA, "CUDA error: an illegal memory access was encountered"),
        (STATE, "size mismatch for flow.weight: copying a param"),
        (UNPICKLER, "WeightsUnpickler error: Unsupported global: GLOBAL os.system"),
        (SCRIPT, "RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)"),
    ],
)
def test_the_line_that_matters(text: str, line: str) -> None:
    """Of what torch says in many lines the one is told that says what is wrong: the last that is neither advice to
    programmers nor a part of a trace.
    """
    assert telling_line(RuntimeError(text)).startswith(line)
    assert bool(telling_line(RuntimeError(text))) == bool(text)


def test_the_log_has_all() -> None:
    """What a worker's library said goes to the log whole, and to the caller as one line."""
    try:
        raise EngineFailed(f"The network failed: {telling_line(RuntimeError(CUDA))}") from RuntimeError(CUDA)
    except EngineFailed as exc:
        arrived = to_exception(to_frame(exc))

    assert arrived.message == "The network failed: CUDA error: an illegal memory access was encountered"
    assert "CUDA_LAUNCH_BLOCKING" in str(arrived)
