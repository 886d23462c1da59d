"""What a folder says of its encoder."""

from pathlib import Path
from typing import Any

import pytest
from tiny_encoders import CONFIGS, write_folder, write_json

from supportnet.errors import UserError
from supportnet.pretrained import read_folder

TRANSFORMER = {"type": "sentence_transformers.models.Transformer", "path": ""}
POOLING = {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}
NORMALIZE = {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"}


def error(folder: Path, **options: Any) -> str:
    with pytest.raises(UserError) as raised:
        read_folder(folder, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def sentence_folder(path: Path, modules: Any, pooling: Any = None) -> Path:
    write_folder(path)
    write_json(path / "modules.json", modules)
    write_json(path / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True} if pooling is None else pooling)
    return path


@pytest.mark.parametrize("kind", CONFIGS)
def test_sizes(kind: str, tmp_path: Path) -> None:
    folder = read_folder(write_folder(tmp_path / "model", kind))
    assert folder.model_type == kind
    assert folder.sizes == {
        "vocab_size": 11,
        "embedding_dim": 8,
        "hidden_dim": 12,
        "num_layers": 2,
        "num_heads": 2,
        "max_length": 7,
        "activation": "gelu",
        "epsilon": 1e-12,
    }
    assert (folder.num_positions, folder.num_token_types) == (7, 2 if kind == "bert" else 0)
    assert (folder.pooling, folder.unit_length, folder.prompt) == ("mean", False, "")
    assert folder.tokenizer_file == tmp_path / "model" / "tokenizer.json"


def test_what_a_configuration_may_leave_out(tmp_path: Path) -> None:
    left_out = ("hidden_act", "layer_norm_eps", "position_embedding_type", "type_vocab_size", "architectures")
    plain = read_folder(write_folder(tmp_path / "plain"))
    assert read_folder(write_folder(tmp_path / "plain", **dict.fromkeys(left_out))) == plain


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False, "word_embedding_dimension": 8}, "mean"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True, "include_prompt": True}, "cls"),
        ({"pooling_mode": "cls", "embedding_dimension": 8}, "cls"),
    ],
)
def test_pooling(pooling: dict[str, Any], expected: str, tmp_path: Path) -> None:
    folder = read_folder(sentence_folder(tmp_path, [TRANSFORMER, POOLING], pooling))
    assert (folder.pooling, folder.unit_length) == (expected, False)


def test_unit_length(tmp_path: Path) -> None:
    assert read_folder(sentence_folder(tmp_path, [TRANSFORMER, POOLING, NORMALIZE])).unit_length


@pytest.mark.parametrize(
    ("config", "prompt"),
    [
        ({"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": None}, "query: "),
        ({"prompts": {"query": "query: ", "other": "sentence: "}, "default_prompt_name": "other"}, "sentence: "),
        ({"prompts": {}, "default_prompt_name": None}, ""),
        ({"__version__": {}}, ""),
    ],
)
def test_prompt(config: dict[str, Any], prompt: str, tmp_path: Path) -> None:
    write_json(write_folder(tmp_path) / "config_sentence_transformers.json", config)
    assert read_folder(tmp_path).prompt == prompt


def test_max_length(tmp_path: Path) -> None:
    write_folder(tmp_path)
    assert read_folder(tmp_path, max_length=3).sizes["max_length"] == 3
    for stated, expected in ((5, 5), (512, 7), (None, 7)):
        write_json(tmp_path / "sentence_bert_config.json", {"max_seq_length": stated})
        assert read_folder(tmp_path).sizes["max_length"] == expected
    assert read_folder(tmp_path, max_length=7).num_positions == 7
    assert "has 7 positions, fewer than max_length. Received: max_length=8" in error(tmp_path, max_length=8)
    assert "max_length must be at least 1" in error(tmp_path, max_length=0)
    write_json(tmp_path / "sentence_bert_config.json", {"max_seq_length": "many"})
    assert "sentence_bert_config.json: max_seq_length must be a whole number" in error(tmp_path)


def test_files_that_are_missing(tmp_path: Path) -> None:
    assert "nowhere isn't a folder" in error(tmp_path / "nowhere")
    assert "config.json is missing" in error(tmp_path)
    write_folder(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    assert "tokenizer.json is missing: AutoTokenizer" in error(tmp_path)


def test_files_that_are_damaged(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_json(tmp_path / "config.json", ["bert"])
    assert "config.json must hold a JSON object. Received: list" in error(tmp_path)
    (tmp_path / "config.json").write_bytes(b"{\xff")
    assert "config.json can't be read" in error(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "xlnet"}, "model_type must be one of bert, distilbert. Received: model_type='xlnet'"),
        ({"model_type": None}, "model_type must be one of bert, distilbert. Received: model_type=None"),
        ({"model_type": "llama"}, "the model is a decoder (llama), which writes text"),
        ({"model_type": "gpt2"}, "the model is a decoder (gpt2), which writes text"),
        ({"model_type": "new", "architectures": ["NewForCausalLM"]}, "the model is a decoder (new)"),
        ({"is_decoder": True}, "the model is a decoder (bert)"),
        ({"hidden_act": "silu"}, "hidden_act must be one of gelu, gelu_new, gelu_pytorch_tanh, relu. Received: hidden"),
        ({"hidden_act": ["gelu"]}, "Received: hidden_act=['gelu']"),
        ({"position_embedding_type": "relative_key"}, "must be absolute. Received: 'relative_key'"),
        ({"layer_norm_eps": 0.0}, "layer_norm_eps must be between 0 and 1. Received: layer_norm_eps=0.0"),
        ({"layer_norm_eps": "1e-12"}, "layer_norm_eps must be between 0 and 1"),
        ({"num_attention_heads": 3}, "num_attention_heads (3) must divide hidden_size (8)"),
        ({"hidden_size": None}, "hidden_size must be a whole number. Received: hidden_size=None"),
        ({"num_hidden_layers": 0}, "num_hidden_layers must be at least 1"),
        ({"type_vocab_size": 0}, "type_vocab_size must be at least 1"),
    ],
)
def test_configurations_that_are_refused(config: dict[str, Any], message: str, tmp_path: Path) -> None:
    refused = error(write_folder(tmp_path, **config))
    assert message in refused
    assert str(tmp_path / "config.json") in refused


@pytest.mark.parametrize(
    ("modules", "pooling", "message"),
    [
        ({"0": TRANSFORMER}, None, "modules.json must hold a list of JSON objects"),
        (
            [TRANSFORMER, POOLING, {"type": "a.models.Dense", "path": "2_Dense"}],
            None,
            "Received: type='a.models.Dense'",
        ),
        ([{**POOLING, "path": "../1_Pooling"}], None, "the name of a folder beside it. Received: path='../1_Pooling'"),
        ([{**POOLING, "path": 1}], None, "Received: path=1"),
        ([POOLING], {"pooling_mode_max_tokens": True}, "the pooling must be mean or cls. Received: max_tokens"),
        (
            [POOLING],
            {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
            "Received: mean_tokens, cls_to",
        ),
        ([POOLING], {}, "the pooling must be mean or cls. Received: none"),
        ([POOLING], {"pooling_mode": "lasttoken"}, "the pooling must be mean or cls. Received: lasttoken"),
        ([POOLING], {"pooling_mode": "mean", "include_prompt": False}, "Received: include_prompt=False"),
    ],
)
def test_modules_that_are_refused(modules: Any, pooling: Any, message: str, tmp_path: Path) -> None:
    assert message in error(sentence_folder(tmp_path, modules, pooling))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"prompts": ["query: "]}, "prompts must be a JSON object of strings"),
        ({"prompts": {"query": 1}}, "prompts must be a JSON object of strings"),
        ({"prompts": {"a": "b"}, "default_prompt_name": "c"}, "must be one of the prompts. Received: 'c'"),
    ],
)
def test_prompts_that_are_refused(config: dict[str, Any], message: str, tmp_path: Path) -> None:
    write_json(write_folder(tmp_path) / "config_sentence_transformers.json", config)
    assert message in error(tmp_path)
