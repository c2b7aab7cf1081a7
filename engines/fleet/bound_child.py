"""`python -m engines.fleet.bound_child PARENT MODULE ARGUMENT…`: run a module of ours, which ends with its
parent, and not before.
"""

from __future__ import annotations

import runpy
import sys

from engines.worker.parent import be_killed_with_parent, ignore_group_signals


def main() -> None:
    """Run the module as if it had been started itself."""
    ignore_group_signals()
    parent, module, *arguments = sys.argv[1:]
    be_killed_with_parent(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
