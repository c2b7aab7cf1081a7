"""Tests of how Qwen3-TTS's adapter draws codes, against transformers' own rules and torch's own draws."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from engines.adapters.qwen3_tts.key_values import KeyValues, Layout, Row
from engines.adapters.qwen3_tts.request_options import OPTIONS
from engines.adapters.qwen3_tts.sampling import (
    NO_CODE,
    Drawing,
    Noise,
    choose,
    draw_noise,
    penalise,
    sampling_of,
)
from engines.api import Settings

CODES = 200
CPU = torch.device("cpu")
DRAWINGS = st.builds(
    Drawing,
    st.sampled_from([0.0, 0.3, 0.9, 1.0, 1.7]),
    st.sampled_from([0, 1, 5, 50, CODES, 5000]),
    st.sampled_from([0.05, 0.4, 0.9, 1.0]),
)


def library_choice(scores: Tensor, drawing: Drawing, generator: torch.Generator) -> int:
    """Return the code that `generate` would draw of one member's scores, [1, codes]."""
    if drawing.is_greedy:
        return int(scores.argmax(-1))
    rules = LogitsProcessorList()
    if drawing.temperature != 1.0:
        rules.append(TemperatureLogitsWarper(drawing.temperature))
    if drawing.top_k:
        rules.append(TopKLogitsWarper(drawing.top_k))
    if drawing.top_p < 1.0:
        rules.append(TopPLogitsWarper(drawing.top_p))
    chances = rules(torch.zeros(1, 0, dtype=torch.long), scores).softmax(-1)
    return int(torch.multinomial(chances, 1, generator=generator))


@given(st.lists(st.tuples(DRAWINGS, st.integers(0, 2**62)), min_size=1, max_size=5), st.integers(0, 1000))
def test_draws_are_the_librarys(members: list[tuple[Drawing, int]], content: int) -> None:
    """Each of several members, with settings and seeds of its own, draws the codes that the library would draw
    for it alone, one after another.
    """
    scores = 3 * torch.randn(3, len(members), CODES, generator=torch.Generator().manual_seed(content))
    drawings = [drawing for drawing, _ in members]
    noises = [Noise(seed, CPU) for _, seed in members]
    ours = []
    for step in scores:
        noise = [
            draw_noise(one, drawing, 1, CODES, CPU) for one, drawing in zip(noises, drawings, strict=True)
        ]
        ours.append(choose(step, drawings, torch.cat(noise)).tolist())
    generators = [torch.Generator().manual_seed(seed) for _, seed in members]
    theirs = [
        [
            library_choice(step[number : number + 1], drawing, generators[number])
            for number, drawing in enumerate(drawings)
        ]
        for step in scores
    ]
    assert ours == theirs


def test_several_draws_at_once() -> None:
    """Numbers for several draws are those of as many draws one after another."""
    together, alone = Noise(5, CPU), Noise(5, CPU)
    assert torch.equal(together.draw(3, CODES), torch.cat([alone.draw(1, CODES) for _ in range(3)]))


@given(st.floats(1.0, 2.0), st.lists(st.integers(0, CODES - 1), max_size=20))
def test_repetitions_are_penalised_as_by_the_library(penalty: float, seen: list[int]) -> None:
    """Codes that there were become less likely as transformers has it, however often they were."""
    scores = torch.randn(1, CODES, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, CODES, dtype=torch.bool)
    mask[0, seen] = True
    theirs = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([seen], dtype=torch.long), scores.clone())
    assert torch.allclose(penalise(scores, mask, [penalty]), theirs)


def test_what_is_no_number_is_no_code() -> None:
    """Scores that are no numbers give no code, to that member alone."""
    scores = torch.zeros(2, 4)
    scores[1, 2] = torch.nan
    scores[0, 3] = 9.0
    assert choose(scores, [Drawing(0.0, 0, 1.0)] * 2, torch.ones(2, 4)).tolist() == [3, NO_CODE]


def test_settings_of_a_job() -> None:
    """A job's settings take the place of the usual ones, each at its place."""
    usual: Settings = {setting.name: float(setting.default or 0) for setting in OPTIONS.settings}
    sampling = sampling_of({"temperature": 0.0, "subtalker_top_k": 7.0, "repetition_penalty": 1.5}, usual)

    assert (sampling.first, sampling.detail) == (Drawing(0.0, 50, 1.0), Drawing(0.9, 7, 1.0))
    assert sampling.repetition_penalty == 1.5
    assert sampling.first.is_greedy
    assert not sampling.detail.is_greedy


def extend(cache: KeyValues, values: dict[Row, float]) -> dict[Row, list[float]]:
    """Add a position of one number to every row, and return what attention then sees of each."""
    following = cache.extend()
    new = torch.tensor([values[row] for row in cache.rows])[:, None, None, None]
    keys, seen_values = following.update(new, -new, 0)
    assert torch.equal(keys, -seen_values)
    visible = following.mask(torch.float32)[:, 0, 0] == 0
    return {row: keys[number, 0, visible[number], 0].tolist() for number, row in enumerate(cache.rows)}


@given(st.lists(st.sampled_from(["come", "go first", "go last", "go on"]), min_size=1, max_size=60))
def test_rows_come_and_go(events: list[str]) -> None:
    """Each row sees what was put into it and nothing of others', whoever comes and goes; of nobody nothing is
    kept.
    """
    cache = KeyValues(Layout(1, 1, 1, torch.float32, CPU))
    expected: dict[Row, list[float]] = {}
    number = 0.0
    for event in events:
        number += 1
        if event == "come":
            row = cache.add()
            length = int(number) * 97 % 300 + 1
            first = number * 1000 + torch.arange(length).float()
            cache.fill(row, length).update(first[None, None, :, None], -first[None, None, :, None], 0)
            expected[row] = first.tolist()
        elif event.startswith("go ") and event != "go on" and expected:
            row = cache.rows[0 if event == "go first" else -1]
            cache.remove(row)
            del expected[row]
        if expected:
            new = {row: number + place / 100 for place, row in enumerate(cache.rows)}
            found = extend(cache, new)
            for row, seen in expected.items():
                seen.append(new[row])
                assert found[row] == pytest.approx(seen)
    for row in list(cache.rows):
        cache.remove(row)
    assert cache.held_bytes == 0
