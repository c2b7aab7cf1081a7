"""FFmpeg's audio filters as streams: frames in, frames out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import av
import av.error
import av.filter

from streaming.audio import frames


class Filters:
    """A chain of filters for frames that are all like the first, each filter by name and arguments."""

    def __init__(self, first: av.AudioFrame, chain: Sequence[tuple[str, str]]) -> None:
        self._graph = av.filter.Graph()
        # left alone, every graph starts a thread for each core, none of which has anything to do
        self._graph.threads = 1
        source = self._graph.add(
            "abuffer",
            sample_rate=str(first.sample_rate),
            sample_fmt=first.format.name,
            channel_layout=first.layout.name,
            time_base=f"1/{first.sample_rate}",
        )
        nodes = [
            source,
            *(self._graph.add(name, arguments) for name, arguments in chain),
            self._graph.add("abuffersink"),
        ]
        for one, other in pairwise(nodes):
            one.link_to(other)
        self._graph.configure()

    def push(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        """Take a frame, or None for the end, and give what is ready."""
        self._graph.push(frame)
        ready: list[av.AudioFrame] = []
        while True:
            try:
                ready.append(self._graph.pull())  # type: ignore[arg-type]  # pictures come out of video graphs only
            except (av.error.BlockingIOError, av.error.EOFError):
                return ready


class Resampler:
    """Any frames to s16le mono at `rate` Hertz. What comes in may change its form on the way, as chained
    files do.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._form: tuple[int, str, str] | None = None
        self._filters: Filters | None = None

    def push(self, frame: av.AudioFrame) -> bytes:
        """Take a frame, and give what is ready."""
        form = (frame.sample_rate, frame.format.name, frame.layout.name)
        before = b""
        if form != self._form:
            before = self.finish()
            self._form = form
            self._filters = None if form == (self._rate, "s16", "mono") else self._open(frame)
        frame.pts = None  # of the file's clock, whose gaps and jumps are none of ours
        return before + frames.pcm(self._filters.push(frame) if self._filters else [frame])

    def finish(self) -> bytes:
        """Give the rest."""
        filters, self._filters, self._form = self._filters, None, None
        return frames.pcm(filters.push(None)) if filters else b""

    def _open(self, frame: av.AudioFrame) -> Filters:
        return Filters(
            frame, [("aformat", f"sample_fmts=s16:channel_layouts=mono:sample_rates={self._rate}")]
        )
