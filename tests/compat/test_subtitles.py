"""Tests of subtitles and texts, byte by byte, and read back by a separate parser."""

from __future__ import annotations

import html
import io
import re

import av
import pytest
from av.subtitles.subtitle import AssSubtitle
from hypothesis import example, given
from hypothesis import strategies as st

from compat.openai import subtitles
from engines.api import TranscriptSegment

HELLO = [TranscriptSegment("Hello, world!", 0.0, 2.0)]
CUES = st.lists(
    st.builds(TranscriptSegment, st.text(max_size=60), st.floats(0, 4000), st.floats(0, 4000)), max_size=8
)
CUE = re.compile(r"(?:\d+\n)?(\d+):(\d\d):(\d\d)[,.](\d{3}) --> (\d+):(\d\d):(\d\d)[,.](\d{3})\n([^\n]+)\n\n")


def test_srt_is_openais() -> None:
    """One cue is exactly as recorded from upstream: the cue, an empty line, and one more newline."""
    assert subtitles.srt(HELLO) == "1\n00:00:00,000 --> 00:00:02,000\nHello, world!\n\n\n"


def test_vtt_is_openais() -> None:
    """WebVTT has no cue ids, and hours always."""
    assert subtitles.vtt(HELLO) == "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nHello, world!\n\n"


def test_text() -> None:
    """Text is the transcript and one newline, also for an empty transcript."""
    assert (
        subtitles.text([*HELLO, TranscriptSegment("", 2, 3), TranscriptSegment("Again.", 3, 4)])
        == "Hello, world! Again.\n"
    )
    assert subtitles.text([]) == "\n"
    chinese = [TranscriptSegment(text, 0, 1, space_before=False) for text in ("你好。", "世界。")]
    assert subtitles.text(chinese) == "你好。世界。\n"


def test_rounding_carries() -> None:
    """59.9996 s is a minute."""
    assert "00:01:00,000 --> 01:01:01,500" in subtitles.srt([TranscriptSegment("x", 59.9996, 3661.5)])


def shown(file: str, format: str) -> list[str]:
    """Return the texts that FFmpeg's reader and decoder of subtitles find in a file."""
    texts = []
    with av.open(io.BytesIO(file.encode()), "r", format=format) as container:
        stream = container.streams.subtitles[0]
        for packet in container.demux(stream):
            for subtitle in packet.decode():
                assert isinstance(subtitle, AssSubtitle)
                texts.append(subtitle.ass.decode().split(",", 8)[8].replace("\u2060", ""))
    return texts


@pytest.mark.parametrize(
    "said",
    ["5 < 6 and 7 > 4", "<b>bold</b> text", "say <i>it", "a <v Bob> voice", "AT&T & Sons &lt;", "x<y", "if a < b then",
     "<script>alert(1)</script>", "vector<int> of <font color=red>red</font>", "--> here", "NOTE this", "a <00:01.000> b"],
)  # fmt: skip
def test_what_players_show(said: str) -> None:
    """What is said is what a player shows, whatever it looks like to one."""
    segments = [TranscriptSegment(said, 0.0, 1.0), TranscriptSegment("Then on.", 1.0, 2.0)]

    assert shown(subtitles.vtt(segments), "webvtt") == [said, "Then on."]
    assert shown(subtitles.srt(segments), "srt") == [said.replace("-->", "->"), "Then on."]


def test_what_players_take_for_commands() -> None:
    """Commands of other formats in braces, or behind a backslash, stay text in SubRip."""
    for said in (r"{\i1}slanted", r"C:\Notes and \home"):
        file = subtitles.srt([TranscriptSegment(said, 0.0, 1.0)])
        assert not re.search(r"\{\\|\\[Nnh]", file)
        assert said in file.replace("\u2060", "")


def test_plain_text_stays() -> None:
    """No character is added to a text that needs none."""
    said = 'Is 5 < 6? {yes} C:\\Users & "all".'

    assert said in subtitles.srt([TranscriptSegment(said, 0.0, 1.0)])


@given(CUES)
@example([TranscriptSegment("a ---> b ----->", 0, 1)])
def test_any_cues_read_back(segments: list[TranscriptSegment]) -> None:
    """A file of any segments parses into just the cues that have text, none of it broken by arrows or
    newlines.
    """
    for file in (subtitles.srt(segments), subtitles.vtt(segments).removeprefix("WEBVTT\n\n")):
        cues = CUE.findall(file)
        texts = [re.sub("--+>", "->", " ".join(segment.text.split())) for segment in segments]
        found = [re.sub("--+>", "->", html.unescape(cue[8])).replace("\u2060", "") for cue in cues]

        assert found == [html.unescape(text).replace("\u2060", "") for text in texts if text]
        assert not any("-->" in cue[8] for cue in cues)
        assert "".join(match[0] for match in CUE.finditer(file)).strip() == file.strip()
        for cue in cues:
            start, end = [
                int(h) * 3_600_000 + int(m) * 60_000 + int(s) * 1000 + int(t)
                for h, m, s, t in (cue[:4], cue[4:8])
            ]
            assert start < end
