"""The commands `voicebox config check` and `voicebox config show`."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from gateway.cli import output
from gateway.config import load
from gateway.config import show as config_show


def check(args: Namespace) -> int:
    """Check the settings. Raises ConfigError with what is wrong."""
    loaded = load.load_traced(args.config, os.environ, {})
    print(f"{loaded.file or 'no settings file, defaults'}: in order ({len(loaded.origins)} settings given)")
    return 0


def show(args: Namespace) -> int:
    """Print every setting in effect, and where it comes from."""
    loaded = load.load_traced(args.config, os.environ, {})
    if args.json:
        output.print_json(config_show.as_data(loaded))
    else:
        sys.stdout.write(config_show.as_yaml(loaded))
    return 0
