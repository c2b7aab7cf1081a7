"""`voicebox config`."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from gateway.cli import output
from gateway.config import load
from gateway.config import show as config_show


def check(args: Namespace) -> int:
    """Check the settings; what is wrong comes as ConfigError."""
    loaded = load.load_traced(args.config, os.environ, {})
    print(f"{loaded.file or 'no settings file, defaults'}: in order ({len(loaded.origins)} settings given)")
    return 0


def show(args: Namespace) -> int:
    """Show every setting in effect."""
    loaded = load.load_traced(args.config, os.environ, {})
    if args.json:
        output.show_json(config_show.as_data(loaded))
    else:
        sys.stdout.write(config_show.as_yaml(loaded))
    return 0
