"""The audio track of a recording that is heard, and the frames of it.

A film or a screen recording may have several tracks. Heard is the one that its author marked, or the first,
as by players; where that one is empty, silent, or has no sound that moves as speech does, the next that has
such; where none does, the next that has sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard, Disposition

from engines.errors import BadAudio
from streaming.audio.avio import FFMPEG_ERRORS, NOT_DECODED, UploadReader, open_upload
from streaming.audio.recording import Source

SAMPLE_RATES = range(1000, 1_000_000)
"""Hertz; what declares another sample rate is no audio, and would cost gigabytes to resample"""
MOST_TRACKS = 64
"""tracks that are listened to, to find the one with the voice"""
SEARCH_SECONDS = 300.0
"""of a recording in which that one is looked for"""
SEARCH_SECONDS_OF_ALL = 2400.0
"""of all tracks together"""
SOUNDING_SECONDS = 0.2
"""of sound, as a lone click is none"""
NO_SOUND = "The file holds no sound."
MOST_LOST = 2.0
"""seconds that cannot be decoded in a row, behind others that can"""
ASIDE = Disposition.comment | Disposition.karaoke | Disposition.visual_impaired | Disposition.non_diegetic
"""tracks that accompany the one with the speech"""


def open_track(source: Source) -> tuple[InputContainer, UploadReader, av.AudioStream]:
    """Open a seekable file, from its start, and return it with what reads it and the track to be heard.

    All other tracks are skipped. Raises BadAudio.
    """
    container, reader = open_upload(source)
    try:
        tracks = _tracks(container)
        index = tracks[0].index if len(tracks) == 1 else _sounding_track(container, tracks)
        if len(tracks) > 1:  # what was read in the search is read again
            container.close()
            container, reader = open_upload(source)
        stream = _track(container, index)
    except BaseException:  # whatever it is, nobody else would close it
        container.close()
        raise
    _skip_all_but(container, [stream])
    return container, reader, stream


def frames(
    container: InputContainer, tracks: Sequence[av.AudioStream], *, is_heard: bool = False
) -> Iterator[tuple[int, av.AudioFrame]]:
    """Yield the frames of tracks with the index of each; skip what cannot be decoded, and end where nothing
    more can be read.

    Raises BadAudio, for a track that `is_heard`, where what cannot be decoded is more than a damaged packet.
    """
    losses = {track.index: Loss(track) for track in tracks}
    packets = container.demux(*tracks)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        # PyAV raises IndexError at the end of a file in which streams appeared on the way
        except (*FFMPEG_ERRORS, IndexError):
            break
        loss = losses[packet.stream.index]
        for frame in loss.decoded(packet):
            yield packet.stream.index, frame
        if is_heard:
            loss.check()
    for index, loss in losses.items():
        for frame in loss.decoded(None):
            yield index, frame


class Loss:
    """Decodes a track, and knows how much could not be since the last frame that could."""

    def __init__(self, track: av.AudioStream) -> None:
        self._track = track
        self._seconds = 0.0
        """decoded up to here"""
        self._lost = 0.0

    def decoded(self, packet: av.Packet[Any] | None) -> list[av.AudioFrame]:
        """Return the frames of a packet, none where it is damaged; None drains the decoder."""
        try:
            found = self._track.codec_context.decode(packet)
        except FFMPEG_ERRORS:
            if packet is not None and packet.duration and packet.time_base:
                self._lost += float(packet.duration * packet.time_base)
            return []
        if found:
            self._lost = 0.0
            self._seconds += sum(frame.samples / frame.sample_rate for frame in found if frame.sample_rate)
        return found

    def check(self) -> None:
        """Raise BadAudio where sound is lost behind some that was decoded."""
        if self._seconds and self._lost > MOST_LOST:
            raise BadAudio(
                f"The recording cannot be decoded behind its first {self._seconds:.1f} seconds: its coding"
                " changes there in a way that is not known, or it is damaged.",
                param="file",
            )


def _tracks(container: InputContainer) -> list[av.AudioStream]:
    """Return the tracks that can be decoded, the one that is preferred first. Raises BadAudio."""
    if not container.streams.audio:
        raise BadAudio(NO_SOUND, param="file")
    tracks = [track for track in container.streams.audio if track.codec_context]
    if not tracks:
        raise BadAudio(NOT_DECODED, param="file")
    return sorted(tracks, key=_rank)[:MOST_TRACKS]


def _rank(track: av.AudioStream) -> tuple[bool, bool, int]:
    disposition = track.disposition
    return not disposition & Disposition.default, bool(disposition & ASIDE), track.index


def _sounding_track(container: InputContainer, tracks: Sequence[av.AudioStream]) -> int:
    """Return the index of the first track whose sound moves as speech; where none does, of the first with
    sound, and where none has any, of the first with frames.
    """
    from streaming.audio.track_sound import TrackSound

    _skip_all_but(container, tracks)
    sounds = {track.index: TrackSound() for track in tracks}
    preferred, frames_seen, left = sounds[tracks[0].index], set[int](), SEARCH_SECONDS_OF_ALL
    for index, frame in frames(container, tracks):
        sound = sounds[index]
        frames_seen.add(index)
        if frame.sample_rate in SAMPLE_RATES:
            sound.add(frame)
            left -= frame.samples / frame.sample_rate
        if preferred.moves or sound.decoded >= SEARCH_SECONDS or left <= 0:
            break
    found = [
        *(index for index, sound in sounds.items() if sound.moves),
        *(index for index, sound in sounds.items() if sound.sounding >= SOUNDING_SECONDS),
        *(index for index, sound in sounds.items() if sound.sounding),
        *(index for index in sounds if index in frames_seen),
        tracks[0].index,
    ]
    return found[0]


def _track(container: InputContainer, index: int) -> av.AudioStream:
    """Return a track of a file that was opened again. Raises BadAudio where it is not there any more."""
    for track in container.streams.audio:
        if track.index == index:
            return track
    raise BadAudio(NOT_DECODED, param="file")


def _skip_all_but(container: InputContainer, tracks: Sequence[av.AudioStream]) -> None:
    kept = {track.index for track in tracks}
    for stream in container.streams:
        if stream.index not in kept:
            stream.discard = Discard.all
