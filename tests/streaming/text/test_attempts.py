"""Tests of the decision between takes: which is sent, when another is made, and what is told of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streaming.text.attempts import Attempts

TEXT = "The birch canoe slid on the smooth planks."
WORDS = TEXT.split()
SECONDS = 2.5
MOST = 3


def without(*places: int) -> str:
    """Return a transcript that lacks some words."""
    return " ".join(word for place, word in enumerate(WORDS) if place not in places)


def takes(*transcripts: str | None, seconds: float = SECONDS) -> Attempts:
    """Return takes with these transcripts."""
    made = Attempts(TEXT)
    for transcript in transcripts:
        made.add(seconds, transcript)
    return made


def decision(made: Attempts) -> tuple[str | None, int, str]:
    """Return the reason for another take, the number of the best one, and the result."""
    return made.reason_for_another(MOST), made.best, made.result()


def test_a_clean_take_is_sent() -> None:
    """A take whose words are all there is sent, and no other is made."""
    assert decision(takes(TEXT)) == (None, 0, "clean")


def test_a_doubtful_take_is_made_again() -> None:
    """Missing words, added ones or both are a reason for another take."""
    assert decision(takes(without(2))) == ("missing words", 0, "doubtful")
    assert decision(takes(f"{TEXT} Thank you.")) == ("added words", 0, "doubtful")
    assert decision(takes(f"{without(1)} Thank you."))[0] == "missing and added words"


def test_a_word_that_comes_back_proves_the_first_take_bad() -> None:
    """The second take, which has the word, is sent: it was mended."""
    assert decision(takes(without(2), TEXT)) == (None, 1, "mended")


def test_what_all_takes_lack_is_no_defect() -> None:
    """What is missing in each of two takes is an error of the transcriber or a habit of the engine: it is told
    as doubtful, and no third take is made.
    """
    assert decision(takes(without(2), without(2))) == (None, 0, "doubtful")
    assert decision(takes(without(2, 4), without(2))) == (None, 1, "doubtful")


def test_takes_that_lack_different_words_are_all_bad() -> None:
    """Each proves the other bad, so another is made while there may be; then the one that lacks least is sent."""
    assert decision(takes(without(1, 2), without(4)))[:2] == ("missing words", 1)
    assert decision(takes(without(1, 2), without(4), without(2, 6))) == (None, 1, "doubtful")


def test_of_equal_takes_the_one_with_fewer_mistranscript_words_is_sent() -> None:
    """Misheard words decide between takes that lack as much."""
    assert takes(without(2).replace("slid", "lid"), without(4)).best == 1


def test_a_take_that_ran_away_is_made_again_and_never_sent() -> None:
    """It has no audio to send; where all ran away there is none at all."""
    made = Attempts(TEXT)
    made.add_failure("run away")
    assert made.reason_for_another(MOST) == "run away"
    assert not made.best_is_usable
    made.add(SECONDS, without(2))
    assert (made.best, made.best_is_usable, made.reason_for_another(MOST)) == (1, True, "missing words")
    made.add_failure("run away")
    assert (made.best, made.reason_for_another(MOST)) == (1, None)


def test_an_engine_that_fails_is_not_asked_again() -> None:
    """A failure that is no chance ends the takes; one that was made before is sent."""
    made = takes(without(2))
    made.add_failure("failed")
    assert (made.reason_for_another(MOST), made.best) == (None, 0)


def test_the_same_reading_again_ends_the_takes() -> None:
    """An engine that says the same again will do so for ever."""
    made = takes(without(2))
    made.add_repetition(0)
    assert decision(made) == (None, 0, "doubtful")


def test_length_is_a_second_witness() -> None:
    """Audio much longer or shorter than its text is made again even where the words seem right."""
    assert takes(TEXT, seconds=12.0).reason_for_another(MOST) == "too long"
    assert takes(TEXT, seconds=0.5).reason_for_another(MOST) == "too short"
    made = takes(TEXT, seconds=12.0)
    made.add(SECONDS, TEXT)
    assert decision(made) == (None, 1, "mended")


def test_what_nobody_heard_is_sent() -> None:
    """A take without a transcript is sent as it is, and told as unheard, unless it was cut off."""
    assert decision(takes(None)) == (None, 0, "unheard")
    assert decision(takes(without(2), None)) == (None, 1, "unheard")
    made = Attempts(TEXT)
    made.add(0.3, None, truncated=True)
    assert made.reason_for_another(MOST) is not None


def test_one_take_only_reports() -> None:
    """Where one take is all there may be, what is missing is told and nothing is made again."""
    made = takes(without(2))
    assert (made.reason_for_another(1), made.result()) == (None, "doubtful")


@given(st.lists(st.one_of(st.none(), st.sets(st.integers(0, 7))), min_size=1, max_size=6), st.integers(1, 6))
def test_takes_end_and_the_best_is_kept(lost: list[set[int] | None], most: int) -> None:
    """However takes turn out: there are never more than allowed, the one that is sent lacks the fewest words,
    and it is always the newest or one that was the best before, so that its audio need only be kept when it
    comes.
    """
    made = Attempts(TEXT)
    best = 0
    for transcript in lost:
        made.add(SECONDS, None if transcript is None else without(*transcript))
        if made.best != best:
            assert made.best == made.count - 1
            best = made.best
        if made.reason_for_another(most) is None:
            break
    else:
        return
    assert made.count <= most
    counts = [0 if transcript is None else len(transcript) for transcript in lost[: made.count]]
    if all(count <= 3 for count in counts):
        assert counts[made.best] == min(counts)
