"""The contract between the gateway and an engine: capabilities, jobs, outputs, and what an adapter offers.

Audio between engine and gateway is signed 16-bit little-endian mono PCM ("s16le"). Times are seconds, offsets
are Unicode code points into the text of the job. Errors are those of `engines.errors`.
"""

from __future__ import annotations

from engines.api.capabilities import (
    CloningCapabilities,
    EngineInfo,
    Gender,
    LanguageNeed,
    SeedWorth,
    SpeechCapabilities,
    TranscriptionCapabilities,
    TranscriptNeed,
    Voice,
    WordSource,
)
from engines.api.concurrency import (
    ALONE,
    Alone,
    Batches,
    Concurrency,
    Steps,
    Threads,
)
from engines.api.engine import (
    BatchItem,
    BatchSpeaker,
    Cloner,
    Engine,
    Speaker,
    StepResult,
    StepSpeaker,
    Transcriber,
)
from engines.api.jobs import (
    Audio,
    Beat,
    Finished,
    Progress,
    Prompt,
    PromptJob,
    Sample,
    SpeechEvent,
    SpeechJob,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
    TranscriptToken,
    TranscriptWord,
    Word,
)
from engines.api.output import (
    Output,
    SpeechOutput,
    Stop,
    TranscriptionOutput,
)
from engines.api.place import Place
from engines.api.request_options import (
    RequestOptions,
    Setting,
    Settings,
    SettingValue,
)
from engines.api.steps import attempt

BYTES_PER_SAMPLE = 2
"""of s16le mono PCM"""

__all__ = [
    "ALONE",
    "BYTES_PER_SAMPLE",
    "Alone",
    "Audio",
    "BatchItem",
    "BatchSpeaker",
    "Batches",
    "Beat",
    "Cloner",
    "CloningCapabilities",
    "Concurrency",
    "Engine",
    "EngineInfo",
    "Finished",
    "Gender",
    "LanguageNeed",
    "Output",
    "Place",
    "Progress",
    "Prompt",
    "PromptJob",
    "RequestOptions",
    "Sample",
    "SeedWorth",
    "Setting",
    "SettingValue",
    "Settings",
    "Speaker",
    "SpeechCapabilities",
    "SpeechEvent",
    "SpeechJob",
    "SpeechOutput",
    "StepResult",
    "StepSpeaker",
    "Steps",
    "Stop",
    "Threads",
    "Transcriber",
    "TranscriptNeed",
    "TranscriptSegment",
    "TranscriptToken",
    "TranscriptWord",
    "TranscriptionCapabilities",
    "TranscriptionEvent",
    "TranscriptionJob",
    "TranscriptionOutput",
    "Voice",
    "Word",
    "WordSource",
    "attempt",
]
