"""Tests of files that hold several recordings, one behind the other: all of them are heard, or none in silence."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
from muxed import RATE, Samples, Track, muxed, once

from engines.errors import BadAudio
from streaming.audio import part_ends, wav
from streaming.audio.decode import decode, probe
from streaming.audio.parts import parts

FIRST, SECOND, THIRD = 440.0, 660.0, 880.0
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "200000"}


def tone(frequency: float, seconds: float = 2.0, rate: int = RATE) -> Samples:
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def stereo(frequency: float, seconds: float = 2.0, rate: int = RATE) -> Samples:
    return np.stack([tone(frequency, seconds, rate)] * 2)


def heard(data: bytes, **limits: float) -> np.ndarray:
    pcm = b"".join(decode(io.BytesIO(data), rate=16_000, max_seconds=limits.get("max_seconds", 600.0)))
    return np.frombuffer(pcm, "<i2").astype(float)


def frequencies(samples: np.ndarray, count: int) -> list[float]:
    """Return the frequency in the middle of each of so many stretches of equal length, in Hertz."""
    found = []
    for part in np.array_split(samples, count):
        middle = part[len(part) // 4 : len(part) * 3 // 4]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        found.append(float(np.argmax(spectrum) * 16_000 / len(middle)) if np.abs(middle).max() > 500 else 0.0)
    return found


def is_whole(data: bytes, *expected: float) -> None:
    """Check that a file is heard as two seconds of each tone."""
    samples = heard(data)
    assert len(samples) / 16_000 == pytest.approx(2.0 * len(expected), abs=0.15 * len(expected))
    assert frequencies(samples, len(expected)) == [pytest.approx(one, rel=0.02) for one in expected]


@pytest.mark.parametrize("codec", ["libopus", "flac"])
@pytest.mark.parametrize("layouts", [("mono", "stereo"), ("stereo", "mono"), ("mono", "mono")])
def test_chained_ogg_with_other_channels(codec: str, layouts: tuple[str, str]) -> None:
    """Each link of a chained Ogg is heard, whatever channels it has."""
    made = b""
    for layout, frequency in zip(layouts, (FIRST, SECOND), strict=True):
        sound = stereo(frequency) if layout == "stereo" else tone(frequency)
        made += muxed("ogg", once(sound, codec=codec, layout=layout))

    is_whole(made, FIRST, SECOND)


def test_chained_ogg_with_other_codecs_and_rates() -> None:
    """Links of other codecs and sample rates are heard, one behind the other."""
    made = muxed("ogg", once(tone(FIRST), codec="libopus"))
    second = once(stereo(SECOND, rate=44_100), codec="vorbis", layout="stereo")
    made += muxed("ogg", second, rate=44_100)
    made += muxed("ogg", once(tone(THIRD, rate=16_000), codec="flac"), rate=16_000)

    is_whole(made, FIRST, SECOND, THIRD)


@pytest.mark.parametrize("options", [FRAGMENTED, {}], ids=["fragmented", "whole"])
@pytest.mark.parametrize("same", [True, False])
def test_mp4_put_together(options: dict[str, str], same: bool) -> None:
    """MP4 files behind each other are all heard, with the same coding or another."""
    made = muxed("mp4", once(tone(FIRST), codec="aac"), options=options)
    if same:
        made += muxed("mp4", once(tone(SECOND), codec="aac"), options=options)
    else:
        other = once(stereo(SECOND, rate=44_100), codec="aac", layout="stereo")
        made += muxed("mp4", other, rate=44_100, options=options)

    is_whole(made, FIRST, SECOND)


def test_mp4_with_another_codec() -> None:
    """A fragmented MP4 whose second part has another codec goes on in it."""
    made = muxed("mp4", once(tone(FIRST), codec="aac"), options=FRAGMENTED)
    made += muxed("mp4", once(tone(SECOND), codec="libopus"), options=FRAGMENTED)

    is_whole(made, FIRST, SECOND)


@pytest.mark.parametrize(("first", "second"), [("mp2", "aac"), ("aac", "mp2"), ("ac3", "aac"), ("mp2", "libopus"), ("libmp3lame", "ac3")])  # fmt: skip
def test_mpegts_with_another_codec(first: str, second: str) -> None:
    """A transport stream that changes its codec goes on in the new one."""
    made = muxed("mpegts", once(tone(FIRST), codec=first))
    made += muxed("mpegts", once(tone(SECOND), codec=second))

    is_whole(made, FIRST, SECOND)


def test_mpegts_with_another_stream() -> None:
    """A transport stream whose sound goes on in packets of another identifier is heard on."""
    made = muxed("mpegts", once(tone(FIRST), codec="mp2"))
    made += muxed("mpegts", once(tone(SECOND), codec="mp2"), options={"mpegts_start_pid": "0x300"})

    is_whole(made, FIRST, SECOND)


@pytest.mark.parametrize("option", ["mpegts_service_id", "mpegts_pmt_start_pid"])
def test_mpegts_with_another_program(option: str) -> None:
    """A transport stream with another program behind the first is heard on."""
    made = muxed("mpegts", once(tone(FIRST), codec="mp2"))
    made += muxed("mpegts", once(tone(SECOND), codec="aac"), options={option: "0x0F20"})

    is_whole(made, FIRST, SECOND)


def test_mpegts_of_discs() -> None:
    """A transport stream with a time before each packet, as on discs, goes on in another codec."""
    options = {"mpegts_m2ts_mode": "1"}
    made = muxed("mpegts", once(tone(FIRST), codec="mp2"), options=options)
    made += muxed("mpegts", once(tone(SECOND), codec="ac3"), options=options)

    is_whole(made, FIRST, SECOND)


def test_mpegts_out_of_step() -> None:
    """A change is found behind bytes that belong to no packet, as where recordings were cut."""
    first = muxed("mpegts", once(tone(FIRST), codec="mp2"))
    second = muxed("mpegts", once(tone(SECOND), codec="aac"))

    is_whole(first + b"\0" * 100 + second, FIRST, SECOND)


def test_a_usual_mpegts_is_one() -> None:
    """A transport stream whose tables stay the same has one part, however often they are repeated."""
    made = muxed("mpegts", once(tone(FIRST, 20.0), codec="mp2"), video_seconds=20.0)

    assert len(list(parts(io.BytesIO(made)))) == 1


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("aiff", "pcm_s16be"), ("matroska", "libopus"), ("webm", "libopus"), ("flac", "flac"), ("mp3", "libmp3lame"), ("adts", "aac"), ("avi", "mp2")])  # fmt: skip
def test_other_containers_put_together(container: str, codec: str) -> None:
    """Files of other containers behind each other are all heard."""
    made = muxed(container, once(tone(FIRST), codec=codec)) + muxed(
        container, once(tone(SECOND), codec=codec)
    )

    is_whole(made, FIRST, SECOND)


def test_live_webm_put_together() -> None:
    """WebM that was written as a stream, whose lengths nobody knows, is heard on behind its end."""
    live = {"live": "1"}
    made = muxed("webm", once(tone(FIRST)), options=live)
    made += muxed("webm", once(stereo(SECOND), layout="stereo"), options=live)

    is_whole(made, FIRST, SECOND)


def test_parts_without_sound_are_passed_over() -> None:
    """A part with a picture alone is passed over; a file of such parts holds no sound."""
    picture = muxed("mp4", video_seconds=2.0, options=FRAGMENTED)
    sound = muxed("mp4", once(tone(SECOND), codec="aac"), options=FRAGMENTED)

    is_whole(picture + sound + picture, SECOND)
    assert probe(io.BytesIO(picture + sound)).codec == "aac"
    with pytest.raises(BadAudio, match="holds no sound"):
        heard(picture + picture)


def test_a_part_that_cannot_be_decoded_is_told() -> None:
    """A part that nothing can be made of is an error that says which; an unfinished head at the end is none."""
    sound = muxed("ogg", once(tone(FIRST)))
    unknown = sound.replace(b"OpusHead", b"OtusHead")

    with pytest.raises(BadAudio, match=r"several recordings.* Number 2: .*could not be decoded"):
        heard(sound + unknown)
    is_whole(sound + sound[:40], FIRST)


def damaged(sound: bytes, start: float, end: float) -> bytes:
    """Return a Matroska file with packets from one second to another that nothing can be made of."""
    file = io.BytesIO()
    with av.open(io.BytesIO(sound), "r") as source, av.open(file, "w", format="matroska") as out:
        track = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.dts is not None and packet.time_base:
                is_lost = start <= float(packet.dts * packet.time_base) < end
                made = av.Packet(b"\xff" * packet.size if is_lost else bytes(packet))
                made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
                made.time_base, made.stream = packet.time_base, track
                out.mux(made)
    return file.getvalue()


def test_sound_that_is_lost_is_told() -> None:
    """Where seconds cannot be decoded behind others that could, the recording is refused, with where; a short damage is
    passed over.
    """
    sound = muxed("matroska", once(tone(FIRST, 8.0), codec="aac"))

    with pytest.raises(BadAudio, match=r"cannot be decoded behind its first 2\.\d seconds"):
        heard(damaged(sound, 2.0, 9.0))
    assert len(heard(damaged(sound, 2.0, 2.5))) / 16_000 == pytest.approx(8.0, abs=0.3)
    with pytest.raises(BadAudio, match="could not be decoded"):
        heard(damaged(sound, 0.0, 9.0))


def test_the_bound_is_for_all_parts() -> None:
    """Parts together may be no longer than one recording."""
    made = muxed("ogg", once(tone(FIRST))) * 3

    assert len(heard(made, max_seconds=7.0)) / 16_000 == pytest.approx(6.0, abs=0.3)
    with pytest.raises(BadAudio, match="longer than 5 seconds"):
        heard(made, max_seconds=5.0)


def test_times_within_parts() -> None:
    """Holes are kept within each part, and a part begins where the one before has ended."""
    part = muxed("ogg", Track([(0.0, tone(FIRST, 1.0)), (3.0, tone(FIRST, 1.0))]))
    samples = heard(part + part)

    assert len(samples) / 16_000 == pytest.approx(8.0, abs=0.3)


def test_too_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of very many pieces is refused, and not looked through without end."""
    monkeypatch.setattr(part_ends, "MOST_PIECES", 1000)
    boxes = struct.pack(">I4s", 16, b"ftyp") + b"isom\0\0\0\0" + struct.pack(">I4s", 8, b"free") * 2000

    with pytest.raises(BadAudio, match="too many pieces"):
        heard(boxes)


def test_usual_files_are_read_as_they_are() -> None:
    """A file that is one recording is handed on itself, from its begin."""
    source = io.BytesIO(wav.encode(bytes(64_000), 16_000))
    found = list(parts(source))

    assert [part.is_whole for part in found] == [True]
    assert found[0].source is source
    assert source.tell() == 0


@pytest.mark.parametrize(
    ("container", "codec"), [("wav", "pcm_s16le"), ("aiff", "pcm_s16be"), ("avi", "mp2")]
)
@pytest.mark.parametrize("rubbish", [bytes(3_000_000), bytes(100), b"rubbish " * 50_000], ids=["zeros", "few", "text"])  # fmt: skip
def test_rubbish_behind_a_form_is_left_out(container: str, codec: str, rubbish: bytes) -> None:
    """What is no recording behind the end of WAV, AIFF and AVI, as where somebody kept room, is not read."""
    made = muxed(container, once(tone(FIRST), codec=codec))

    is_whole(made + rubbish, FIRST)
    assert sum(part.size for part in parts(io.BytesIO(made + rubbish))) < len(made + rubbish)


@pytest.mark.parametrize("declared", [36, 0, 64_000, 0xFFFFFFFF])
def test_a_length_of_the_form_that_is_wrong_cuts_nothing(declared: int) -> None:
    """A WAV file whose sound is longer than the whole is said to be is heard to its end, as other programs do."""
    made = bytearray(wav.encode((tone(FIRST, 2.0, 16_000) * 32767).astype("<i2").tobytes(), 16_000))
    made[wav.RIFF_OFFSET : wav.RIFF_OFFSET + 4] = wav.SIZE.pack(declared)

    is_whole(bytes(made), FIRST)


def test_a_form_of_odd_length() -> None:
    """A chunk of odd length at a form's end, with or without the byte that evens it, is within the form."""
    sound = (tone(FIRST, 2.0, 16_000) * 32767).astype("<i2").tobytes()
    for evened in (b"", b"\0"):
        chunk = struct.pack("<4sI", b"note", 3) + b"abc" + evened
        made = bytearray(wav.encode(sound, 16_000) + chunk)
        made[wav.RIFF_OFFSET : wav.RIFF_OFFSET + 4] = wav.SIZE.pack(len(made) - 8)
        is_whole(bytes(made) + bytes(3_000_000), FIRST)
