"""FFmpeg's audio filters on streams: frames in, frames out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import av.error
import av.filter

from streaming.audio import frames

if TYPE_CHECKING:
    from streaming.audio.downmix import Downmix


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
        self._downmix: Downmix | None = None
        """mixes the channels, where there are several"""

    def push(self, frame: av.AudioFrame) -> bytes:
        """Convert a frame, and return the PCM that is ready."""
        source_format = (frame.sample_rate, frame.format.name, frame.layout.name)
        before = b""
        if source_format != self._source_format:
            before = self.finish()
            self._source_format = source_format
            needs_filter = source_format != (self._rate, "s16", "mono")
            self._filters = self._open(frame) if needs_filter else None
        frame.pts = None  # of the file's clock, which whoever decodes has read (streaming.audio.timeline)
        return before + self._mixed(self._filters.push(frame) if self._filters else [frame])

    def finish(self) -> bytes:
        """Return the rest of the PCM."""
        rest = self._mixed(self._filters.push(None)) if self._filters else b""
        if self._downmix:
            rest += self._downmix.finish()
        self._filters = self._downmix = None
        self._source_format = None
        return rest

    def _mixed(self, resampled: list[av.AudioFrame]) -> bytes:
        if self._downmix is None:
            return frames.to_pcm(resampled)
        return b"".join(map(self._downmix.push, resampled))

    def _open(self, frame: av.AudioFrame) -> FilterGraph:
        target = f"sample_fmts=s16:channel_layouts=mono:sample_rates={self._rate}"
        if frame.layout.nb_channels > 1:
            from streaming.audio.downmix import Downmix

            self._downmix = Downmix([channel.name for channel in frame.layout.channels], self._rate)
            target = f"sample_fmts=s16:sample_rates={self._rate}"
        return FilterGraph(frame, [("aformat", target)])
