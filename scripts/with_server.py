"""Run a command against a temporary server: `with_server.py COMMAND …`, where {url}, {base_url} and {key}
are filled in.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from gateway.cli import temporary_server
from gateway.cli.output import Failure


async def main(command: list[str]) -> int:
    """Return the command's exit status."""
    try:
        async with temporary_server.run_temporary_server(None) as server:
            words = {"{url}": server.url, "{base_url}": f"{server.url}/v1", "{key}": server.key}
            return subprocess.call([words.get(word, word) for word in command])  # noqa: ASYNC221, S603 - nothing else runs meanwhile
    except Failure as exc:
        print(exc, file=sys.stderr)
        return exc.status


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
