"""Speech formats, as decoders see them and byte by byte."""

from __future__ import annotations

import struct

from conformance import sound, wire
from conformance.checks.audio_quality import LONG
from conformance.context import JITTER, Context
from conformance.registry import Run, check, expect

FORMATS = {
    "mp3": ("audio/mpeg", "mp3", "mp3", 0.15),
    "opus": ("audio/opus", "ogg", "opus", 0.05),
    "aac": ("audio/aac", "aac", "aac", 0.20),
    "flac": ("audio/flac", "flac", "flac", 0.03),
    "wav": ("audio/wav", "wav", "pcm_s16le", 0.03),
}
"""media type, container, codec, and the seconds by which a decoded file may be longer than the PCM"""
ALSO = {
    "opus": {"audio/ogg"},
    "wav": {"audio/x-wav", "audio/wave"},
    "mp3": {"audio/mp3"},
    "flac": {"audio/x-flac"},
}
UNLIKE = 4.0
"""decibels in some band by which misread samples, or another rate, differ from the voice; it itself does not
"""
SAMPLE_RATES = {"opus": 48_000}
SAMPLE_FORMATS = {"flac": "s16", "wav": "s16"}
"""of those that keep samples as they are; lossy decoders choose their own"""


def _format(name: str) -> Run:
    media_type, container, codec, _ = FORMATS[name]

    async def run(context: Context) -> str:
        answer = wire.success(await context.speak(response_format=name))
        given = wire.kind(answer)
        expect(
            given == media_type or given in ALSO.get(name, ()), f"content-type {given!r}, not {media_type}"
        )
        expect(
            "content-encoding" not in answer.headers,
            f"content-encoding {answer.headers.get('content-encoding')}",
        )
        decoded = sound.decode(answer.content)
        seen = (
            f"{decoded.container} {decoded.codec} {decoded.format}, {decoded.rate} Hz, "
            f"{decoded.channels} channel, {decoded.seconds:.2f} s"
        )
        expect(decoded.container == container and decoded.codec.startswith((codec, f"lib{codec}")), seen)
        expect(decoded.rate == SAMPLE_RATES.get(name, sound.RATE) and decoded.channels == 1, seen)
        expect(decoded.format == SAMPLE_FORMATS.get(name, decoded.format), f"{seen}: samples are not 16 bit")
        await _same(context, name, decoded, seen)
        return seen

    run.__doc__ = f"{name} is {media_type}: {container}, mono, 24 kHz, saying what the PCM says, to its end."
    return run


async def _same(context: Context, name: str, decoded: sound.Sound, seen: str) -> None:
    plain, loose = sound.from_pcm(await context.pcm()), await context.duration_jitter()
    slack = JITTER + loose * plain.seconds
    expect(
        -slack <= decoded.seconds - plain.seconds <= FORMATS[name][3] + slack,
        f"{seen}; the PCM has {plain.seconds:.2f} s",
    )
    ends = [one.seconds - sound.edges(one)[1] for one in (decoded, plain)]
    expect(
        abs(ends[0] - ends[1]) <= slack + 0.05,
        f"{seen}; its sound ends at {ends[0]:.2f} s, the PCM's at {ends[1]:.2f} s",
    )
    if not loose:
        likeness = sound.similarity(decoded, plain)
        expect(likeness > 0.7, f"{seen}; it is not what the PCM is: likeness {likeness:.2f}")


for _name in FORMATS:
    check(f"speech.formats.{_name}", "openai_surface §2.4")(_format(_name))


@check("speech.formats.default", "quirk 3")
async def default_format(context: Context) -> str:
    """Without response_format, or with null, the answer is mp3 and says so."""
    for body in (context.speech_body(), {**context.speech_body(), "response_format": None}):
        answer = wire.success(await context.http.post(context.url("/audio/speech"), json=body))
        decoded = sound.decode(answer.content)
        expect(decoded.container == "mp3", f"{decoded.container}, {wire.kind(answer)}")
        expect(wire.kind(answer) in ("audio/mpeg", "audio/mp3"), f"mp3 that says it is {wire.kind(answer)!r}")
    return wire.kind(answer)


@check("speech.formats.pcm", "openai_surface §2.4, quirk 4")
async def pcm(context: Context) -> str:
    """pcm is headerless s16le mono at 24 kHz, whole samples: it lasts as long as the wav says."""
    answer = wire.success(await context.speak(response_format="pcm"))
    expect(wire.kind(answer) in ("audio/pcm", "audio/l16"), f"content-type {wire.kind(answer)!r}")
    expect(
        not answer.content.startswith((b"RIFF", b"ID3", b"OggS", b"fLaC")),
        f"it begins {answer.content[:4]!r}",
    )
    expect(len(answer.content) % 2 == 0, f"{len(answer.content)} bytes are no whole samples")
    plain, wav = (
        sound.from_pcm(answer.content),
        sound.decode((await context.speak(response_format="wav")).content),
    )
    slack = JITTER + await context.duration_jitter() * wav.seconds
    expect(
        abs(plain.seconds - wav.seconds) < slack,
        f"{plain.seconds:.2f} s at 24 kHz, but the wav has {wav.seconds:.2f} s",
    )
    apart = sound.distance(sound.timbre(plain), sound.timbre(wav))
    expect(apart < UNLIKE, f"as s16le at 24 kHz it does not sound as the wav does: {apart:.1f} dB apart")
    return f"{plain.seconds:.2f} s"


@check("speech.formats.wav_header", "openai_surface §2.4, quirk 6")
async def wav_header(context: Context) -> str:
    """wav has one canonical header of 44 bytes: PCM, mono, 24 kHz, 16 bit, with sizes that are right
    or open.
    """
    data = wire.success(await context.speak(response_format="wav", input=LONG)).content
    expect(
        data[:4] == b"RIFF" and data[8:16] == b"WAVEfmt " and data[36:40] == b"data",
        f"it begins {data[:44].hex(' ')}",
    )
    expect(data.count(b"RIFF") == 1 and data.count(b"WAVEfmt ") == 1, f"{data.count(b'RIFF')} headers")
    riff, fmt, size = (
        struct.unpack_from(form, data, at)[0:] for form, at in (("<I", 4), ("<IHHIIHH", 16), ("<I", 40))
    )
    expect(
        fmt == (16, 1, 1, 24_000, 48_000, 2, 16),
        f"the fmt chunk says {fmt}: size, tag, channels, rate, bytes, align, bits",
    )
    expect(
        (riff[0], size[0]) in ((len(data) - 8, len(data) - 44), (0xFFFFFFFF, 0xFFFFFFFF)),
        f"RIFF claims {riff[0]} of {len(data) - 8} bytes, data {size[0]} of {len(data) - 44}",
    )
    return f"data size {size[0]:#x}"


@check("speech.formats.beginnings", "openai_surface §2.4, trap 17")
async def every_start(context: Context) -> str:
    """Each file begins as its kind begins: a frame, a page or a marker, not another kind's."""
    for name, starts in {"opus": b"OggS", "flac": b"fLaC", "wav": b"RIFF"}.items():
        data = wire.success(await context.speak(response_format=name, input="Hello.")).content
        expect(data.startswith(starts), f"{name} begins {data[:4].hex(' ')}")
    for name in ("mp3", "aac"):
        data = wire.success(await context.speak(response_format=name, input="Hello.")).content
        frame = data[:1] == b"\xff" and data[1] & 0xE0 == 0xE0
        expect(frame or (name == "mp3" and data.startswith(b"ID3")), f"{name} begins {data[:4].hex(' ')}")
    return "Ogg, FLAC, RIFF, MPEG frames"
