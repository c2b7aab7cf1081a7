"""A tiny checkpoint of a VibeVoice, of random weights, in the layout of the real one."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers as library
from tiny_transformers import make_loud, save
from tokenizers import pre_tokenizers

RATE = 2400
HOP_LENGTH = 1280
SOUND_TOKEN = "<|vision_pad|>"
BEGIN_TOKEN = "<|vision_start|>"
END_TOKEN = "<|vision_end|>"
LAST_TOKEN = "<|endoftext|>"
CONTROL_TOKENS = (SOUND_TOKEN, BEGIN_TOKEN, END_TOKEN, LAST_TOKEN)
"""these are equally likely, and then the first is taken"""
CHAT_TEMPLATE = """
{%- set audio = namespace(of=[]) -%}
{%- for message in messages -%}{%- for item in message.content -%}
{%- if item.type == 'audio' and message.role not in audio.of -%}{%- set audio.of = audio.of + [message.role] -%}{%- endif -%}
{%- endfor -%}{%- endfor -%}
{{- ' Let everybody speak in a voice of their own.\n' -}}
{%- if audio.of -%}{{- ' Voice input:\n' -}}
{%- for role in audio.of -%}{{- ' Speaker ' + role + ':<|vision_start|><|vision_pad|><|vision_end|>\n' -}}{%- endfor -%}
{%- endif -%}
{{- ' Text input:\n' -}}
{%- for message in messages -%}{%- for item in message.content -%}
{%- if item.type == 'text' -%}{{- ' Speaker ' + message.role + ': ' + item.text + '\n' -}}{%- endif -%}
{%- endfor -%}{%- endfor -%}
{{- ' Speech output:\n<|vision_start|>' -}}
"""
"""makes the same prompt as the published one"""


def make_vibevoice(folder: Path, *, frames: int | None = None) -> Path:
    """Create a VibeVoice that speaks for as long as it may, or one that ends after so many frames."""
    torch.manual_seed(0)
    vocabulary = {control: index for index, control in enumerate(CONTROL_TOKENS)}
    vocabulary |= {
        byte: index
        for index, byte in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()), len(CONTROL_TOKENS))
    }
    tokens = library.Qwen2Tokenizer(
        vocab=vocabulary, merges=[], additional_special_tokens=list(CONTROL_TOKENS)
    )
    codec = {
        "hidden_size": 8, "num_filters": 4, "downsampling_ratios": [4, 5, 8, 8], "depths": [1, 1, 1, 1, 2], "kernel_size": 3,
        "layer_scale_init_value": 0.3,
    }  # fmt: skip
    last = vocabulary[LAST_TOKEN]
    config = library.VibeVoiceConfig(
        audio_config=codec,
        semantic_model_config=codec | {"hidden_size": 6},
        text_config={
            "vocab_size": len(vocabulary), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 4096, "tie_word_embeddings": True,
        },
        diffusion_head_config={"num_hidden_layers": 1, "intermediate_size": 32, "frequency_embedding_size": 16},
        pad_token_id=last, eos_token_id=last, audio_token_id=vocabulary[SOUND_TOKEN], audio_bos_token_id=vocabulary[BEGIN_TOKEN],
        audio_eos_token_id=vocabulary[END_TOKEN],
    )  # fmt: skip
    model = library.VibeVoiceForConditionalGeneration(config)
    settings = model.generation_config
    settings.do_sample = False
    settings.guidance_scale = 1.3
    settings.num_diffusion_steps = 2
    settings.max_new_tokens = 400
    settings.eos_token_id = last
    settings.pad_token_id = last
    settings.noise_scheduler_class = "DPMSolverMultistepScheduler"
    settings.noise_scheduler_config = {
        "beta_schedule": "squaredcos_cap_v2",
        "prediction_type": "v_prediction",
    }
    settings.exponential_decay_length_penalty = None if frames is None else (frames - 1, 2.0)
    features = library.VibeVoiceAcousticTokenizerFeatureExtractor(
        sampling_rate=RATE, pad_to_multiple_of=HOP_LENGTH
    )
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:  # the initial weights make hardly any sound, and the same for all texts
                weight.div_(float(weight.std()) * (weight.numel() / len(weight)) ** 0.5)
        make_loud(model, model.get_input_embeddings()).get_input_embeddings().weight[
            : len(CONTROL_TOKENS)
        ] = 0.1
    make_loud(model, model.model.audio_tower.decoder.head, gain=0.05)
    return save(folder, model, library.VibeVoiceProcessor(features, tokens, chat_template=CHAT_TEMPLATE))
