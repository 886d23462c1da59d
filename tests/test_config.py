"""Options of networks and trainings: what they may be, where they go, and what is known of them without Keras."""

import subprocess
import sys
from dataclasses import dataclass, fields
from typing import Any

import pytest

from supportnet.architectures import ARCHITECTURES, encoder_names
from supportnet.config import (
    PRESETS,
    TEXT_MODES,
    NetworkConfig,
    PretrainingConfig,
    RunConfig,
    get_preset,
    option,
    options_of,
    split_options,
)
from supportnet.errors import UserError
from supportnet.tasks import all_tasks
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.text.tokenizer import tokenize

CONFIGS: list[type[Any]] = [NetworkConfig, RunConfig, PretrainingConfig, *(task.config for task in all_tasks())]
SMALL: dict[str, Any] = {"embedding_dim": 8, "num_heads": 2}


def test_they_load_neither_keras_nor_numpy() -> None:
    modules = "supportnet.config, supportnet.architectures, supportnet.tasks, supportnet.tasks.options"
    code = f"import sys, {modules}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "supportnet" in loaded
    assert not loaded & {"keras", "numpy", "tensorflow", "sklearn", "scipy"}


@pytest.mark.parametrize("architecture", encoder_names())
@pytest.mark.parametrize("name", PRESETS)
def test_every_architecture_takes_every_preset(architecture: str, name: str) -> None:
    config = NetworkConfig(architecture=architecture, **get_preset(name))
    assert (config.embedding_dim, config.num_layers) == (PRESETS[name]["embedding_dim"], PRESETS[name]["num_layers"])


def test_they_grow_in_every_size() -> None:
    tiny, small, base = (PRESETS[name] for name in ("tiny", "small", "base"))
    assert tiny.keys() == small.keys() == base.keys()
    assert all(tiny[size] <= small[size] <= base[size] for size in tiny)
    assert tiny["embedding_dim"] < small["embedding_dim"] < base["embedding_dim"]


def test_an_unknown_name() -> None:
    with pytest.raises(UserError, match=r"^preset must be one of tiny, small, base\. Received: preset='huge'$"):
        get_preset("huge")


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("architecture", "lstm", f"must be one of {', '.join(ARCHITECTURES)}. Received: architecture='lstm'"),
        *[
            (name, 0, f"must be at least 1. Received: {name}=0")
            for name in ("embedding_dim", "hidden_dim", "num_buckets", "num_pairs", "max_length")
        ],
        *[(name, -1, f"must be at least 0. Received: {name}=-1") for name in ("num_layers", "num_filters")],
        ("num_heads", 3, r"must be at least 1 and divide embedding_dim \(8\). Received: num_heads=3"),
        ("num_heads", "2", "must be a whole number. Received: num_heads='2'"),
        *[
            (name, 1.0, f"must be at least 0 and below 1. Received: {name}=1.0")
            for name in ("dropout_rate", "head_dropout_rate", "word_dropout")
        ],
        ("text_mode", "latin", "must be one of unicode, article. Received: text_mode='latin'"),
    ],
)
def test_the_configuration_is_checked(name: str, value: Any, rule: str) -> None:
    with pytest.raises(UserError, match=f"^{name} {rule}$"):
        NetworkConfig(**{**SMALL, name: value})


def test_text_modes_are_those_of_the_tokenizer() -> None:
    """The names stand in the configuration so that it loads without the tokenizer."""
    for mode in TEXT_MODES:
        assert tokenize("where", NetworkConfig(text_mode=mode).text_mode) == ["where"]
    with pytest.raises(UserError, match=f"mode must be one of {', '.join(TEXT_MODES)}. Received: mode='latin'"):
        tokenize("where", "latin")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_every_field_is_an_option_with_a_description(config: type[Any]) -> None:
    options = options_of(config)
    # `--backbone` sets what it has in place of an option.
    assert list(options) == [one.name for one in fields(config) if one.name != "pretrained"]
    made = config()
    for name, one in options.items():
        assert one.name == name
        assert one.default == getattr(made, name)
        # `float | None` is float.
        assert one.kind in (int, float, str, bool)
        assert one.default is None or isinstance(one.default, one.kind)
        assert one.description.endswith(".")
        assert "\n" not in one.description


@dataclass(frozen=True)
class Own(RunConfig):
    """Options of its own.

    Attributes:
        epochs: passes, described
            anew.
        share: of something.

    Raises:
        UserError: never.
    """

    share: float | None = option(None, group="own", choices=("half", "all"))


def test_an_option_says_what_its_field_says() -> None:
    options = options_of(Own)
    share = options["share"]
    assert (share.kind, share.default, share.description) == (float, None, "of something.")
    assert (share.group, share.choices) == ("own", ("half", "all"))
    assert options["epochs"].description == "passes, described anew."
    assert options["patience"] == options_of(RunConfig)["patience"]
    assert (options["epochs"].group, options["epochs"].choices) == ("", ())
    assert options_of(NetworkConfig)["text_mode"].choices == TEXT_MODES


@pytest.mark.parametrize("config", CONFIGS[1:], ids=lambda config: config.__name__)
def test_options_go_where_they_belong(config: type[Any]) -> None:
    network, training = split_options({"num_heads": 8, "epochs": 3}, config, {})
    assert (network.num_heads, network.embedding_dim) == (8, NetworkConfig().embedding_dim)
    assert training == config(epochs=3)
    assert split_options({}, config, {}) == (NetworkConfig(), config())
    with pytest.raises(UserError, match=r"There is no option named 'epoch'. The options are: .*epochs.*num_heads"):
        split_options({"epoch": 3}, config, {})


def test_options_of_one_training_are_not_those_of_another() -> None:
    assert split_options({"mask_share": 0.3}, PretrainingConfig, {})[1] == PretrainingConfig(mask_share=0.3)
    for name, config in (("mask_share", ClassifyConfig), ("precision", PretrainingConfig)):
        with pytest.raises(UserError, match=rf"There is no option named '{name}'\. The options are: .*epochs"):
            split_options({name: 0.5}, config, {})


def test_a_preset_sets_the_sizes_that_are_not_given() -> None:
    given = {"num_heads": 2, "dropout_rate": 0.2}
    network, training = split_options({**given, "epochs": 3}, ClassifyConfig, {}, preset="base")
    sizes = {"embedding_dim": 256, "hidden_dim": 256, "num_layers": 4, "num_heads": 2}
    assert network == NetworkConfig(**sizes, dropout_rate=0.2)
    assert training == ClassifyConfig(epochs=3)


def test_defaults_give_way_to_a_preset_and_both_to_what_is_given() -> None:
    defaults = {"embedding_dim": 40, "num_buckets": 77, "hidden_dim": 30, "epochs": 7, "seed": 1}
    network, training = split_options({"hidden_dim": 20, "seed": 2}, ClassifyConfig, defaults, "tiny")
    assert (network.embedding_dim, network.num_buckets, network.hidden_dim) == (64, 77, 20)
    assert (training.epochs, training.seed) == (7, 2)
