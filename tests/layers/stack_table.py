"""Every encoder and decoder that `supportnet.layers` exports, made from one configuration."""

from inspect import isabstract, isclass
from typing import Any, NamedTuple

import supportnet.layers
from supportnet.config import NetworkConfig
from supportnet.layers import Decoder, Encoder

CONFIG = NetworkConfig(
    embedding_dim=8, hidden_dim=12, num_layers=2, num_heads=2, dropout_rate=0.1, max_length=8, max_reply_length=9
)


class Made(NamedTuple):
    """A class, and the arguments that make one of its layers."""

    layer: type[Encoder] | type[Decoder]
    arguments: dict[str, Any]

    def __call__(self, **options: Any) -> Any:
        return self.layer(**{**self.arguments, **options})

    def __str__(self) -> str:
        return "-".join([self.layer.__name__, *filter(None, [self.arguments.get("norm")])])


def _table(base: type) -> list[Made]:
    exported = [getattr(supportnet.layers, name) for name in supportnet.layers.__all__]
    layers = [layer for layer in exported if isclass(layer) and issubclass(layer, base) and not isabstract(layer)]
    plain = [Made(layer, layer.network_arguments(CONFIG)) for layer in layers]
    return [made for each in plain for made in (each, *_post_norm(each))]


def _post_norm(made: Made) -> list[Made]:
    """The same with normalized sums, of a layer that has the choice."""
    return [Made(made.layer, {**made.arguments, "norm": "post"})] if "norm" in made().get_config() else []


ENCODERS, DECODERS = _table(Encoder), _table(Decoder)
