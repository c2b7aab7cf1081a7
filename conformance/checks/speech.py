"""Speech: formats as decoders see them, speed, and what may stand in a request."""

from __future__ import annotations

from conformance import sound, wire
from conformance.context import TEXT, Context
from conformance.registry import Run, check, expect

FORMATS = {
    "mp3": ("audio/mpeg", "mp3", "mp3", 0.15),
    "opus": ("audio/opus", "ogg", "opus", 0.05),
    "aac": ("audio/aac", "aac", "aac", 0.20),
    "flac": ("audio/flac", "flac", "flac", 0.03),
    "wav": ("audio/wav", "wav", "pcm_s16le", 0.03),
}
"""media type, container, codec, and the seconds by which a decoded file may differ from the PCM"""
ALSO = {"opus": {"audio/ogg"}, "wav": {"audio/x-wav", "audio/wave"}, "mp3": {"audio/mp3"}, "flac": {"audio/x-flac"}}
SAMPLE_RATES = {"opus": 48_000}
WOBBLE = 0.08
"""seconds by which an engine's own answers to one request may differ"""
LONG = " ".join(f"This is sentence number {number} of a longer text." for number in range(1, 11))


def _format(name: str) -> Run:
    media_type, container, codec, padding = FORMATS[name]

    async def run(context: Context) -> str:
        answer = wire.success(await context.speak(response_format=name))
        given = answer.headers.get("content-type", "").partition(";")[0]
        expect(given == media_type or given in ALSO.get(name, ()), f"content-type {given!r}, not {media_type}")
        expect("content-encoding" not in answer.headers, f"content-encoding {answer.headers.get('content-encoding')}")
        heard = sound.decode(answer.content)
        seen = f"{heard.container} {heard.codec} {heard.rate} Hz, {heard.channels} channel, {heard.seconds:.2f} s"
        expect(heard.container == container and heard.codec.startswith((codec, f"lib{codec}")), seen)
        expect(heard.rate == SAMPLE_RATES.get(name, sound.RATE) and heard.channels == 1, seen)
        plain = sound.from_pcm(await context.pcm())
        expect(-WOBBLE <= heard.seconds - plain.seconds <= padding + WOBBLE, f"{seen}; the PCM has {plain.seconds:.2f} s")
        tails = [sound.loudness(_tail(one)) for one in (heard, plain)]
        expect(tails[0] > 0.4 * tails[1], f"{seen}; its last second is much quieter than the PCM's: {tails}")
        return seen

    run.__doc__ = f"{name} is {media_type}: {container}, mono, 24 kHz, as long as the PCM, with its tail."
    return run


def _tail(one: sound.Sound) -> sound.Sound:
    return sound.Sound(one.samples[-one.rate :], one.rate)


for _name in FORMATS:
    check(f"speech.formats.{_name}", "openai_surface §2.4")(_format(_name))


@check("speech.formats.default", "quirk 3")
async def default_format(context: Context) -> str:
    """Without response_format the answer is mp3."""
    answer = wire.success(await context.speak())
    heard = sound.decode(answer.content)
    expect(heard.container == "mp3", f"{heard.container}, {answer.headers.get('content-type')}")
    return answer.headers["content-type"]


@check("speech.formats.pcm", "openai_surface §2.4, quirk 4")
async def pcm(context: Context) -> str:
    """pcm is headerless s16le mono at 24 kHz, whole samples: it lasts as long as the wav says."""
    answer = wire.success(await context.speak(response_format="pcm"))
    given = answer.headers.get("content-type", "").partition(";")[0]
    expect(given in ("audio/pcm", "audio/l16"), f"content-type {given!r}")
    expect(not answer.content.startswith((b"RIFF", b"ID3", b"OggS", b"fLaC")), f"it begins {answer.content[:4]!r}")
    expect(len(answer.content) % 2 == 0, f"{len(answer.content)} bytes are no whole samples")
    plain, wav = sound.from_pcm(answer.content), sound.decode((await context.speak(response_format="wav")).content)
    expect(abs(plain.seconds - wav.seconds) < 2 * WOBBLE, f"{plain.seconds:.2f} s at 24 kHz, but the wav has {wav.seconds:.2f} s")
    return f"{plain.seconds:.2f} s"


@check("speech.formats.wav_header", "openai_surface §2.4, quirk 6")
async def wav_header(context: Context) -> str:
    """wav has one canonical header of 44 bytes, with sizes that are right or open."""
    data = wire.success(await context.speak(response_format="wav", input=LONG)).content
    expect(data[:4] == b"RIFF" and data[8:16] == b"WAVEfmt ", f"it begins {data[:16]!r}")
    expect(data[36:40] == b"data", f"no data chunk at 36: {data[36:40]!r}")
    expect(data.count(b"RIFF") == 1 and data.count(b"WAVEfmt ") == 1, f"{data.count(b'RIFF')} headers")
    size = int.from_bytes(data[40:44], "little")
    expect(size in (len(data) - 44, 0xFFFFFFFF), f"the data chunk claims {size} of {len(data) - 44} bytes")
    return f"data size {size:#x}"


@check("speech.sound.plausible", "openai_surface §2")
async def plausible(context: Context) -> str:
    """The sound is speech of a plausible length, neither clipped nor framed by long silence."""
    heard = sound.from_pcm(await context.pcm())
    before, behind = sound.edges(heard)
    seen = f"{heard.seconds:.2f} s for {len(TEXT)} characters, {before:.2f} s before, {behind:.2f} s behind"
    expect(len(TEXT) / 40 < heard.seconds < len(TEXT) / 5, seen)
    expect(before < 1.0 and behind < 1.5, seen)
    expect(sound.clipped(heard) < 0.002, f"{100 * sound.clipped(heard):.2f} % of the samples are clipped")
    return seen


@check("speech.sound.joins", "field §4.1, §4.2")
async def joins(context: Context) -> str:
    """There are no clicks at the start and where sentences meet."""
    heard = sound.from_pcm(await context.pcm(input=LONG))
    found = sound.clicks(heard)
    expect(not found, f"jumps out of silence at {[round(second, 2) for second in found[:5]]} s")
    expect(abs(heard.samples[0]) < 1000, f"the first sample is {heard.samples[0]}")
    return f"{heard.seconds:.1f} s without a click"


@check("speech.sound.whole", "field §4.3, §4.11")
async def whole(context: Context) -> str:
    """A longer text is spoken to its end: twice the sentences take about twice the time."""
    once, twice = sound.from_pcm(await context.pcm(input=LONG)), sound.from_pcm(await context.pcm(input=f"{LONG} {LONG}"))
    ratio = twice.seconds / once.seconds
    expect(1.8 < ratio < 2.2, f"{once.seconds:.1f} s once, {twice.seconds:.1f} s twice")
    return f"{once.seconds:.1f} s once, {twice.seconds:.1f} s twice"


def _speed(speed: float) -> Run:
    async def run(context: Context) -> str:
        normal, changed = sound.from_pcm(await context.pcm()), sound.from_pcm(await context.pcm(speed=speed))
        ratio = normal.seconds / changed.seconds
        pitches = sound.pitch(normal), sound.pitch(changed)
        seen = f"{ratio:.2f} times as fast, pitch {pitches[0]:.0f} Hz and {pitches[1]:.0f} Hz"
        expect(0.7 * speed < ratio < 1.35 * speed, seen)
        expect(pitches[0] == 0 or 0.7 < pitches[1] / pitches[0] < 1.43, f"{seen}: speed changes pitch")
        return seen

    run.__doc__ = f"speed {speed:g} changes the duration by about that factor, and not the pitch."
    return run


for _speed_value in (0.25, 0.5, 2.0, 4.0):
    check(f"speech.speed.{_speed_value:g}", "openai_surface §2.1")(_speed(_speed_value))


@check("speech.speed.forms", "quirk 13")
async def speed_forms(context: Context) -> str:
    """speed may be an integer, a float or a numeric string."""
    for speed in (1, 1.0, "1.0"):
        wire.success(await context.speak(speed=speed))
    return "int, float and string"


@check("speech.speed.outside", "openai_surface §1.4, quirk 13")
async def speed_outside(context: Context) -> str:
    """speed outside 0.25 to 4 is refused, or clamped to the nearest limit."""
    answer = await context.speak(speed=9, response_format="pcm")
    if answer.status_code == 200:
        limit = sound.from_pcm(await context.pcm(speed=4.0))
        expect(abs(sound.from_pcm(answer.content).seconds / limit.seconds - 1) < 0.15, "accepted, but not as 4")
        return "clamped to 4"
    wire.error(answer, 400)
    return "refused"


@check("speech.requests.unknown_fields", "quirk 12")
async def unknown_fields(context: Context) -> str:
    """Fields that nobody knows, and null ones, are no error."""
    body = context.speech_body(stream=True, params={"a": 1}, backend="x", user="me", normalization_options={})
    body["instructions"] = None
    wire.success(await context.http.post(context.url("/audio/speech"), json=body))
    return "200"


@check("speech.requests.content_type", "quirk 25")
async def content_type(context: Context) -> str:
    """JSON is read whatever the Content-Type says (curl -d sends a form's), also with raw control characters in strings."""
    body = f'{{"model":"{context.target.tts_model}","voice":"{context.target.voice}","input":"One\nline\tmore"}}\n'
    headers = {"content-type": "application/x-www-form-urlencoded"}
    wire.success(await context.http.post(context.url("/audio/speech"), content=body.encode(), headers=headers))
    return "200"


@check("speech.requests.instructions", "openai_surface §2.1, quirk 13")
async def instructions(context: Context) -> str:
    """instructions are accepted, honoured or not, also the "None" of Home Assistant; or they are refused properly."""
    for text in ("None", "Speak cheerfully."):
        answer = await context.speak(instructions=text)
        if answer.status_code != 200:
            return f"refused: {wire.error(answer, 400)['message'][:80]}"
    return f"accepted; ignored: {answer.headers.get('x-voicebox-ignored', 'not said')}"


@check("speech.requests.long", "openai_surface §1.4")
async def long_input(context: Context) -> str:
    """More than 4,096 characters are spoken, or refused as OpenAI refuses them."""
    answer = await context.speak(input="A short sentence. " * 250, speed=4.0)
    if answer.status_code == 200:
        return f"accepted, {len(answer.content)} bytes"
    return f"refused: {wire.error(answer, 400)['message'][:80]}"


@check("speech.requests.languages", "field §4.14, §4.40")
async def scripts(context: Context) -> str:
    """Texts of any script, emoji and bare punctuation are no server error."""
    for text in ("你好，世界。", "مرحبا", "👋🏽", "…", "a\u0301\u200d"):
        answer = await context.speak(input=text)
        expect(answer.status_code in (200, 400), f"{text!r} gives {answer.status_code}")
    return "200 or 400 each"
