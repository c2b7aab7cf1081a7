"""eSpeak NG's C API through ctypes: the few calls of `speak_lib.h` that speaking and reading need.

The library keeps global state and is not re-entrant: one thread at a time. It is GPL-3.0-or-later, comes with
the `espeakng-loader` wheel, and is loaded in a worker process only.
"""

from __future__ import annotations

import ctypes as c
from collections.abc import Callable, Iterator
from typing import Any

import espeakng_loader
import msgspec

from engines.api import BYTES_PER_SAMPLE
from engines.errors import EngineFailed

OUTPUT_SYNCHRONOUS = 2
BUFFER_MS = 60
"""length of a buffer that the callback gets, the shortest the library makes; measured, the first comes within
0.3 ms
"""
DONT_EXIT = 0x8000
CHARS_UTF8 = 1
END_PAUSE = 0x1000
RATE = 1
VOLUME = 2
PITCH = 3
EVENT_END_OF_LIST = 0
EVENT_WORD = 1
CONTINUE_SYNTHESIS = 0
STOP_SYNTHESIS = 1
PHONEMES_IN_IPA = 2
TIED = 0x80
TIE_SHIFT = 8
"""of the phonemes' mode: a flag, and where the character is"""
UNSPEAKABLE = dict.fromkeys(
    (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)), " "
)
"""control characters, of which NUL would end the text for C and 0x01 begin a command to the library, and lone
surrogates
"""


class _EventId(c.Union):
    _fields_ = [("number", c.c_int), ("name", c.c_char_p), ("string", c.c_char * 8)]


class _Event(c.Structure):
    _fields_ = [
        ("type", c.c_int),
        ("unique_identifier", c.c_uint),
        ("text_position", c.c_int),
        ("length", c.c_int),
        ("audio_position", c.c_int),
        ("sample", c.c_int),
        ("user_data", c.c_void_p),
        ("id", _EventId),
    ]


class _Voice(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("languages", c.POINTER(c.c_char)),
        ("identifier", c.c_char_p),
        ("gender", c.c_ubyte),
        ("age", c.c_ubyte),
        ("variant", c.c_ubyte),
        ("xx1", c.c_ubyte),
        ("score", c.c_int),
        ("spare", c.c_void_p),
    ]


_Callback = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.POINTER(_Event))


class EspeakVoice(msgspec.Struct, frozen=True):
    """A voice as the library lists it."""

    name: str
    identifier: str
    """path of its file"""
    languages: tuple[str, ...]
    """the voice's own language code first"""
    priorities: tuple[int, ...]
    """for each language; of the voices that speak one, that with the smallest number speaks it best"""
    gender: int
    """0 (unsaid), 1 (male) or 2 (female)"""


class WordEvent(msgspec.Struct, frozen=True):
    """A word, as the library reports it."""

    offset: int
    """0-based, in code points"""
    length: int
    time: float
    """when it begins, in seconds"""


class Clause(msgspec.Struct, frozen=True):
    """A clause, as the library reads it."""

    phonemes: str
    """in the International Phonetic Alphabet, words apart; `(en)` where another language begins"""
    end: int
    """where the next one begins, in code points, or one behind that"""


Sink = Callable[[list[WordEvent], bytes], None]
"""gets words and s16le PCM; what it raises ends the synthesis"""


class Library:
    """The loaded library. Raises EngineFailed when it cannot be initialised."""

    def __init__(self) -> None:
        self._lib = c.CDLL(espeakng_loader.get_library_path())
        self._declare(self._lib)
        self.sample_rate: int = self._lib.espeak_Initialize(
            OUTPUT_SYNCHRONOUS, BUFFER_MS, espeakng_loader.get_data_path().encode(), DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise EngineFailed("eSpeak NG could not be initialised.")
        self.version: str = self._lib.espeak_Info(None).decode()

    @staticmethod
    def _declare(lib: Any) -> None:  # noqa: ANN401 - ctypes types its libraries no further
        lib.espeak_Info.restype = c.c_char_p
        lib.espeak_Info.argtypes = [c.POINTER(c.c_char_p)]
        lib.espeak_ListVoices.restype = c.POINTER(c.POINTER(_Voice))
        lib.espeak_ListVoices.argtypes = [c.c_void_p]
        lib.espeak_Initialize.argtypes = [c.c_int, c.c_int, c.c_char_p, c.c_int]
        lib.espeak_SetParameter.argtypes = [c.c_int, c.c_int, c.c_int]
        lib.espeak_SetVoiceByName.argtypes = [c.c_char_p]
        lib.espeak_SetSynthCallback.restype = None
        lib.espeak_TextToPhonemes.restype = c.c_char_p
        lib.espeak_TextToPhonemes.argtypes = [c.POINTER(c.c_void_p), c.c_int, c.c_int]
        lib.espeak_Synth.argtypes = [
            c.c_char_p,
            c.c_size_t,
            c.c_uint,
            c.c_int,
            c.c_uint,
            c.c_uint,
            c.c_void_p,
            c.c_void_p,
        ]

    def voices(self) -> Iterator[EspeakVoice]:
        """Yield the language voices."""
        listed = self._lib.espeak_ListVoices(None)
        number = 0
        while listed[number]:
            voice = listed[number].contents
            number += 1
            priorities, languages = zip(*_languages(voice), strict=True)
            yield EspeakVoice(
                voice.name.decode().strip(), voice.identifier.decode(), languages, priorities, voice.gender
            )

    def set_voice(self, name: str) -> bool:
        """Set the voice by its identifier, with "+variant" behind it for a variant; False when there is none.

        The library opens files by this name, and ignores an unknown variant: never pass a caller's string.
        """
        return bool(self._lib.espeak_SetVoiceByName(name.encode()) == 0)

    def set_parameter(self, parameter: int, value: int) -> None:
        """Set the rate (words per minute), volume (100 is the default) or pitch (0 to 99)."""
        self._lib.espeak_SetParameter(parameter, value, 0)

    def clauses(self, text: str, tie: str = "") -> list[Clause]:
        """Return the clauses of a text, read by the voice that is set.

        `tie` is put between the letters of one sound, such as an affricate.

        The library reads a clause at a call, and moves a pointer on; at the end it is NULL.
        """
        encoded = text.encode("utf-8", "replace")
        buffer = c.create_string_buffer(encoded)
        pointer = c.c_void_p(c.addressof(buffer))
        mode = PHONEMES_IN_IPA | (TIED | ord(tie) << TIE_SHIFT if tie else 0)
        clauses: list[Clause] = []
        while pointer.value is not None:
            phonemes = self._lib.espeak_TextToPhonemes(c.byref(pointer), CHARS_UTF8, mode)
            read = len(encoded) if pointer.value is None else pointer.value - c.addressof(buffer)
            end = len(encoded[:read].decode("utf-8", "ignore"))
            clauses.append(Clause((phonemes or b"").decode("utf-8", "replace"), end))
        return clauses

    def synthesise(self, text: str, sink: Sink, *, pause: bool) -> None:
        """Speak a text, passing words and PCM to `sink` as they come, and raise what `sink` raises.

        Raises EngineFailed where the library fails.
        """
        raised: list[BaseException] = []

        def callback(samples: Any, count: int, events: Any) -> int:  # noqa: ANN401 - ctypes pointers
            if raised:
                return STOP_SYNTHESIS
            pcm = c.string_at(samples, BYTES_PER_SAMPLE * count) if samples and count > 0 else b""
            try:
                sink(list(_words(events, self.sample_rate)), pcm)
            except BaseException as exc:  # ctypes would print and forget it; it is raised again below
                raised.append(exc)
                return STOP_SYNTHESIS
            return CONTINUE_SYNTHESIS

        kept = _Callback(callback)  # the library keeps only its address
        self._lib.espeak_SetSynthCallback(kept)
        encoded = text.encode("utf-8", "replace")
        flags = CHARS_UTF8 | (END_PAUSE if pause else 0)
        status = self._lib.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, flags, None, None)
        self._lib.espeak_SetSynthCallback(_Callback())
        if raised:
            raise raised[0]
        if status != 0:
            raise EngineFailed(f"eSpeak NG failed with status {status}.")


def _words(events: Any, rate: int) -> Iterator[WordEvent]:  # noqa: ANN401 - a ctypes pointer
    number = 0
    while events and events[number].type != EVENT_END_OF_LIST:
        event = events[number]
        number += 1
        if event.type == EVENT_WORD:
            yield WordEvent(max(0, event.text_position - 1), event.length, event.sample / rate)


def _languages(voice: _Voice) -> Iterator[tuple[int, str]]:
    """Yield a voice's priorities and languages: a priority byte before each name, a zero byte after all."""
    address = c.addressof(voice.languages.contents)
    while (priority := c.string_at(address, 1)) != b"\0":
        name: bytes = c.c_char_p(address + 1).value or b""
        yield priority[0], name.decode()
        address += len(name) + 2
