"""Voices and models of speech: OpenAI's names, and how loosely they may be written."""

from __future__ import annotations

from conformance import sound, wire
from conformance.context import Context
from conformance.registry import check, expect

NAMES = ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"]
MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1-1106")


@check("speech.voices.all", "openai_surface §2.1, quirk 8")
async def all_voices(context: Context) -> str:
    """Each of OpenAI's thirteen voices speaks."""
    for name in NAMES:
        heard = sound.from_pcm(await context.pcm(voice=name))
        expect(
            heard.seconds > 0.5 and sound.loudness(heard) > 50,
            f"{name}: {heard.seconds:.2f} s, loudness {sound.loudness(heard):.0f}",
        )
    return f"{len(NAMES)} voices"


@check("speech.voices.different", "quirk 8")
async def different_voices(context: Context) -> str:
    """The thirteen voices are different from one another, in pitch, pace or bytes."""
    sounds = {name: await context.pcm(voice=name) for name in NAMES}
    expect(len(set(sounds.values())) == len(NAMES), "some voices give the same bytes")
    measured = {name: (round(sound.pitch(sound.from_pcm(pcm))), len(pcm) // 480) for name, pcm in sounds.items()}
    expect(len({pitch for pitch, _ in measured.values()}) >= 4, f"they hardly differ in pitch: {measured}")
    return f"{len(set(measured.values()))} of {len(NAMES)} differ in pitch and pace"


@check("speech.voices.object", "openai_surface §2.1")
async def voice_object(context: Context) -> str:
    """voice may be an object with an id."""
    wire.success(await context.speak(voice={"id": context.target.voice}))
    return "200"


@check("speech.voices.case", "quirk 8")
async def voice_case(context: Context) -> str:
    """Voice names match without regard to case."""
    wire.success(await context.speak(voice=context.target.voice.upper()))
    return "200"


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
    return str(wire.error(await context.speak(voice="no-such-voice-17"), 400, 404)["message"])[:100]


@check("speech.models.aliases", "quirk 7")
async def model_names(context: Context) -> str:
    """Every id of OpenAI's speech models works, dated ones too."""
    for model in MODELS:
        wire.success(await context.speak(model=model, input="Hello."))
    return ", ".join(MODELS)
