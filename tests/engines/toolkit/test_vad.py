"""Tests of voice detection: it finds speech where there is some, and none elsewhere."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.errors import EngineFailed
from engines.toolkit.vad import (
    CONTEXT_SAMPLES,
    FRAME_SAMPLES,
    SAMPLE_RATE,
    Silero,
    Span,
    SpeechDetector,
    SpeechProbabilities,
    speech_spans,
)

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"
SECOND = 2 * SAMPLE_RATE


@lru_cache(1)
def silero() -> Silero:
    """Load the network."""
    return Silero()


@lru_cache(1)
def recording() -> bytes:
    """Read the speech, as s16le mono PCM at 16 kHz."""
    with av.open(str(JFK), mode="r") as container:
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        frames = [*container.decode(audio=0), None]
        return b"".join(part.to_ndarray().tobytes() for frame in frames for part in resampler.resample(frame))


def silence(seconds: float) -> bytes:
    """Return PCM of digital silence."""
    return bytes(2 * round(seconds * SAMPLE_RATE))


def pcm(wave: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    """Return s16le PCM of a wave between -1 and 1."""
    return (wave * 32767).clip(-32768, 32767).astype("<i2").tobytes()


def in_chunks(data: bytes, size: int) -> list[Span]:
    """Find the speech in a recording that comes in chunks."""
    speech = SpeechDetector(silero())
    found = [span for start in range(0, len(data), size) for span in speech.push(data[start : start + size])]
    return [*found, *speech.finish()]


def test_finds_speech_between_silence() -> None:
    """Real speech is one span with the recording's times, with a little of the silence around it."""
    spans = speech_spans(silence(5) + recording() + silence(7), silero())

    assert len(spans) == 1
    assert list(spans[0]) == pytest.approx([5.0, 16.0], abs=0.5)


def test_a_pause_ends_a_span() -> None:
    """Speech before and after a long silence are two spans; a short silence ends none."""
    speech = recording()[: 2 * SECOND]
    long, short = (speech_spans(speech + silence(gap) + speech, silero()) for gap in (6.0, 0.8))

    assert [round(start) for start, _ in long] == [0, 8]
    assert len(short) == 1


def test_shorter_pauses_can_be_asked_for() -> None:
    """With a shorter minimum pause the pauses between phrases end spans too; spans stay in order and apart."""
    spans = speech_spans(recording(), silero(), pause=0.3)

    assert len(spans) >= 4
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(2),
        silence(30),
        pcm(0.2 * np.random.default_rng(0).standard_normal(10 * SAMPLE_RATE)),
        pcm(0.3 * np.sin(2 * np.pi * 440 / SAMPLE_RATE * np.arange(10 * SAMPLE_RATE))),
        silence(3) + pcm(np.ones(30)) + silence(3),
    ],
    ids=["nothing", "one sample", "silence", "noise", "tone", "click"],
)
def test_finds_nothing_where_nobody_speaks(data: bytes) -> None:
    """Silence, noise, a tone and a click are no speech."""
    assert speech_spans(data, silero()) == []


@settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 3 * SECOND))
def test_chunks_do_not_matter(size: int) -> None:
    """The spans are the same in whatever chunks the recording came, even with cuts within a sample."""
    data = silence(1) + recording()[: 2 * SECOND] + silence(3)

    assert in_chunks(data, max(size, 501)) == speech_spans(data, silero())


def test_decided_seconds() -> None:
    """During silence everything but the padding is decided; in a span, everything up to its begin."""
    speech = SpeechDetector(silero())
    speech.push(silence(10))
    decided_in_silence = speech.decided_seconds
    start_in_silence = speech.current_start
    speech.push(recording()[: 2 * SECOND])

    assert decided_in_silence == pytest.approx(9.6, abs=0.05)
    assert start_in_silence is None
    assert speech.current_start == pytest.approx(10.0, abs=0.5)
    assert speech.decided_seconds == speech.current_start


def test_a_span_comes_while_the_recording_goes_on() -> None:
    """A span is returned once its pause is over, not at the end of the recording."""
    speech = SpeechDetector(silero(), pause=1.0)

    assert speech.push(recording()[: 2 * SECOND]) == []
    assert len(speech.push(silence(1.5))) == 1
    assert speech.finish() == []


@pytest.mark.engines
def test_is_what_silero_gives_frame_by_frame() -> None:
    """The probabilities of many frames at a time are those of Silero's plain network, frame by frame."""
    spec = find_spec("silero_vad")
    assert spec is not None
    assert spec.origin is not None
    plain = onnxruntime.InferenceSession(
        Path(spec.origin).parent / "data" / "silero_vad.onnx", providers=["CPUExecutionProvider"]
    )
    samples = np.frombuffer(recording(), "<i2")[: 100 * FRAME_SAMPLES].astype(np.float32) / 32768
    state, before, expected = np.zeros((2, 1, 128), np.float32), np.zeros(CONTEXT_SAMPLES, np.float32), []
    for start in range(0, len(samples), FRAME_SAMPLES):
        row = np.concatenate([before, samples[start : start + FRAME_SAMPLES]])
        probability, state = plain.run(
            None, {"input": row[None], "state": state, "sr": np.array(SAMPLE_RATE, np.int64)}
        )
        before = row[-CONTEXT_SAMPLES:]
        expected.append(float(probability[0, 0]))

    assert list(SpeechProbabilities(silero()).push(recording()[: 200 * FRAME_SAMPLES])) == pytest.approx(
        expected, abs=1e-3
    )


def test_the_network_of_the_other_package_does_as_well() -> None:
    """The network file of faster-whisper finds the same speech: neither package needs the other."""
    spec = find_spec("faster_whisper")
    assert spec is not None
    assert spec.origin is not None
    other = Silero(Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx")

    for span, same in zip(
        *(speech_spans(silence(2) + recording() + silence(2), one) for one in (other, silero())), strict=True
    ):
        assert list(span) == pytest.approx(list(same), abs=0.6)


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    """A missing or broken network file is named."""
    (tmp_path / "broken.onnx").write_bytes(b"no network")

    for name in ("broken.onnx", "missing.onnx"):
        with pytest.raises(EngineFailed, match=f"cannot be loaded from .*{name}"):
            Silero(tmp_path / name)


def test_loads_no_torch_and_says_nothing() -> None:
    """Neither torch nor Silero's own code is imported, and nothing is written on the worker's streams."""
    program = (
        "import sys\n"
        "from engines.toolkit.vad import speech_spans\n"
        "assert speech_spans(bytes(32000)) == []\n"
        "assert not {'torch', 'silero_vad', 'faster_whisper'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_spans_do_not_overlap() -> None:
    """Where the padding is longer than the pause, a span begins where the one before ends."""
    speech = SpeechDetector(silero(), pause=0.5, padding=0.6)
    spans = [*speech.push(recording()), *speech.finish()]

    assert len(spans) > 1
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
