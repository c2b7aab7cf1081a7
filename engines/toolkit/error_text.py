"""What a library's exception says, for a message of ours: the one line that matters."""

from __future__ import annotations

import re

ADVICE = re.compile(
    r"(?i)(CUDA kernel errors might|HIP kernel errors might|For debugging consider|Compile with .TORCH_"
    r"|Device-side assert|Check the documentation|Search for |Please (file|report|see|refer|make)"
    r"|See (also|https?:)|Set (TORCH|the environment)|You can suppress|For more (information|details)|If you "
    r"|Note: |https?://\S+$|\(\d\) |\[end of |frame #?\d|Exception raised from)"
)
"""lines by which libraries tell what somebody who programs with them could do"""
TRACE = re.compile(r'^(Traceback\b.*|File "[^"]*", line \d+.*|[~^ ]+|.*<-+ HERE|serialized code, .*)$')
"""lines of a trace, in Python or in TorchScript"""
LONGEST = 500
"""characters"""


def telling_line(exc: BaseException) -> str:
    """Return the line of an exception that says what went wrong: the last that is neither advice nor part of
    a trace, as the ones before lead up to it. What libraries add may be a whole file.
    """
    lines = [line.strip() for line in _without_code(str(exc).strip().splitlines())]
    telling = [line for line in lines if line and not ADVICE.match(line) and not TRACE.match(line)]
    return (telling or [line for line in lines if line] or [""])[-1][:LONGEST]


def _without_code(lines: list[str]) -> list[str]:
    """Return lines without those that quote code, which follow a line of a trace, further in."""
    kept: list[str] = []
    indent: int | None = None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if line.strip().startswith('File "'):
            indent = depth
        elif indent is None or depth <= indent:
            indent = None
            kept.append(line)
    return kept
