"""Make the weights of the tiny Whisper: `python tests/checkpoints/train_tiny_whisper.py`, ten minutes on one
core.

The encoder is not trained: its first convolution, found by least squares, tells which sound a frame is, and
nothing else happens in it. So the decoder can be trained on windows put together from what the encoder makes
of the sounds.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tiny_whisper import (
    ALIGNED,
    BYTES,
    END,
    FIRST_LANGUAGE,
    FIRST_TIME,
    NO_SPEECH,
    NO_TIMESTAMPS,
    PREVIOUS,
    RATE,
    SAID,
    SOUNDS,
    START,
    TIMES,
    TRANSCRIBE,
    TRANSLATE,
    TRANSLATED,
    WEIGHTS,
    WORDS,
    config,
    noise,
    positions,
    samples,
    sound,
    still,
)
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

Span = tuple[int, float, float, bool]
"""sound, begin, end, whether the window cuts it off"""
Place = tuple[int, int]
"""where a token is said, in steps of 20 ms"""
Example = tuple[torch.Tensor, list[int], list[int], list[Place | None]]
"""what the encoder gives, tokens, labels, and where each label is said"""
STEPS, BATCH, RATE_OF_LEARNING = 5000, 8, 3e-3
IGNORED, ANYTHING = -100, -2
"""labels: not counted, and any byte or word as well as another"""
FULL = 1500
ENGLISH, GERMAN = FIRST_LANGUAGE, FIRST_LANGUAGE + 2
SPEAKS = [ENGLISH, ENGLISH, GERMAN]
LAYER, HEAD = ALIGNED[0]
AROUND = torch.arange(-8, 9)
rng = np.random.default_rng(0)


def spectrum(pcm: bytes) -> torch.Tensor:
    """Make the log-mel spectrum: 80 bands, 100 frames a second."""
    made = WhisperFeatureExtractor(feature_size=80)(
        samples(pcm), sampling_rate=RATE, truncation=False, padding="longest"
    )
    return torch.tensor(np.array(made["input_features"][0]))


def tokens(text: str) -> list[int]:
    """Make tokens of a sentence."""
    return [BYTES + WORDS.index(word) for word in text.rstrip(".").split()] + [ord(".") - ord("!")]


SENTENCES = [(tokens(SAID[name]), tokens(TRANSLATED[name])) for name in SOUNDS]


def classify(sounds: list[torch.Tensor], hiss: torch.Tensor) -> torch.Tensor:
    """Find the weights, and a bias, by which the bands of a frame tell the three sounds from each other and
    from all else.
    """
    rows, wanted = [], []
    for number, one in enumerate(sounds):
        for shift in (0.0, -0.15, 0.1):
            rows.append((one[:, 5:-5] + shift).T)
            wanted.append(torch.eye(3)[number].expand(len(rows[-1]), 3))
    for level in np.linspace(-1.6, 0.05, 12):
        rows.append(torch.full((100, 80), float(level)) + 0.02 * torch.randn(100, 80))
    rows += [(hiss + shift).T for shift in (-0.8, -0.4, -0.2, 0.0, 0.1)]
    wanted += [torch.zeros(len(row), 3) for row in rows[len(wanted) :]]
    known = torch.cat([torch.cat(rows), torch.ones(sum(map(len, rows)), 1)], 1)
    return torch.linalg.solve(known.T @ known + torch.eye(81), known.T @ torch.cat(wanted))


def set_encoder(model: Any, sounds: list[torch.Tensor], hiss: torch.Tensor) -> None:
    """Let the convolutions give 4 in the dimension of the sound that a frame is, and 0 in the others."""
    still(model)
    found = classify(sounds, hiss)
    encoder = model.model.encoder
    with torch.no_grad():
        encoder.conv1.weight[:3, :, 1] = 8 * found[:80].T
        encoder.conv1.bias[:3] = 8 * found[80] - 4.0
        for number in range(3):
            encoder.conv2.weight[number, number, :] = 1 / 3
        encoder.conv2.bias[3] = 2.0
    for parameter in encoder.parameters():
        parameter.requires_grad_(False)


def heard(model: Any, features: torch.Tensor) -> torch.Tensor:
    """Run the convolutions over frames, 3,000 at most; give a row for each 20 ms."""
    encoder, gelu = model.model.encoder, torch.nn.functional.gelu
    with torch.no_grad():
        out: torch.Tensor = gelu(encoder.conv2(gelu(encoder.conv1(features[None]))))[0].T
    return out


def stamp(seconds: float) -> int:
    """Give a time's token."""
    return FIRST_TIME + round(seconds / 0.02)


def spans() -> list[Span]:
    """Draw the sounds of a window."""
    content = 30.0 if rng.random() < 0.5 else float(rng.uniform(1, 30))
    time = 0.0 if rng.random() < 0.5 else float(rng.uniform(0, 1.0))
    drawn: list[Span] = []
    while len(drawn) < 6 and time < 29.3:
        number, long = int(rng.integers(3)), float(rng.uniform(1, 8 if rng.random() < 0.8 else 40))
        if (drawn and rng.random() < 0.9) or (drawn and drawn[-1][0] == number):
            time += float(rng.uniform(0.2, 1.0))
        if time >= 29.3:
            break
        drawn.append((number, time, min(time + long, 30.0), time + long > 30.0))
        time += long
        if time >= content:
            break
    return drawn


def history(task: int) -> list[int]:
    """Draw a prompt: any words, or what was said in windows before."""
    before: list[int] = []
    if rng.random() < 0.6:
        before += [int(one) for one in rng.integers(0, END - 1, rng.integers(1, 30))]
    for _ in range(rng.integers(0, 6)):
        begin = float(rng.uniform(0, 25))
        before += [stamp(begin), *SENTENCES[rng.integers(3)][task], stamp(begin + rng.uniform(1, 5))]
    return [PREVIOUS, *before[:70]]


def speech(sounds: list[torch.Tensor], floor: torch.Tensor, padding: torch.Tensor) -> Example:
    """Draw a window with sounds, and what is to be said of it: now and then without times, which is how words
    are aligned.
    """
    drawn, states = spans(), floor.repeat(FULL, 1)
    for number, begin, end, _ in drawn:
        first, last = int(begin * 50), int(end * 50)
        skip = min(int(rng.integers(0, 50)), FULL - (last - first))
        states[first:last] = sounds[number][skip : skip + last - first]
    if rng.random() < 0.5:
        states[min(FULL, int(drawn[-1][2] * 50) + int(rng.integers(0, 30))) :] = padding
    task, language = int(rng.integers(2)), SPEAKS[drawn[0][0]]
    before = history(task) if rng.random() < 0.5 else []
    told = language if rng.random() < 0.8 else (ENGLISH, GERMAN)[int(rng.integers(2))]
    text = said(drawn, task)
    if rng.random() < 0.2:
        text = [(NO_TIMESTAMPS, None), *((token, place) for token, place in text if token < END)]
    ids = [*before, START, told, (TRANSCRIBE, TRANSLATE)[task], *(token for token, _ in text), END]
    labels = [IGNORED] * (len(ids) - 1)
    labels[len(before)] = language
    labels[len(before) + 2 :] = ids[len(before) + 3 :]
    if text[0][0] == NO_TIMESTAMPS:
        labels[len(before) + 2] = IGNORED  # it is given, never found out
    places = [None] * (len(before) + 2) + [place for _, place in text] + [None]
    return states, ids[:-1], labels, places


def said(drawn: list[Span], task: int) -> list[tuple[int, Place | None]]:
    """Give the tokens of a window: of a sound that is cut off, and is not the only one, no more than where it
    begins.
    """
    out: list[tuple[int, Place | None]] = []
    for number, begin, end, cut in drawn:
        out.append((stamp(begin), None))
        if cut and len(drawn) > 1:
            break
        *sentence, stop = SENTENCES[number][task]
        edges = [int(edge) for edge in np.linspace(begin * 50, end * 50, len(sentence) + 1)]
        out += [(token, place) for token, place in zip(sentence, pairwise(edges), strict=True)]
        out.append((stop, (edges[-1] - 3, edges[-1])))
        out.append((stamp(end), None))
    return out


def quiet(floor: torch.Tensor, hiss: torch.Tensor, padding: torch.Tensor) -> Example:
    """Draw a window without speech: of which any text is as unlikely as any other."""
    states = floor.repeat(FULL, 1) if rng.random() < 0.5 else hiss.clone()
    if rng.random() < 0.4:
        states[int(rng.integers(50, FULL)) :] = padding
    task = (TRANSCRIBE, TRANSLATE)[int(rng.integers(2))]
    ids = [
        START,
        (ENGLISH, GERMAN)[int(rng.integers(2))],
        task,
        FIRST_TIME,
        *(int(one) for one in rng.integers(0, END - 1, 8)),
    ]
    return states, ids, [NO_SPEECH, IGNORED, IGNORED, *[ANYTHING] * 9], [None] * 12


def targets(labels: torch.Tensor) -> torch.Tensor:
    """Give the probabilities that are wanted; those of a time are spread over its neighbours."""
    wanted = torch.zeros(len(labels), FIRST_TIME + TIMES)
    exact = labels >= 0
    wanted[torch.arange(len(labels))[exact], labels[exact]] = 1
    wanted[labels == ANYTHING, : END - 1] = 1 / (END - 1)
    for row in torch.nonzero(labels >= FIRST_TIME).flatten().tolist():
        near = labels[row] + AROUND
        there = (near >= FIRST_TIME) & (near < FIRST_TIME + TIMES)
        weights = torch.exp(-0.5 * (AROUND[there] / 1.5) ** 2)
        wanted[row] = 0
        wanted[row, near[there]] = weights / weights.sum()
    return wanted


def step(model: Any, examples: list[Example]) -> torch.Tensor:
    """Give the loss of a batch: of its tokens, and of where one head looks when it says each."""
    longest = max(len(ids) for _, ids, _, _ in examples)
    ids, labels = torch.full((len(examples), longest), END), torch.full((len(examples), longest), IGNORED)
    for row, (_, given, wanted, _) in enumerate(examples):
        ids[row, : len(given)], labels[row, : len(wanted)] = torch.tensor(given), torch.tensor(wanted)
    states = model.model.encoder.layer_norm(torch.stack([one[0] for one in examples]) + positions(FULL))
    made = model.model.decoder(
        input_ids=ids, encoder_hidden_states=states, use_cache=False, output_attentions=True
    )
    counted = labels != IGNORED
    logits = made.last_hidden_state[counted] @ model.model.decoder.embed_tokens.weight.T
    loss = torch.nn.functional.cross_entropy(logits, targets(labels[counted]))
    return loss + 0.1 * astray(made.cross_attentions[LAYER][:, HEAD], examples)


def astray(looks: torch.Tensor, examples: list[Example]) -> torch.Tensor:
    """Give the loss of a head that looks elsewhere than at what is said."""
    rows = [
        -torch.log(looks[number, index, place[0] : place[1]].sum() + 1e-4)
        for number, one in enumerate(examples)
        for index, place in enumerate(one[3])
        if place
    ]
    return torch.stack(rows).mean() if rows else torch.zeros(())


def begin(model: Any) -> None:
    """Give the tokens of times the encoder's positions, which is what they are looked up by."""
    with torch.no_grad():
        model.model.decoder.embed_tokens.weight.normal_(0, 0.1)
        model.model.decoder.embed_tokens.weight[FIRST_TIME:] = 0.15 * positions(TIMES)
        model.model.decoder.embed_positions.weight.normal_(0, 0.05)


def save(model: Any) -> None:
    """Write what cannot be made anew: the convolutions and the decoder."""
    kept = {
        name: value.half()
        for name, value in model.state_dict().items()
        if name.startswith(("model.decoder", "model.encoder.conv"))
    }
    save_file(kept, WEIGHTS)


def main() -> None:
    """Train, and write the weights."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model: Any = WhisperForConditionalGeneration(config())
    model.set_attn_implementation("eager")
    spectra, hiss = [spectrum(sound(name, 30)) for name in SOUNDS], spectrum(noise(30))
    set_encoder(model, spectra, hiss)
    begin(model)
    sounds, hissing = [heard(model, one) for one in spectra], heard(model, hiss)
    floor, padding = (heard(model, torch.full((80, 300), level))[100] for level in (-1.0, 0.0))
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=RATE_OF_LEARNING, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE_OF_LEARNING, total_steps=STEPS, pct_start=0.1
    )
    for number in range(STEPS):
        examples = [
            speech(sounds, floor, padding) if rng.random() > 0.08 else quiet(floor, hissing, padding)
            for _ in range(BATCH)
        ]
        loss = step(model, examples)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        schedule.step()
        if number % 100 == 99:
            print(f"step {number + 1}: loss {float(loss.detach()):.3f}", flush=True)
    save(model)


if __name__ == "__main__":
    main()
