"""What speech sounds like: length, edges, joins, nothing lost, and speed."""

from __future__ import annotations

from conformance import sound, wire
from conformance.context import JITTER, TEXT, Context
from conformance.registry import Run, check, expect

LONG = " ".join(f"This is sentence number {number} of a longer text." for number in range(1, 11))
THIRDS = (
    "The first of three sentences is about a river that comes down from the mountains, passes a town "
    "with two bridges, and reaches the sea between a lighthouse and a row of old white houses where "
    "nobody has lived for a hundred years.",
    "The second one tells of a gardener who planted forty apple trees along the road, watered them "
    "through a dry summer, and sat under them many years later with his grandchildren, who asked him "
    "why he had never planted any pears.",
    "And the third, which must be spoken to its very last word, is about a train that leaves every "
    "evening at a quarter past seven, stops wherever somebody waves a handkerchief, and has never "
    "once come home before the following morning.",
)


@check("speech.sound.plausible", "openai_surface §2")
async def plausible(context: Context) -> str:
    """The sound is speech of a plausible length, loud enough, neither clipped nor framed by long silence."""
    decoded = sound.from_pcm(await context.pcm())
    before, behind = sound.edges(decoded)
    seen = f"{decoded.seconds:.2f} s for {len(TEXT)} characters, {before:.2f} s before, {behind:.2f} s behind"
    expect(len(TEXT) / 40 < decoded.seconds < len(TEXT) / 5, seen)
    expect(before < 1.0 and behind < 1.5, seen)
    expect(
        sound.loudness(decoded) > 100,
        f"{seen}; hardly audible: loudness {sound.loudness(decoded):.0f} of 32767",
    )
    expect(sound.clipped(decoded) < 0.002, f"{100 * sound.clipped(decoded):.2f} % of the samples are clipped")
    return seen


@check("speech.sound.joins", "field §4.1, §4.2")
async def joins(context: Context) -> str:
    """There are no clicks at the start, at the end and where sentences meet."""
    decoded = sound.from_pcm(await context.pcm(input=LONG))
    found = sound.clicks(decoded)
    expect(not found, f"jumps at {[round(second, 2) for second in found[:5]]} s")
    ends = int(decoded.samples[0]), int(decoded.samples[-1])
    expect(max(map(abs, ends)) < 1000, f"the first and last samples are {ends}")
    return f"{decoded.seconds:.1f} s without a click"


@check("speech.sound.pauses", "field §4.2")
async def pauses(context: Context) -> str:
    """Pauses between sentences are those of a speaker: no hole of seconds within a text."""
    loudness = sound.envelope(sound.from_pcm(await context.pcm(input=LONG)))
    longest = run = 0
    for value in loudness:
        run = run + 1 if value < sound.SILENT else 0
        longest = max(longest, run)
    expect(longest * 0.02 < 2.0, f"{longest * 0.02:.2f} s of silence")
    return f"the longest is {longest * 0.02:.2f} s"


@check("speech.sound.whole", "field §4.3, §4.11")
async def whole(context: Context) -> str:
    """A text of three sentences takes as long as the three by themselves: none is lost, cut short or said
    twice.
    """
    parts = [sound.from_pcm(await context.pcm(input=text)).seconds for text in THIRDS]
    together = sound.from_pcm(await context.pcm(input=" ".join(THIRDS))).seconds
    seen = f"{together:.1f} s together, {' + '.join(f'{part:.1f}' for part in parts)} s apart"
    slack = 0.1 + await context.duration_jitter() / 2
    expect(1 - slack < together / sum(parts) < 1 + slack, seen)
    return seen


def _speed(speed: float) -> Run:
    text = LONG if speed > 1 else TEXT  # fast speech is short, and little of it shows no pitch

    async def run(context: Context) -> str:
        normal, changed = [sound.from_pcm(await context.pcm(input=text, speed=one)) for one in (1.0, speed)]
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
    """speed may be an integer, a float or a numeric string, and counts in each form."""
    normal = len(await context.pcm())
    for speed in (2, 2.0, "2.0"):
        answer = wire.success(await context.speak(speed=speed, response_format="pcm"))
        ratio = normal / max(1, len(answer.content))
        expect(1.4 < ratio < 2.7, f"speed {speed!r} is {ratio:.2f} times as fast")
    wire.success(
        await context.http.post(context.url("/audio/speech"), json={**context.speech_body(), "speed": None})
    )
    return "int, float, string and null"


@check("speech.speed.outside", "openai_surface §1.4, quirk 13")
async def speed_outside(context: Context) -> str:
    """speed outside 0.25 to 4 is refused, or clamped to the nearest limit."""
    seen = []
    for speed, limit in ((9, 4.0), (0.1, 0.25)):
        answer = await context.speak(speed=speed, response_format="pcm")
        if answer.status_code == 200:
            wanted, got = len(await context.pcm(speed=limit)) / 48_000, len(answer.content) / 48_000
            slack = JITTER + (0.1 + await context.duration_jitter()) * wanted
            expect(
                abs(got - wanted) < slack,
                f"{speed} is accepted, but not as {limit}: {got:.2f} s and {wanted:.2f} s",
            )
        else:
            expect(
                "speed" in wire.error(answer, 400)["message"],
                f"the message does not name speed: {answer.text[:100]}",
            )
        seen.append(f"{speed} {'clamped' if answer.status_code == 200 else 'refused'}")
    return ", ".join(seen)
