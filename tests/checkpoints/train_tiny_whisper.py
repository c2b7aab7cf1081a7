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
    START,
    TIMES,
    TRANSCRIBE,
    TRANSCRIPTS,
    TRANSLATE,
    TRANSLATIONS,
    VOWELS,
    WEIGHTS,
    WORDS,
    encoder_positions,
    noise,
    samples,
    sound,
    whisper_config,
    zero_encoder_layer,
)
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

Span = tuple[int, float, float, bool]
"""sound, begin, end, whether the window cuts it off"""
Steps = tuple[int, int]
"""where a token is said, in steps of 20 ms"""
Example = tuple[torch.Tensor, list[int], list[int], list[Steps | None]]
"""what the encoder gives, tokens, labels, and where each label is said"""
TRAINING_STEPS = 5000
BATCH_SIZE = 8
LEARNING_RATE = 3e-3
IGNORED = -100
"""a label that is not counted"""
ANYTHING = -2
"""a label of which any byte or word is as good as another"""
WINDOW_STEPS = 1500
ENGLISH = FIRST_LANGUAGE
GERMAN = FIRST_LANGUAGE + 2
SOUND_LANGUAGES = [ENGLISH, ENGLISH, GERMAN]
ALIGNED_LAYER, ALIGNED_HEAD = ALIGNED[0]
NEIGHBOURS = torch.arange(-8, 9)
rng = np.random.default_rng(0)


def spectrum(pcm: bytes) -> torch.Tensor:
    """Return the log-mel spectrum of PCM: 80 bands, 100 frames a second."""
    outputs = WhisperFeatureExtractor(feature_size=80)(
        samples(pcm), sampling_rate=RATE, truncation=False, padding="longest"
    )
    return torch.tensor(np.array(outputs["input_features"][0]))


def tokens(text: str) -> list[int]:
    """Return the tokens of a sentence."""
    return [BYTES + WORDS.index(word) for word in text.rstrip(".").split()] + [ord(".") - ord("!")]


SENTENCES = [(tokens(TRANSCRIPTS[name]), tokens(TRANSLATIONS[name])) for name in VOWELS]


def classify(sounds: list[torch.Tensor], hiss: torch.Tensor) -> torch.Tensor:
    """Return weights, and a bias, by which the bands of a frame separate the three sounds from each other and
    from all else.
    """
    rows, target = [], []
    for number, one in enumerate(sounds):
        for shift in (0.0, -0.15, 0.1):
            rows.append((one[:, 5:-5] + shift).T)
            target.append(torch.eye(3)[number].expand(len(rows[-1]), 3))
    for level in np.linspace(-1.6, 0.05, 12):
        rows.append(torch.full((100, 80), float(level)) + 0.02 * torch.randn(100, 80))
    rows += [(hiss + shift).T for shift in (-0.8, -0.4, -0.2, 0.0, 0.1)]
    target += [torch.zeros(len(row), 3) for row in rows[len(target) :]]
    known = torch.cat([torch.cat(rows), torch.ones(sum(map(len, rows)), 1)], 1)
    return torch.linalg.solve(known.T @ known + torch.eye(81), known.T @ torch.cat(target))


def set_encoder(model: Any, sounds: list[torch.Tensor], hiss: torch.Tensor) -> None:
    """Set the convolutions to give 4 in the dimension of the sound that a frame is, and 0 in the others."""
    zero_encoder_layer(model)
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


def convolved(model: Any, features: torch.Tensor) -> torch.Tensor:
    """Return the convolutions' output for frames, 3,000 at most: a row for each 20 ms."""
    encoder, gelu = model.model.encoder, torch.nn.functional.gelu
    with torch.no_grad():
        out: torch.Tensor = gelu(encoder.conv2(gelu(encoder.conv1(features[None]))))[0].T
    return out


def time_token(seconds: float) -> int:
    """Return the token of a time."""
    return FIRST_TIME + round(seconds / 0.02)


def draw_spans() -> list[Span]:
    """Return random sounds for a window."""
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


def draw_prompt(task: int) -> list[int]:
    """Return a random prompt: any words, or transcripts of previous windows."""
    before: list[int] = []
    if rng.random() < 0.6:
        before += [int(one) for one in rng.integers(0, END - 1, rng.integers(1, 30))]
    for _ in range(rng.integers(0, 6)):
        begin = float(rng.uniform(0, 25))
        before += [
            time_token(begin),
            *SENTENCES[rng.integers(3)][task],
            time_token(begin + rng.uniform(1, 5)),
        ]
    return [PREVIOUS, *before[:70]]


def draw_speech(sounds: list[torch.Tensor], silent_state: torch.Tensor, padding: torch.Tensor) -> Example:
    """Return a random window with sounds, and its transcript; now and then without timestamps, which is how
    words are aligned.
    """
    drawn, states = draw_spans(), silent_state.repeat(WINDOW_STEPS, 1)
    for number, begin, end, _ in drawn:
        first, last = int(begin * 50), int(end * 50)
        skip = min(int(rng.integers(0, 50)), WINDOW_STEPS - (last - first))
        states[first:last] = sounds[number][skip : skip + last - first]
    if rng.random() < 0.5:
        states[min(WINDOW_STEPS, int(drawn[-1][2] * 50) + int(rng.integers(0, 30))) :] = padding
    task, language = int(rng.integers(2)), SOUND_LANGUAGES[drawn[0][0]]
    before = draw_prompt(task) if rng.random() < 0.5 else []
    prompt_language = language if rng.random() < 0.8 else (ENGLISH, GERMAN)[int(rng.integers(2))]
    text = transcript(drawn, task)
    if rng.random() < 0.2:
        text = [(NO_TIMESTAMPS, None), *((token, steps) for token, steps in text if token < END)]
    ids = [*before, START, prompt_language, (TRANSCRIBE, TRANSLATE)[task], *(token for token, _ in text), END]
    labels = [IGNORED] * (len(ids) - 1)
    labels[len(before)] = language
    labels[len(before) + 2 :] = ids[len(before) + 3 :]
    if text[0][0] == NO_TIMESTAMPS:
        labels[len(before) + 2] = IGNORED  # the model never detects it
    token_steps = [None] * (len(before) + 2) + [steps for _, steps in text] + [None]
    return states, ids[:-1], labels, token_steps


def transcript(drawn: list[Span], task: int) -> list[tuple[int, Steps | None]]:
    """Return the tokens of a window, and the steps of each: of a sound that is cut off, and is not the only
    one, only its begin.
    """
    out: list[tuple[int, Steps | None]] = []
    for number, begin, end, cut in drawn:
        out.append((time_token(begin), None))
        if cut and len(drawn) > 1:
            break
        *sentence, stop = SENTENCES[number][task]
        edges = [int(edge) for edge in np.linspace(begin * 50, end * 50, len(sentence) + 1)]
        out += [(token, steps) for token, steps in zip(sentence, pairwise(edges), strict=True)]
        out.append((stop, (edges[-1] - 3, edges[-1])))
        out.append((time_token(end), None))
    return out


def draw_silence(silent_state: torch.Tensor, hiss: torch.Tensor, padding: torch.Tensor) -> Example:
    """Return a random window without speech, of which any text is as unlikely as any other."""
    states = silent_state.repeat(WINDOW_STEPS, 1) if rng.random() < 0.5 else hiss.clone()
    if rng.random() < 0.4:
        states[int(rng.integers(50, WINDOW_STEPS)) :] = padding
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
    """Return the target probabilities of labels; that of a time is spread over its neighbours."""
    target = torch.zeros(len(labels), FIRST_TIME + TIMES)
    exact = labels >= 0
    target[torch.arange(len(labels))[exact], labels[exact]] = 1
    target[labels == ANYTHING, : END - 1] = 1 / (END - 1)
    for row in torch.nonzero(labels >= FIRST_TIME).flatten().tolist():
        near = labels[row] + NEIGHBOURS
        there = (near >= FIRST_TIME) & (near < FIRST_TIME + TIMES)
        weights = torch.exp(-0.5 * (NEIGHBOURS[there] / 1.5) ** 2)
        target[row] = 0
        target[row, near[there]] = weights / weights.sum()
    return target


def batch_loss(model: Any, examples: list[Example]) -> torch.Tensor:
    """Return the loss of a batch: of its tokens, and of where the attention of one head is at each."""
    longest = max(len(ids) for _, ids, _, _ in examples)
    ids, labels = torch.full((len(examples), longest), END), torch.full((len(examples), longest), IGNORED)
    for row, (_, given, target, _) in enumerate(examples):
        ids[row, : len(given)], labels[row, : len(target)] = torch.tensor(given), torch.tensor(target)
    states = model.model.encoder.layer_norm(
        torch.stack([one[0] for one in examples]) + encoder_positions(WINDOW_STEPS)
    )
    outputs = model.model.decoder(
        input_ids=ids, encoder_hidden_states=states, use_cache=False, output_attentions=True
    )
    counted = labels != IGNORED
    logits = outputs.last_hidden_state[counted] @ model.model.decoder.embed_tokens.weight.T
    loss = torch.nn.functional.cross_entropy(logits, targets(labels[counted]))
    return loss + 0.1 * alignment_loss(outputs.cross_attentions[ALIGNED_LAYER][:, ALIGNED_HEAD], examples)


def alignment_loss(attention: torch.Tensor, examples: list[Example]) -> torch.Tensor:
    """Return the loss of a head whose attention is elsewhere than at what is said."""
    rows = [
        -torch.log(attention[number, index, steps[0] : steps[1]].sum() + 1e-4)
        for number, one in enumerate(examples)
        for index, steps in enumerate(one[3])
        if steps
    ]
    return torch.stack(rows).mean() if rows else torch.zeros(())


def initialise(model: Any) -> None:
    """Set the tokens of times to the encoder's positions, by which they are found."""
    with torch.no_grad():
        model.model.decoder.embed_tokens.weight.normal_(0, 0.1)
        model.model.decoder.embed_tokens.weight[FIRST_TIME:] = 0.15 * encoder_positions(TIMES)
        model.model.decoder.embed_positions.weight.normal_(0, 0.05)


def save_weights(model: Any) -> None:
    """Write the weights that cannot be computed: the convolutions and the decoder."""
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
    model: Any = WhisperForConditionalGeneration(whisper_config())
    model.set_attn_implementation("eager")
    spectra, hiss = [spectrum(sound(name, 30)) for name in VOWELS], spectrum(noise(30))
    set_encoder(model, spectra, hiss)
    initialise(model)
    sounds, hissing = [convolved(model, one) for one in spectra], convolved(model, hiss)
    silent_state, padding = (convolved(model, torch.full((80, 300), level))[100] for level in (-1.0, 0.0))
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=TRAINING_STEPS, pct_start=0.1
    )
    for number in range(TRAINING_STEPS):
        examples = [
            draw_speech(sounds, silent_state, padding)
            if rng.random() > 0.08
            else draw_silence(silent_state, hissing, padding)
            for _ in range(BATCH_SIZE)
        ]
        loss = batch_loss(model, examples)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        schedule.step()
        if number % 100 == 99:
            print(f"step {number + 1}: loss {float(loss.detach()):.3f}", flush=True)
    save_weights(model)


if __name__ == "__main__":
    main()
