"""Voices and models of speech: OpenAI's names, and how loosely they may be written."""

from __future__ import annotations

from itertools import combinations

from conformance import sound, wire
from conformance.context import Context
from conformance.registry import check, expect

NAMES = [
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
]
NEAREST = 0.5
"""decibels by which two voices must be apart; one voice of an engine that repeats itself is within 0.1 of
itself
"""
OTHERS = ("alloy", "coral", "onyx")
"""voices that one is compared with, to tell whether it is itself"""
MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1-1106")


@check("speech.voices.all", "openai_surface §2.1, quirk 8")
async def all_voices(context: Context) -> str:
    """Each of OpenAI's thirteen voices speaks."""
    for name in NAMES:
        decoded = sound.from_pcm(await context.pcm(voice=name))
        expect(
            decoded.seconds > 0.5 and sound.loudness(decoded) > 50,
            f"{name}: {decoded.seconds:.2f} s, loudness {sound.loudness(decoded):.0f}",
        )
    return f"{len(NAMES)} voices"


@check("speech.voices.different", "quirk 8")
async def different_voices(context: Context) -> str:
    """The thirteen voices differ in bytes, and in pitch or timbre by more than one differs from itself."""
    sounds = {name: await context.pcm(voice=name) for name in NAMES}
    measured = {name: sound.timbre(sound.from_pcm(pcm)) for name, pcm in sounds.items()}
    again = wire.success(await context.speak(voice=NAMES[0], response_format="pcm")).content
    least = max(NEAREST, 2 * sound.distance(measured[NAMES[0]], sound.timbre(sound.from_pcm(again))))
    pairs = {pair: sound.distance(measured[pair[0]], measured[pair[1]]) for pair in combinations(NAMES, 2)}
    (one, other), nearest = min(pairs.items(), key=lambda pair: pair[1])
    expect(len(set(sounds.values())) == len(NAMES), "some voices give the same bytes")
    expect(
        nearest > least,
        f"{one} and {other} are alike: {nearest:.2f} dB apart, of {least:.2f} that a voice may vary",
    )
    return f"the nearest are {one} and {other}, {nearest:.2f} dB apart"


@check("speech.voices.object", "openai_surface §2.1")
async def voice_object(context: Context) -> str:
    """voice may be an object with an id."""
    return await _same_voice(context, {"id": context.target.voice})


@check("speech.voices.case", "quirk 8")
async def voice_case(context: Context) -> str:
    """Voice names match without regard to case."""
    return await _same_voice(context, context.target.voice.swapcase())


async def _same_voice(context: Context, voice: object) -> str:
    """Ask for a voice by another spelling, and tell whether it is nearer to itself than to any other."""
    answer = wire.success(await context.speak(voice=voice, response_format="pcm"))
    found = sound.timbre(sound.from_pcm(answer.content))
    near = sound.distance(found, sound.timbre(sound.from_pcm(await context.pcm())))
    far = {
        name: sound.distance(found, sound.timbre(sound.from_pcm(await context.pcm(voice=name))))
        for name in OTHERS
        if name != context.target.voice.casefold()
    }
    nearest = min(far, key=lambda name: far[name])
    expect(
        near < far[nearest],
        f"another voice: {near:.2f} dB from its name's, {far[nearest]:.2f} dB from {nearest}'s",
    )
    return f"{near:.2f} dB from its name's voice"


@check("speech.voices.empty", "quirk 8")
async def voice_empty(context: Context) -> str:
    """A missing or empty voice is the default one, or is refused as OpenAI refuses it."""
    for voice in ("", None):
        answer = await context.speak(voice=voice)
        if answer.status_code != 200:
            return f"refused: {wire.error(answer, 400)['message'][:80]}"
    return "the default voice"


@check("speech.voices.unknown", "openai_surface §1.4")
async def voice_unknown(context: Context) -> str:
    """An unknown voice is a 400 or 404 that says so, never another voice in silence."""
    for voice in ("no-such-voice-17", {"id": "no-such-voice-17"}):
        message = str(wire.error(await context.speak(voice=voice), 400, 404)["message"])
        expect(
            "voice" in message.lower(),
            f"the message does not say that it is about the voice: {message[:100]}",
        )
    return message[:100]


@check("speech.voices.wrong_type", "openai_surface §2.1")
async def voice_wrong_type(context: Context) -> str:
    """A voice that is neither a string nor an object with an id is a 400."""
    for voice in (17, ["alloy"], {"name": "alloy"}):
        message = str(wire.error(await context.speak(voice=voice), 400)["message"])
        expect("voice" in message, f"{voice!r}: the message does not name voice: {message[:100]}")
    return message[:100]


@check("speech.models.aliases", "quirk 7")
async def model_names(context: Context) -> str:
    """Every id of OpenAI's speech models works, dated ones too."""
    for model in MODELS:
        wire.success(await context.speak(model=model, input="Hello."))
    return ", ".join(MODELS)
