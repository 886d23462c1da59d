"""Architectures by name: the encoder that reads messages, and the decoder that writes replies. Loads no Keras."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Any

from supportnet.errors import UserError

#: Makes a layer for a `supportnet.config.NetworkConfig`, which is made from this table and so isn't imported here; or
#: `module:attribute` of such a function, imported when it is first called.
Maker = Callable[[Any], Any] | str


@dataclass(frozen=True)
class Architecture:
    """One line of the table.

    Attributes:
        encoder: makes the `supportnet.layers.Encoder`, a layer named `encoder`; None for an architecture without one.
        decoder: makes the `supportnet.layers.Decoder`, a layer named `decoder`; None if it can't write replies.
        decoder_only: the decoder reads the message as well; such an architecture writes replies and nothing else.
        is_pretrained: a pretrained encoder of word pieces reads the message, in place of word vectors; its sizes are
            those of its weights.
    """

    encoder: Maker | None
    decoder: Maker | None
    decoder_only: bool = False
    is_pretrained: bool = False

    @property
    def num_branches(self) -> int:
        """How many vectors of `embedding_dim` a token gets: one for pooled words, one for the encoder.

        A decoder that reads the message itself sees both.
        """
        return 1 if self.encoder is None and not self.decoder_only else 2


def _layer(name: str) -> Maker:
    return f"supportnet.layers:{name}.from_network"


_ARCHITECTURES: dict[str, Architecture] = {
    "bilstm_attention": Architecture(_layer("BiLSTMAttention"), _layer("RecurrentDecoder")),
    "transformer": Architecture(_layer("TransformerEncoder"), _layer("TransformerDecoder")),
    "conv": Architecture(_layer("ConvEncoder"), _layer("TransformerDecoder")),
    # Nothing reads the order of words: shows what the encoders are worth.
    "none": Architecture(None, _layer("TransformerDecoder")),
    "gpt": Architecture(None, _layer("PrefixDecoder"), decoder_only=True),
    "pretrained": Architecture(None, None, is_pretrained=True),
}
#: name -> architecture; the first one is the default.
ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(_ARCHITECTURES)


def encoder_names() -> list[str]:
    """Return the architectures that read messages for every task and start from nothing, `none` included.

    Example:
        >>> encoder_names()
        ['bilstm_attention', 'transformer', 'conv', 'none']
    """
    return [name for name, made in ARCHITECTURES.items() if not made.decoder_only and not made.is_pretrained]


def register_encoder(name: str, make: Maker, decoder: Maker | None = None) -> None:
    """Add an encoder of your own under a name that `architecture` then takes, in Python and in TOML files.

    A run that was trained with it loads only after it has been registered again. A comparison trains in other
    processes: for them, `make` and `decoder` must be functions that can be imported, not those of a notebook's cell.

    Args:
        name: the architecture's name.
        make: makes the encoder from a `NetworkConfig`; see `supportnet.layers.Encoder` for the contract.
        decoder: makes the decoder that writes replies, such as `supportnet.layers.TransformerDecoder.from_network`;
            without one, the task of writing replies is refused.

    Raises:
        UserError: there is an architecture of this name.

    Example:
        >>> import supportnet.layers
        >>> register_encoder("shallow", lambda config: supportnet.layers.ConvEncoder(32, 1, config.num_heads))
        >>> "shallow" in ARCHITECTURES
        True
    """
    if name in _ARCHITECTURES:
        raise UserError(f"name must be a new one. There is an architecture named {name!r}.")
    _ARCHITECTURES[name] = Architecture(make, decoder)


def made(make: Maker, config: Any) -> Any:
    """Call a maker with a `NetworkConfig`."""
    return (resolve_name(make) if isinstance(make, str) else make)(config)
