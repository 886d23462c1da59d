"""Options of networks and trainings, each stated once: the command line, `--help` and TOML files are made from here.

Loads neither Keras nor NumPy.
"""

import inspect
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, TypeVar, get_args

from supportnet.architectures import ARCHITECTURES
from supportnet.checks import check_choice, check_divides, check_not_negative, check_positive, check_rate, in_range
from supportnet.errors import UserError

#: How text becomes tokens; see `supportnet.text.tokenizer`.
TEXT_MODES = ("unicode", "article")

#: Sizes of a network by name. The width of the feed-forward layers is the depth, not four times it as is usual in a
#: Transformer: the same number is the LSTM's units in each direction.
PRESETS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "tiny": {"embedding_dim": 64, "hidden_dim": 64, "num_layers": 1, "num_heads": 4},
        "small": {"embedding_dim": 128, "hidden_dim": 128, "num_layers": 2, "num_heads": 4},
        "base": {"embedding_dim": 256, "hidden_dim": 256, "num_layers": 4, "num_heads": 8},
    }
)

#: Fields of `NetworkConfig` that decide the preprocessor and the backbone: tasks with equal ones can share both.
BACKBONE_FIELDS = (
    *("architecture", "embedding_dim", "hidden_dim", "num_layers", "num_heads"),
    *("num_buckets", "max_length", "text_mode", "pretrained"),
)


def option(default: Any, check: Callable[[str, Any], object] | None = None, **shown: Any) -> Any:
    """Return a field of a configuration: its default, the check of its values, and how it is shown; see `Option`."""
    return field(default=default, metadata={"check": check, "shown": shown})


@dataclass(frozen=True)
class Options:
    """Base of configurations: every value is checked, also where a subclass gives the field another default."""

    def __post_init__(self) -> None:
        for base in reversed(type(self).__mro__):
            for one in vars(base).get("__dataclass_fields__", {}).values():
                value, check, shown = getattr(self, one.name), one.metadata.get("check"), one.metadata.get("shown", {})
                if value is None:
                    continue
                if allowed := shown.get("choices") or shown.get("names"):
                    check_choice(one.name, value, list(allowed))
                elif check:
                    check(one.name, value)


@dataclass(frozen=True)
class NetworkConfig(Options):
    """Everything that decides the shape of a network, except the vocabulary and the names of intents or labels.

    Attributes:
        architecture: name of the encoder, or `gpt`, which writes replies without one.
        embedding_dim: depth of the token vectors.
        hidden_dim: units of the encoder's inner layers: feed-forward layers, filters, and LSTM units per direction.
        num_layers: blocks of the encoder (0 or more) and of the decoder; `gpt` has as many as both.
        num_heads: attention heads; must divide the depth of the token vectors.
        dropout_rate: dropout inside the encoder.
        head_dropout_rate: dropout on the pooled message, before the head of the task.
        word_dropout: share of words dropped in training.
        num_buckets: hash buckets of character n-grams.
        num_pairs: hash buckets of word pairs.
        num_filters: filters over two and over three words each, in place of pooled words beside the encoder, such as
            256; useful with many labels; 0 for none.
        vector_dim: depth of the vectors by which messages and replies are compared.
        num_pieces: size of the subword vocabulary of replies, at most.
        max_reply_length: subword tokens of a reply, at most.
        max_length: tokens read of a message; the rest is truncated.
        text_mode: how text becomes tokens.
        pretrained: arguments of `supportnet.pretrained.PretrainedEncoder` and `SentencePooling`, and where the weights
            came from, of the architecture `pretrained`; None of the others. `--backbone` sets it.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> NetworkConfig(embedding_dim=64, num_heads=5)
        Traceback (most recent call last):
        supportnet.errors.UserError: num_heads must be at least 1 and divide embedding_dim (64). Received: num_heads=5
    """

    architecture: str = option("bilstm_attention", names=ARCHITECTURES)
    embedding_dim: int = option(128, check_positive)
    hidden_dim: int = option(96, check_positive)
    num_layers: int = option(1, check_not_negative)
    num_heads: int = 4
    dropout_rate: float = option(0.1, check_rate)
    head_dropout_rate: float = option(0.4, check_rate)
    word_dropout: float = option(0.1, check_rate)
    num_buckets: int = option(12_000, check_positive)
    num_pairs: int = option(16_384, check_positive)
    num_filters: int = option(0, check_not_negative)
    vector_dim: int = option(128, check_positive)
    num_pieces: int = option(2000, check_positive)
    max_reply_length: int = option(64, check_positive)
    max_length: int = option(128, check_positive)
    text_mode: str = option(TEXT_MODES[0], choices=TEXT_MODES)
    pretrained: Mapping[str, Any] | None = option(None, is_shown=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.pretrained is not None) != ARCHITECTURES[self.architecture].is_pretrained:
            given = "one" if self.pretrained else "none (--backbone minilm, or a folder)"
            raise UserError(
                "architecture must be pretrained where a pretrained encoder is given, and only there. "
                f"Received: architecture={self.architecture!r}, {given}"
            )
        check_divides("num_heads", self.num_heads, "embedding_dim", self.embedding_dim)


def _check_seed(name: str, seed: int) -> None:
    if check_not_negative(name, seed) >= 2**32:
        raise UserError(f"{name} must be below 2^32. Received: {name}={seed}")


@dataclass(frozen=True)
class RunConfig(Options):
    """Options of every training.

    Attributes:
        epochs: passes over the training messages, at most.
        learning_rate: peak of the schedule: linear warm-up, then cosine decay to a hundredth.
        warmup_share: share of all steps that warm up.
        weight_decay: decoupled decay of AdamW (Loshchilov & Hutter 2019), on matrices and tables only.
        ema_momentum: momentum of a running mean of the weights, such as 0.999, which validation then measures and the
            run keeps (Vaswani et al. 2017, section 6.1; Polyak & Juditsky 1992); 0 for none.
        patience: epochs without a better validation accuracy before training stops.
        validation_share: share held out for validation where the data has no validation split; 0 for none.
        min_count: occurrences in training from which a word has an id of its own. With 2 or more, what one customer
            typed once (a name, say) stays out of the vocabulary.
        seed: seed of weights, dropout, order and validation split; 0 to 2^32 - 1.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> RunConfig(epochs=0)
        Traceback (most recent call last):
        supportnet.errors.UserError: epochs must be at least 1. Received: epochs=0
    """

    epochs: int = option(20, check_positive)
    learning_rate: float = option(2e-3, in_range("above 0", lambda rate: 0 < rate < math.inf))
    warmup_share: float = option(0.1, check_rate)
    weight_decay: float = option(0.05, in_range("at least 0", lambda decay: 0 <= decay < math.inf))
    ema_momentum: float = option(0.0, check_rate)
    patience: int = option(5, check_positive)
    validation_share: float = option(0.1, check_rate)
    min_count: int = option(2, check_positive)
    seed: int = option(0, _check_seed)


@dataclass(frozen=True)
class PretrainingConfig(RunConfig):
    """Options of pre-training, beside those of `RunConfig`.

    Attributes:
        batch_size: messages per step.
        mask_share: share of a message's words that are hidden and asked for.
        validation_share: share of the messages held out to measure the perplexity and to choose the epoch.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> PretrainingConfig(mask_share=1.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: mask_share must be above 0 and below 1. Received: mask_share=1.0
    """

    batch_size: int = option(64, check_positive)
    mask_share: float = option(0.2, in_range("above 0 and below 1", lambda share: 0 < share < 1))
    validation_share: float = option(0.05, in_range("above 0 and below 1", lambda share: 0 < share < 1))


@dataclass(frozen=True)
class Option:
    """A field of a configuration, as the command line and signatures show it.

    Attributes:
        name: of the field.
        kind: type of its values.
        default: of the class it is listed for.
        description: from the class's docstring.
        group: heading that `--help` lists it under; empty for the one of its class.
        choices: the only values; empty for any.
        names: values that have a name, which a user may add to; empty for an option without.
    """

    name: str
    kind: type
    default: Any
    description: str
    group: str = ""
    choices: tuple[str, ...] = ()
    names: Collection[str] = ()


def options_of(config: type[Any]) -> dict[str, Option]:
    """Return the options that a configuration class states, by name, those of its bases first.

    Example:
        >>> options_of(RunConfig)["patience"].description
        'epochs without a better validation accuracy before training stops.'
    """
    described: dict[str, str] = {}
    for base in reversed(config.__mro__):
        described |= _described(inspect.getdoc(base) or "")
    return {
        one.name: Option(
            one.name,
            next(kind for kind in (*get_args(one.type), one.type) if isinstance(kind, type)),
            one.default,
            described[one.name],
            **one.metadata.get("shown", {}),
        )
        for one in fields(config)
        if one.metadata.get("shown", {}).get("is_shown", True)
    }


def _described(docstring: str) -> dict[str, str]:
    """The entries of the section `Attributes`, each on one line."""
    section = re.search(r"^Attributes:\n((?:    .*\n|\n)+)", docstring + "\n", re.MULTILINE)
    entries = re.split(r"^    (\w+): ", section[1], flags=re.MULTILINE)[1:] if section else []
    return {name: " ".join(text.split()) for name, text in zip(entries[::2], entries[1::2], strict=True)}


def get_preset(name: str) -> Mapping[str, int]:
    """Return the sizes that a name stands for; another name is a `UserError` that lists the known ones.

    Example:
        >>> get_preset("tiny")["embedding_dim"]
        64
    """
    return PRESETS[check_choice("preset", name, list(PRESETS))]


Training = TypeVar("Training", bound=RunConfig)


def split_options(
    options: Mapping[str, Any], training: type[Training], defaults: Mapping[str, Any], preset: str | None = None
) -> tuple[NetworkConfig, Training]:
    """Divide keyword options between the two configurations; an unknown one is a `UserError` that lists them.

    Precedence: `options`, then the preset, then `defaults`, then the configurations' own defaults.

    Args:
        options: names and values.
        training: the class of the second configuration.
        defaults: fields of either configuration.
        preset: name of a preset, or None.

    Example:
        >>> network, training = split_options({"epochs": 3, "num_heads": 2}, RunConfig, defaults={})
        >>> training.epochs
        3
    """
    names = [{field.name for field in fields(kind)} for kind in (NetworkConfig, training)]
    unknown = sorted(set(options).difference(*names))
    if unknown:
        known = ", ".join(sorted({*options_of(NetworkConfig), *options_of(training)}))
        raise UserError(f"There is no option named {unknown[0]!r}. The options are: {known}.")
    options = {**defaults, **({} if preset is None else get_preset(preset)), **options}
    network, run = ({name: value for name, value in options.items() if name in own} for own in names)
    return NetworkConfig(**network), training(**run)
