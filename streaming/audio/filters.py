"""FFmpeg's audio filters on streams: frames in, frames out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import av
import av.error
import av.filter

from streaming.audio import frames


class FilterGraph:
    """Filters in a row, each given by name and arguments, for frames that are all like the first."""

    def __init__(self, first: av.AudioFrame, filters: Sequence[tuple[str, str]]) -> None:
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
            *(self._graph.add(name, arguments) for name, arguments in filters),
            self._graph.add("abuffersink"),
        ]
        for node, following in pairwise(nodes):
            node.link_to(following)
        self._graph.configure()

    def push(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        """Filter a frame, or None for the end, and return the frames that are ready."""
        self._graph.push(frame)
        ready: list[av.AudioFrame] = []
        while True:
            try:
                ready.append(self._graph.pull())  # type: ignore[arg-type]  # pictures come out of video graphs only
            except (av.error.BlockingIOError, av.error.EOFError):
                return ready


class Resampler:
    """Converts any frames to s16le mono PCM at `rate` Hertz.

    Sample rate, sample format and channels of the frames may change on the way, as in chained files.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._source_format: tuple[int, str, str] | None = None
        """sample rate, sample format and channel layout of the frames that come in"""
        self._filters: FilterGraph | None = None

    def push(self, frame: av.AudioFrame) -> bytes:
        """Convert a frame, and return the PCM that is ready."""
        source_format = (frame.sample_rate, frame.format.name, frame.layout.name)
        before = b""
        if source_format != self._source_format:
            before = self.finish()
            self._source_format = source_format
            needs_filter = source_format != (self._rate, "s16", "mono")
            self._filters = self._open(frame) if needs_filter else None
        frame.pts = None  # of the file's clock, whose gaps and jumps are none of ours
        return before + frames.to_pcm(self._filters.push(frame) if self._filters else [frame])

    def finish(self) -> bytes:
        """Return the rest of the PCM."""
        filters = self._filters
        self._filters = None
        self._source_format = None
        return frames.to_pcm(filters.push(None)) if filters else b""

    def _open(self, frame: av.AudioFrame) -> FilterGraph:
        target = f"sample_fmts=s16:channel_layouts=mono:sample_rates={self._rate}"
        return FilterGraph(frame, [("aformat", target)])
