"""Tests of which engine fits a checkpoint, told by its files' names and its config.json."""

from __future__ import annotations

from typing import Any

import pytest

from engines.catalogue.families import UnfitModel, fit_model
from engines.catalogue.family import CheckpointFacts
from engines.catalogue.own import OwnModel

WHISPER = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json")
CTRANSLATE2 = ("config.json", "model.bin", "tokenizer.json", "vocabulary.json")
KOKORO = ("config.json", "mine.pth", "voices/anna.pt")
VITS = ("config.json", "model.safetensors", "vocab.json")
CHATTERBOX = (
    "t3_mtl23ls_v2.safetensors",
    "ve.pt",
    "s3gen.pt",
    "grapheme_mtl_merged_expanded_v1.json",
    "Cangjie5_TC.json",
)
CHATTERBOX_TURBO = (
    "t3_turbo_v1.safetensors",
    "ve.safetensors",
    "s3gen_meanflow.safetensors",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
)
QWEN3_TTS = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "speech_tokenizer/config.json",
    "speech_tokenizer/model.safetensors",
)
TADA = ("config.json", "model.safetensors")
TADA_CONFIG = {"model_type": "llama", "architectures": ["TadaForCausalLM"]}
LUXTTS = ("config.json", "tokens.txt", "model.pt", "vocoder/config.yaml", "vocoder/vocos.bin")
LUXTTS_CONFIG: dict[str, Any] = {"model": {}, "feature": {}}
PIPER = ("de_DE-a-low.onnx", "de_DE-a-low.onnx.json")
MANY = tuple(
    f"de/{name}/de_DE-{name}-low.onnx{end}" for name in map(chr, range(97, 123)) for end in ("", ".json")
)


def fit(files: tuple[str, ...], config: dict[str, Any] | None = None, **own: Any) -> Any:
    """Return the record of a repository with these files."""
    return fit_model("mine", OwnModel("acme/mine", **own), CheckpointFacts(files, config or {}))


@pytest.mark.parametrize(
    ("files", "config", "engine", "kind"),
    [
        (WHISPER, {"model_type": "whisper", "vocab_size": 51_865}, "whisper", "transcription"),
        ((*WHISPER[:1], "pytorch_model.bin", "preprocessor_config.json", "vocab.json", "merges.txt"), {"model_type": "whisper"}, "whisper", "transcription"),
        (CTRANSLATE2, {"alignment_heads": []}, "faster-whisper", "transcription"),
        (CTRANSLATE2, {}, "faster-whisper", "transcription"),
        (KOKORO, {"istftnet": {}, "plbert": {}}, "kokoro", "speech"),
        (("config.json", "onnx/model.onnx", "onnx/model_q4.onnx", "voices/a.bin"), {"model_type": "style_text_to_speech_2"}, "kokoro-onnx", "speech"),
        (PIPER, {}, "piper", "speech"),
        (("config.yaml", "model.safetensors", "tokenizer.json"), {}, "pocket-tts", "speech"),
        (("languages/german/config.yaml", "languages/german/model.safetensors", "languages/german/tokenizer.json"), {}, "pocket-tts", "speech"),
        (("config.json", "model.safetensors", "audiovae.pth", "tokenizer.json"), {"architecture": "voxcpm2"}, "voxcpm", "speech"),
        (CHATTERBOX, {}, "chatterbox", "speech"),
        (CHATTERBOX_TURBO, {}, "chatterbox-turbo", "speech"),
        (QWEN3_TTS, {"model_type": "qwen3_tts", "tts_model_type": "base"}, "qwen3-tts", "speech"),
        (QWEN3_TTS, {"model_type": "qwen3_tts", "tts_model_type": "custom_voice"}, "qwen3-tts-custom", "speech"),
        (QWEN3_TTS, {"model_type": "qwen3_tts", "tts_model_type": "voice_design"}, "qwen3-tts-design", "speech"),
        (TADA, TADA_CONFIG, "tada", "speech"),
        (LUXTTS, LUXTTS_CONFIG, "luxtts", "speech"),
        (VITS, {"model_type": "vits", "architectures": ["VitsModel"]}, "transformers", "speech"),
        (VITS, {"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]}, "transformers-asr", "transcription"),
    ],
)  # fmt: skip
def test_the_files_tell(files: tuple[str, ...], config: dict[str, Any], engine: str, kind: str) -> None:
    """Nobody has to say what a model is: its files do, wherever they come from."""
    record = fit(files, config)
    local = fit_model("mine", OwnModel(folder="/srv/mine"), CheckpointFacts(files, config))

    assert (record.engine.name, record.kinds, record.name, record.repo) == (
        engine,
        (kind,),
        "mine",
        "acme/mine",
    )
    assert (local.engine.name, local.folder, local.repo, local.source_names) == (engine, "/srv/mine", "", ())


@pytest.mark.parametrize(
    ("files", "config", "own", "reason"),
    [
        (("config.json", "model.safetensors"), {"architectures": ["LlamaForCausalLM"]}, {}, "it is of the architecture LlamaForCausalLM"),
        (("config.json", "adapter_config.json", "adapter_model.safetensors"), {"model_type": "whisper"}, {}, "has to be merged into that first"),
        (("ggml-base.bin", "README.md"), {}, {}, "llama.cpp or whisper.cpp"),
        (("README.md",), {}, {}, "it has no config.json that says what it is"),
        (WHISPER[:-1], {"model_type": "whisper"}, {}, "its tokenizer is missing"),
        (("config.json", "model.bin", "vocabulary.json"), {}, {}, "tokenizer.json is missing"),
        (("config.json", "model.bin", "tokenizer.json", "shared_vocabulary.json"), {"add_source_eos": True}, {}, "what was converted is no Whisper"),
        (("config.json", "tf_model.h5"), {"model_type": "vits", "architectures": ["VitsModel"]}, {}, "neither in safetensors nor in"),
        (WHISPER, {"model_type": "whisper"}, {"engine": "transformers"}, "set `engine: whisper`, or leave `engine` out"),
        (WHISPER, {"model_type": "whisper"}, {"kind": "speech"}, "set `kind: transcription`, or leave `kind` out"),
        (CHATTERBOX[:-1], {}, {}, "a Chatterbox, but Cangjie5_TC.json is missing"),
        (CHATTERBOX_TURBO[:2], {}, {}, "a Chatterbox Turbo, but s3gen_meanflow.safetensors is missing"),
        (QWEN3_TTS[:-2], {"model_type": "qwen3_tts", "tts_model_type": "base"}, {}, "a Qwen3-TTS, but its speech_tokenizer/config.json is missing"),
        (QWEN3_TTS[:1], {"model_type": "qwen3_tts", "tts_model_type": "base"}, {}, "its generation_config.json is missing"),
        (TADA[:1], TADA_CONFIG, {}, "a TADA, but its weights are not in safetensors"),
        (LUXTTS[:-1], LUXTTS_CONFIG, {}, "a LuxTTS, but its vocoder/vocos.bin is missing"),
        (KOKORO[:2], {"istftnet": {}}, {}, "it has no voices"),
        (MANY, {}, {}, "it has 26 voices: say which by `voice`"),
        (MANY, {}, {"voice": "de_DE-zz-low"}, "it has no voice `de_DE-zz-low`"),
    ],
)  # fmt: skip
def test_why_none_fits(
    files: tuple[str, ...], config: dict[str, Any], own: dict[str, Any], reason: str
) -> None:
    """What no engine runs is refused with the reason, and with what to write where that would help."""
    with pytest.raises(UnfitModel) as caught:
        fit(files, config, **own)
    assert reason in caught.value.message
    assert caught.value.message.startswith("`mine` (acme/mine) ")


def test_what_is_pulled() -> None:
    """Only what an engine reads is pulled: one voice among many, one graph among several; or what `files` says."""
    assert fit(MANY, voice="de_DE-c-low").files == ("de/c/de_DE-c-low.onnx", "de/c/de_DE-c-low.onnx.json")
    graphs = ("onnx/model.onnx", "onnx/model_fp16.onnx", "voices/a.bin")
    assert "onnx/model_fp16.onnx" not in fit(graphs).files
    chosen = ("onnx/model_fp16.onnx", "voices/*")
    own = OwnModel("acme/mine", files=chosen)
    assert fit_model("mine", own, CheckpointFacts(graphs)).files == chosen


def test_english_only() -> None:
    """A Whisper with the vocabulary of those that know only English is listed for that."""
    assert fit(WHISPER, {"model_type": "whisper", "vocab_size": 51_864}).languages == ("en",)
    assert "de" in fit(WHISPER, {"model_type": "whisper", "vocab_size": 51_866}).languages
    for told in ({"suppress_ids_begin": [220, 50_256]}, {"lang_ids": [*range(50_259, 50_357)]}):
        assert fit(CTRANSLATE2, told).languages == ("en",)
    for told in ({"suppress_ids_begin": [220, 50_257]}, {"lang_ids": [*range(50_259, 50_358)]}, {}):
        assert "de" in fit(CTRANSLATE2, told).languages


def test_the_other_parts_of_a_tada() -> None:
    """A TADA's pull brings codec, tokenizer and the aligners' shape from their own repositories: all aligners for
    a large one or where the settings ask for the codec, else the English one. A folder has what it has.
    """

    def aligners(record: Any) -> str:
        (codec,) = [source for source in record.sources if source.repo == "HumeAI/tada-codec"]
        return str(codec.files[-1])

    small = fit(TADA, {**TADA_CONFIG, "hidden_size": 2048})
    large = fit(TADA, {**TADA_CONFIG, "hidden_size": 3072})
    asked = fit(TADA, {**TADA_CONFIG, "hidden_size": 2048}, also=("HumeAI/tada-codec",))
    local = fit_model("mine", OwnModel(folder="/srv/mine"), CheckpointFacts(TADA, TADA_CONFIG))
    assert [len(one.sources) for one in (small, large, asked, local)] == [4, 4, 4, 0]
    assert (aligners(small), small.languages) == ("aligner/*.safetensors", ("en",))
    assert aligners(large) == aligners(asked) == "aligner*/*.safetensors"
    assert large.languages == asked.languages == local.languages
    assert small.options == {"languages": "en"}
    assert local.options == {}
