"""Exit statuses by which a worker tells its gateway why it ended."""

from __future__ import annotations

LOAD_FAILED = 3
"""its engine cannot be loaded"""
HUNG = 70
"""its engine does not stop a cancelled job (EX_SOFTWARE)"""
BROKEN = 71
"""its engine is broken (EX_OSERR)"""
