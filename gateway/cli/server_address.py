"""Where the server of this machine is to be found: at the address that its settings name."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.config.load import load
from gateway.config.settings import ServerSettings

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""addresses that a server listens on for all, and where it is reached on its own machine"""


def server_url(config: Path | None) -> str:
    """Return the URL of this machine's server, as its settings have it, else as it is by default.

    Raises ConfigError: with settings that cannot be used, another server than the one meant could answer.
    """
    server = load(config, os.environ, {}).server
    host = EVERYWHERE.get(server.host, server.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{server.port or ServerSettings().port}"
