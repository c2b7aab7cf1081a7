"""The bare loop: the same text spoken by eSpeak NG's C interface and encoded by PyAV, with nothing around it.

As many processes as there are cores, started and warm before the clock runs. Rate and codec settings are the
gateway's; nothing else is.
"""

from __future__ import annotations

import io
import multiprocessing as mp
import os
import time
from contextlib import suppress
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

import av

from bench import texts
from bench.outputs import Hearing
from streaming.audio import frames
from streaming.encode.codecs import CODECS
from streaming.encode.transcoder import RATE

SECONDS = 3.0
FORMS = {
    "mp3": ("mp3", "libmp3lame", "s16p"),
    "opus": ("ogg", "libopus", "s16"),
    "aac": ("adts", "aac", "fltp"),
    "flac": ("flac", "flac", "s16"),
    "wav": ("wav", "pcm_s16le", "s16"),
}
"""FFmpeg's container and codec, and the form of sample that goes in"""


def run(format: str) -> float:
    """Return how many seconds of audio all cores make in a second."""
    context = mp.get_context("spawn")
    results: Queue[float] = context.Queue()
    start = context.Event()
    count = os.cpu_count() or 1
    processes = [context.Process(target=_work, args=(format, results, start)) for _ in range(count)]
    for process in processes:
        process.start()
    for _ in processes:
        results.get()
    start.set()
    made = sum(results.get() for _ in processes)
    for process in processes:
        process.join()
    return made / SECONDS


def _work(format: str, results: Queue[float], start: Event) -> None:
    from engines.adapters.espeak.engine import Espeak
    from engines.api import Place, SpeechJob, Stop

    engine = Espeak()
    info = engine.load(Place(), Hearing())
    rate = info.speech.sample_rate if info.speech else 0
    results.put(0.0)
    start.wait()
    end, made, number = time.monotonic() + SECONDS, 0.0, 0
    while time.monotonic() < end:
        number += 1
        file = File(format, rate)

        def hear(pcm: bytes, file: File = file) -> None:
            nonlocal made
            made += file.push(pcm)
            if time.monotonic() >= end:
                raise Stop

        with suppress(Stop):
            engine.speak(SpeechJob(texts.paragraph(number), "en-us"), Hearing(hear))
        file.finish()
    results.put(made)


class File:
    """One file, as anyone would write it with PyAV: resample, encode, mux; headerless PCM is
    resampled only.
    """

    def __init__(self, format: str, rate: int) -> None:
        self._rate = rate
        self._resampler = av.AudioResampler("s16", "mono", RATE)
        self._stream: av.AudioStream | None = None
        if format != "pcm":
            container, library, sample_format = FORMS[format]
            self._file = av.open(Nowhere(), "w", format=container)
            options = CODECS[format].options if format in CODECS else {}
            self._stream = self._file.add_stream(library, rate=RATE, layout="mono", options=options)  # type: ignore[assignment]
            assert self._stream is not None  # noqa: S101
            self._stream.codec_context.format = sample_format
            if format in CODECS and CODECS[format].bitrate:
                self._stream.bit_rate = CODECS[format].bitrate

    def push(self, pcm: bytes) -> float:
        """Encode some PCM, and return how many seconds of it were encoded."""
        return self._encode(self._resampler.resample(frames.from_pcm(pcm, self._rate)))

    def finish(self) -> None:
        """End the file: drain the resampler and the codec."""
        self._encode(self._resampler.resample(None))
        if self._stream is not None:
            self._file.mux(self._stream.encode(None))
            self._file.close()

    def _encode(self, ready: list[av.AudioFrame]) -> float:
        for frame in ready:
            if self._stream is None:
                bytes(frame.planes[0])
            else:
                self._file.mux(self._stream.encode(frame))
        return sum(frame.samples for frame in ready) / RATE


class Nowhere(io.RawIOBase):
    """A file object for FFmpeg that drops what is written."""

    def writable(self) -> bool:
        """Return True: it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Drop some bytes, and return how many."""
        return len(data)
