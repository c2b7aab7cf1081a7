"""Whisper, by faster-whisper and CTranslate2: quick on a CPU, in a fraction of the memory, and without torch.

Options: `path`, the folder of a converted model; `model`, the name it goes by; `device` ("cpu", "cuda");
`dtype`, CTranslate2's compute type ("int8", "float32", "float16", "int8_float16"); `vad`, whether silence is
passed over; `threads`, on a CPU. Nothing is ever downloaded.

A GPU needs NVIDIA's cuBLAS 12, which does not come with CTranslate2 (600 MB): the system's, or that of the
package nvidia-cublas-cu12 beside it. Without it the model runs on the CPU, and says why, unless it was told
to run on the GPU.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Collection, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import ctranslate2
from faster_whisper.transcribe import Segment

from engines.adapters.faster_whisper.model import Model
from engines.api import (
    EmitTranscription,
    EngineInfo,
    Finished,
    Progress,
    TranscriptionCapabilities,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
    TranscriptToken,
    TranscriptWord,
)
from engines.errors import EngineFailed
from engines.toolkit.transcription_options import (
    ENGLISH,
    bare,
    iso,
    logarithm,
    refuse,
    temperatures,
    usable_cores,
)
from engines.toolkit.vad import Silero
from engines.toolkit.windows import RATE, Unwanted, Window, Windows, telling

NEEDED = ("config.json", "model.bin", "tokenizer.json")
"""without the last the library would fetch one"""
CUBLAS = "cublas64_12.dll" if sys.platform == "win32" else "libcublas.so.12"
"""what CTranslate2 opens at its first multiplication on a GPU"""
GPU_LIBRARIES = "nvidia.cublas"
"""the package that brings it"""
UNSURE = 0.5
"""what was heard at a higher temperature, and all before it, is not told to the window that follows: the
library's own limit
"""


class FasterWhisper:
    """See the module. One thread at a time."""

    def __init__(
        self,
        path: str = "",
        model: str = "faster-whisper",
        device: str = "auto",
        dtype: str = "auto",
        vad: bool = True,
        threads: int = 0,
    ) -> None:
        self._path, self._name, self._device, self._dtype = path, model, device, dtype
        self._vad, self._threads = vad, threads

    def load(self) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        self._model = model = _opened(
            _checked(self._path), self._device, self._dtype, self._threads or usable_cores()
        )
        self._silero = Silero() if self._vad else None
        self._codes = iso(model.languages)
        return EngineInfo(
            name="faster-whisper",
            version=version("faster-whisper"),
            licence="MIT",
            models=(self._name,),
            device=str(model.model.device),
            transcription=TranscriptionCapabilities(
                tuple(self._codes),
                sample_rate=RATE,
                words=True,
                logprobs=True,
                prompt=True,
                temperature=True,
                translate=bool(model.model.is_multilingual),
            ),
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Transcribe a recording, window by window. Raises Unsupported."""
        refuse(job, self._name, self._codes, translates=self._model.model.is_multilingual)
        tell = telling(emit)
        windows = Windows(audio, self._silero, lambda seconds: tell(Progress(seconds)))
        self._model.step = lambda: tell(Progress(windows.done))
        try:
            self._transcribe_windows(job, windows, tell)
        except Unwanted:
            return
        finally:
            del self._model.step

    def _transcribe_windows(
        self, job: TranscriptionJob, windows: Windows, tell: Callable[[TranscriptionEvent], None]
    ) -> None:
        hearing = Hearing(self._model, job, self._codes.get(job.language or ""))
        while window := windows.next():
            for segment in hearing.hear(window):
                tell(_heard(segment, window, job))
            windows.advance(self._model.heard or len(window.own) / RATE)
            tell(Progress(windows.done))
        language = next((known for known, code in self._codes.items() if code == hearing.language), ENGLISH)
        tell(Finished(windows.duration, language))


class Hearing:
    """One recording on its way through the model: what was said before goes along as the prompt of what
    follows.
    """

    def __init__(self, model: Model, job: TranscriptionJob, language: str | None) -> None:
        self._model, self._job = model, job
        self.language = language
        """the model's own code, once it is known"""
        self._said = model.tokens(job.prompt or "")

    def hear(self, window: Window) -> Iterator[Segment]:
        """Hear a window, segment by segment."""
        temperature = 0.0
        for segment in self._model.hear(
            window.own,
            language=self.language,
            task="translate" if self._job.translate else "transcribe",
            initial_prompt=self._said or None,
            temperature=temperatures(self._job.temperature),
            word_timestamps=self._job.words or self._job.logprobs,
        ):
            self._said += segment.tokens
            temperature = segment.temperature
            yield segment
        self.language = self._model.language
        if temperature > UNSURE:
            self._said = []


def _heard(segment: Segment, window: Window, job: TranscriptionJob) -> TranscriptSegment:
    """Tell of a segment. CTranslate2 says how sure it is of words, not of their parts."""
    sure = [
        TranscriptToken(word.word, logarithm(float(word.probability)), tuple(word.word.encode()))
        for word in segment.words or ()
    ]
    return TranscriptSegment(
        segment.text.strip(),
        window.time(segment.start),
        window.time(segment.end),
        tuple(
            TranscriptWord(
                bare(word.word),
                window.time(word.start),
                window.time(word.end),
                logarithm(float(word.probability)),
            )
            for word in segment.words or ()
            if job.words and bare(word.word)
        ),
        float(segment.avg_logprob),
        float(segment.no_speech_prob),
        tuple(int(token) for token in segment.tokens),
        float(segment.temperature),
        tuple(sure) if job.logprobs else (),
        segment.text[:1].isspace(),
    )


def _checked(folder: str) -> Path:
    """Give the folder if it looks like a converted model. Raises EngineFailed."""
    if not folder:
        raise EngineFailed(
            "Which Whisper model? Set the option `path` to the folder of one that is converted for CTranslate2."
        )
    path = Path(folder)
    if not path.is_dir():
        raise EngineFailed(
            f"There is no folder {path}: the option `path` should name that of a converted Whisper model."
        )
    if missing := [name for name in NEEDED if not (path / name).is_file()]:
        raise EngineFailed(
            f"The Whisper model in {path} is not whole, or not converted: {', '.join(missing)} is missing."
        )
    return path


def _opened(path: Path, device: str, dtype: str, threads: int) -> Model:
    device = device_for(device, ctranslate2.get_cuda_device_count())
    try:
        compute = dtype if dtype != "auto" else compute_type(device)
        model = Model(
            str(path), device=device, compute_type=compute, cpu_threads=threads, local_files_only=True
        )
    except Exception as exc:  # the library raises whatever its parsers do
        raise EngineFailed(
            f"The Whisper model in {path} cannot be loaded: {type(exc).__name__}: {exc}"
        ) from exc
    if model.model.n_mels != len(model.feature_extractor.mel_filters):
        features = (
            path / "preprocessor_config.json"
        )  # older models have none, and the bands that the library takes by itself
        raise EngineFailed(
            f"{features} is missing, or another model's: {model.model.n_mels} bands are wanted."
        )
    return model


def device_for(asked: str, gpus: int) -> str:
    """Give the device for the one asked for, "auto" for the best, where there are so many GPUs. Raises
    EngineFailed.
    """
    if not gpus or asked not in ("auto", "cuda"):
        return "cpu" if asked == "auto" else asked
    try:
        load_cublas()
    except OSError as exc:
        install = f"pip --python {sys.executable} install nvidia-cublas-cu12"
        reason = f"CTranslate2 cannot use the GPU without cuBLAS 12 ({exc}); install it: {install}"
        if asked == "cuda":
            raise EngineFailed(reason) from exc
        print(f"{reason}. Until then it runs on the CPU.", file=sys.stderr)
        return "cpu"
    return "cuda"


def load_cublas() -> None:
    """Load cuBLAS, the package's if it is there, so that CTranslate2 finds it by its name. Raises OSError."""
    try:
        package = find_spec(GPU_LIBRARIES)
    except ModuleNotFoundError:
        package = None
    places = (package.submodule_search_locations if package else None) or ()
    files = [Path(place) / folder / CUBLAS for place in places for folder in ("lib", "bin")]
    found = next((file for file in files if file.is_file()), None)
    ctypes.CDLL(str(found or CUBLAS), mode=ctypes.RTLD_GLOBAL)


def compute_type(
    device: str, supported: Callable[[str], Collection[str]] = ctranslate2.get_supported_compute_types
) -> str:
    """Give the number format that suits a device: bytes on a CPU, halves on a GPU that computes with them."""
    if device == "cpu":
        return "int8"
    return "float16" if "float16" in supported(device) else "float32"
