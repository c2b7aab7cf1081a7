"""Chatterbox's networks at a small size: their sizes are constants of the library, not of a checkpoint.

`shrink` sets them in this process, before anything is made or loaded. A worker is told to by the folder
`chatterbox_worker`, which goes into its PYTHONPATH: see the module `sitecustomize` in it.
"""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import Any

WIDTH = 64
WORKER_PATH = Path(__file__).with_name("chatterbox_worker")


@functools.cache
def shrink() -> None:
    """Make the library's networks small."""
    from chatterbox.models.s3gen import s3gen
    from chatterbox.models.t3 import llama_configs
    from chatterbox.models.t3.modules import cond_enc
    from s3tokenizer.model_v2 import S3TokenizerV2

    llama_configs.LLAMA_CONFIGS["Llama_520M"].update(
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=14,  # of which the watch over the alignment reads three
        head_dim=8,
    )
    llama_configs.LLAMA_CONFIGS["GPT2_medium"].update(
        hidden_size=WIDTH, n_embd=WIDTH, n_head=4, n_layer=2, vocab_size=16
    )
    cond_enc.Perceiver = _with(
        cond_enc.Perceiver, pre_attention_query_token=8, pre_attention_query_size=WIDTH, embedding_dim=WIDTH
    )
    s3gen.UpsampleConformerEncoder = _with(s3gen.UpsampleConformerEncoder, num_blocks=1, linear_units=WIDTH)
    s3gen.ConditionalDecoder = _with(
        s3gen.ConditionalDecoder,
        channels=[WIDTH],
        n_blocks=1,
        num_mid_blocks=1,
        num_heads=2,
        attention_head_dim=16,
    )
    s3gen.HiFTGenerator = _with(s3gen.HiFTGenerator, base_channels=WIDTH)
    s3gen.CAMPPlus = _with(s3gen.CAMPPlus, growth_rate=8, bn_size=2, init_channels=32)
    config = inspect.signature(S3TokenizerV2.__init__).parameters["config"].default
    config.n_audio_state, config.n_audio_head, config.n_audio_layer = WIDTH, 1, 1


def _with(made: Any, **sizes: Any) -> Any:
    """Return what makes a network with these sizes, whatever it is told."""

    def make(*args: Any, **options: Any) -> Any:
        return made(*args, **(options | sizes))

    return make
