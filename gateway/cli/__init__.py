"""The command line `voicebox`."""

from gateway.cli.main import main

__all__ = ["main"]
