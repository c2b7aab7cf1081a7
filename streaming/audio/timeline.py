"""Where the sound of a recording stands on its clock: what is heard late, or after a hole, keeps its time.

Frames have timestamps in containers that write them down; elsewhere they are counted from the sound itself,
and tell nothing new. A clock may begin anywhere, go back, or jump: sound is never dropped for it, and silence
is put in for gaps of a believable length only.
"""

from __future__ import annotations

import av
from av.container import InputContainer

CLOCKED = frozenset(
    {"matroska", "mov", "mpegts", "mpeg", "flv", "live_flv", "asf", "ogg", "nut", "rm", "mpegvideo"}
)
"""containers, by the first of FFmpeg's names, that write timestamps down"""
TOLERANCE = 0.1
"""seconds by which timestamps may differ from the sound: codecs' delays, rounding, uneven clocks"""
LEAST_BYTES_A_SECOND = 50
"""of a recording without holes: digital silence has more in FLAC, and speech in any codec twice as many"""
FROM_ZERO = frozenset({"mov"})
"""containers whose clock begins at 0, whenever the first sound does, unless they are a part of a stream"""
REWOUND_FRAMES = 10
"""frames in a row behind the sound after which the clock is taken to have begun anew, as in chained files"""


class Timeline:
    """The clock of one track: tells how much silence belongs before each of its frames.

    `most_silence` is what all holes together may come to, `max_seconds` the length beyond which no silence
    goes; a gap that does not fit is a clock that jumped, and no hole.
    """

    def __init__(self, container: InputContainer, *, max_seconds: float, most_silence: float) -> None:
        self._container = container
        name = container.format.name.partition(",")[0]
        self._is_clocked = name in CLOCKED
        # without samples in its index, as parts of a stream are, it goes on from where another has ended
        is_whole = any(stream.frames for stream in container.streams.audio)
        begin = 0 if name in FROM_ZERO and is_whole else container.start_time
        self._begin = None if begin is None else begin / av.time_base
        """what the clock shows at the recording's begin, once it is known"""
        self.seconds = 0.0
        """of sound and silence up to here"""
        self.silence_left = most_silence
        self._max_seconds = max_seconds
        self._behind = 0

    def silence_before(self, frame: av.AudioFrame) -> float:
        """Return how many seconds of silence belong before a frame, and count both; the frame follows."""
        silence = self._hole_before(frame)
        self.silence_left -= silence
        self.seconds += silence + frame.samples / frame.sample_rate
        return silence

    def _hole_before(self, frame: av.AudioFrame) -> float:
        if not self._is_clocked or frame.pts is None or not frame.time_base:
            return 0.0
        clock = float(frame.pts * frame.time_base)
        if self._begin is None:
            self._begin = clock
        ahead = clock - self._begin - self.seconds
        if abs(ahead) <= TOLERANCE:
            self._behind = 0
            return 0.0
        most = min(self.silence_left, self._max_seconds - self.seconds)
        if 0 < ahead <= most and is_plausible(self.seconds + ahead, self._container):
            self._behind = 0
            return ahead
        self._behind += 1
        if ahead > 0 or self._behind >= REWOUND_FRAMES:
            self._begin = clock - self.seconds
            self._behind = 0
        return 0.0


def is_plausible(seconds: float, container: InputContainer) -> bool:
    """Tell whether a file has the bytes for so long a recording: one whose clock jumped has not."""
    return container.size >= LEAST_BYTES_A_SECOND * seconds
