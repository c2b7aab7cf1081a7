"""PCM as it is everywhere here: s16le (signed, 16 bits, little-endian), one channel."""

from __future__ import annotations

from engines.api import BYTES_PER_SAMPLE


class SampleAligner:
    """Makes chunks of whole samples from PCM that was cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, pcm: bytes) -> bytes:
        """Return the whole samples there are, and keep half a one for the next call."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % BYTES_PER_SAMPLE
        self._rest = pcm[whole:]
        return pcm[:whole]
