"""Examples for the API's description: real Structs, so that types and tests hold them to what is answered."""

from __future__ import annotations

from typing import Any

import msgspec

from compat.openai import models, speech, transcript, transcription, voices
from compat.voicebox import models as files
from compat.voicebox import names, profiles
from engines.fleet.status import EngineStatus, WorkerStatus
from gateway.http.openapi.operation import EVENTS_TYPE, TEXT_TYPE, Content
from gateway.http.server_status import Health, Liveness, Readiness, ServerInfo

Json = dict[str, Any]
CREATED = 1_767_225_600
"""2026-01-01"""
VOICE_ID, CONSENT_ID, SAMPLE_ID = "voice_8c1f0b9d2e", "cons_5d2a7c90e1", "sample_3b7e1f42aa"

VOICE = models.ListedVoice("alloy", "alloy", language="en-US", languages=("en-US",), engine="hibari")
MODEL = models.Model("tts-1", 1681940951, "system", task="text-to-speech")
CONSENT = voices.ConsentObject(CONSENT_ID, "Anna", "en", CREATED)
PRONUNCIATION = profiles.PronunciationBody("SQL", "sequel")
SAMPLE = profiles.SampleObject(
    SAMPLE_ID, CREATED, 6.2, 24_000, "audio/wav", 297_644, "9f86d081884c7d65", "The words of the sample."
)
PROFILE = profiles.ProfileObject(
    id=VOICE_ID,
    name="Anna",
    voice_type="cloned",
    mine=True,
    shared=False,
    languages=("en",),
    description="Calm, for long texts.",
    engines=(),
    model="",
    speed=None,
    instructions="",
    pronunciations=(PRONUNCIATION,),
    consent=CONSENT_ID,
    samples=(SAMPLE,),
    created_at=CREATED,
    updated_at=CREATED,
)
PRESET = names.Preset("hibari/alloy", "hibari", "alloy", "Alloy", ("en-US",), aliases=("alloy",))
ALIAS = names.Alias("narrator", VOICE_ID, "api")
MODEL_FILES = files.ModelObject(
    id="kokoro",
    name="Kokoro",
    engine="kokoro",
    repo="hexgrad/Kokoro-82M",
    revision="main",
    licence="Apache-2.0",
    kinds=("speech",),
    languages=("en-US", "en-GB", "ja"),
    sample_rate=24_000,
    voice_types=("preset",),
    streaming=True,
    instruct=False,
    cloning=False,
    requires=(),
    tier="tested",
    gated=False,
    sources=("hub", "packages"),
    size=363_000_000,
    size_on_disk=363_000_000,
    settings=(),
    marks=(),
    longest_text=0,
    longest_seconds=0.0,
    state="ready",
    runs_here=True,
    source="hub",
    seed="exact",
)
STATUS = EngineStatus(
    ready=True, running=1, queued=0, streams=1, workers=(WorkerStatus("ready", pid=None, restarts=0),)
)
TEXT = "Change the base URL, nothing else."
USAGE = transcript.Tokens(34, 25, transcript.InputTokens(0, 25), 9)

STRUCTS: dict[type, msgspec.Struct] = {
    type(example): example
    for example in (
        speech.SpeechBody("tts-1", TEXT, "alloy"),
        speech.SpeechDelta("SUQzBAAAAAAAI1RTU0U="),
        speech.SpeechDone(speech.Usage(9, 50, 59)),
        transcription.TranscriptionForm(file=b"", model="whisper-1"),
        transcription.TranslationForm(file=b"", model="whisper-1"),
        transcription.TranscriptionBody(
            model="whisper-1", input_audio=transcription.InputAudio(data="UklGRiQAAABXQVZF", format="wav")
        ),
        transcript.Transcription(TEXT, transcript.Duration(3)),
        transcript.Verbose(
            "transcribe",
            "english",
            2.5,
            TEXT,
            words=[transcript.SpokenWord("Change", 0.1, 0.5)],
            usage=transcript.Duration(3),
        ),
        transcript.Delta("Change"),
        transcript.Done(TEXT, USAGE),
        models.ModelList((MODEL,)),
        models.AudioModels((MODEL,), (MODEL,)),
        MODEL,
        models.VoiceList((VOICE,), (VOICE,)),
        VOICE,
        voices.CreateVoiceForm("Anna", consent=CONSENT_ID, language="en"),
        voices.DesignVoiceBody("Storyteller", "prompt", "An old man, warm and slow."),
        voices.VoiceObject(VOICE_ID, "Anna", CREATED, "audio_sample"),
        voices.VoiceDeleted(VOICE_ID),
        voices.ConsentForm("Anna", "en", b""),
        voices.ConsentName("Anna Smith"),
        CONSENT,
        voices.ConsentList((CONSENT,), False, CONSENT_ID, CONSENT_ID),
        voices.ConsentDeleted(CONSENT_ID),
        profiles.ProfileBody("Newsreader", "preset", preset_engine="espeak", preset_voice_id="en-us"),
        PROFILE,
        profiles.ProfileList((PROFILE,)),
        profiles.Deleted(VOICE_ID, "voicebox.profile"),
        profiles.EngineFits((profiles.EngineFit("hibari", False, "It does not clone."),)),
        profiles.AuditLines((profiles.AuditLine(CREATED, "created", consent=CONSENT_ID),)),
        profiles.SampleForm(b"", "The words of the sample."),
        profiles.SampleBody("The words of the sample."),
        SAMPLE,
        profiles.SampleList((SAMPLE,)),
        profiles.TrimBody(0.5, 6.0),
        profiles.PreviewBody("This is how I sound."),
        profiles.FileForm(b""),
        PRESET,
        names.Presets((PRESET,)),
        names.AliasBody(VOICE_ID),
        ALIAS,
        names.Aliases((ALIAS,)),
        names.Dictionary((PRONUNCIATION,)),
        names.Cleared(2),
        MODEL_FILES,
        files.ModelObjects((MODEL_FILES,)),
        files.PullObject("kokoro", "pulling", 90_000_000, 363_000_000, 12e6, 23.0, "kokoro-v1_0.pth", 1, 58),
        files.Freed("kokoro", 363_000_000),
        files.Verified("kokoro"),
        ServerInfo("Voicebox Gateway", "0.1.0", "/schema", "/health"),
        Liveness(),
        Readiness("ok"),
        Health("ok", "0.1.0", {"espeak": STATUS}),
    )
}
TEXTS = {
    "text": f"{TEXT}\n",
    "srt": f"1\n00:00:00,100 --> 00:00:02,300\n{TEXT}\n",
    "vtt": f"WEBVTT\n\n00:00:00.100 --> 00:00:02.300\n{TEXT}\n",
}
"""transcripts, by `response_format`"""
PATH_PARAMETERS = {
    "model": ("A model's name; it may have slashes in it.", "tts-1"),
    "voice_id": ("A voice's id or name; it may have slashes in it.", "alloy"),
    "consent_id": ("A consent's id.", CONSENT_ID),
    "profile_id": ("A profile's id.", VOICE_ID),
    "sample_id": ("A sample's id.", SAMPLE_ID),
    "engine": ("An engine's name.", "espeak"),
    "name": ("A name; of aliases it may have slashes in it.", "kokoro"),
}
"""what stands in paths: what it is, and one of it"""


def bodies(content: Content) -> Json:
    """Return the examples of a JSON body: only what a client would send."""
    return {name: {"value": _sent(struct)} for name, struct in _structs(content).items()}


def answers(media_type: str, content: Content) -> Json:
    """Return the examples of an answer in one media type."""
    structs = _structs(content)
    if media_type == EVENTS_TYPE:
        events = "".join(f"data: {msgspec.json.encode(struct).decode()}\n\n" for struct in structs.values())
        return {"events": {"value": f"{events}data: [DONE]\n\n"}}
    if media_type == TEXT_TYPE:
        return {name: {"value": text} for name, text in TEXTS.items()}
    return {name: {"value": msgspec.to_builtins(struct)} for name, struct in structs.items()}


def form_values(form: type) -> Json:
    """Return an example of each text field of a form."""
    struct = STRUCTS.get(form)
    return _sent(struct) if struct else {}


def _structs(content: Content) -> dict[str, msgspec.Struct]:
    kinds = content if isinstance(content, tuple) else (content,)
    shown = [kind for kind in kinds if kind in STRUCTS]
    return {kind.__name__.lower() if shown[1:] else "example": STRUCTS[kind] for kind in shown}


def _sent(struct: msgspec.Struct) -> Json:
    """Return a body without its files, and without what has its default."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(struct)}
    given = {
        name: value
        for name, value in msgspec.structs.asdict(struct).items()
        if not isinstance(value, bytes) and value != [] and value != defaults[name]
    }
    return msgspec.to_builtins(given)  # type: ignore[no-any-return]
