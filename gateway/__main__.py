"""`python -m gateway`, the same as `voicebox`."""

import sys

from gateway.cli import main

sys.exit(main())
