"""The network of pre-training: say which words were hidden, from the words around them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from supportnet.backbones.backbone import Backbone, check_encoder
from supportnet.config import NetworkConfig
from supportnet.layers import MaskedPooling


@keras.saving.register_keras_serializable(package="supportnet")
class MaskedLanguageModel(keras.Model):
    """A backbone with the article's head: a softmax over the vocabulary.

    Both branches learn, each with a loss of its own, from what it will see of a message: the encoder says what
    stands at each position (Devlin et al. 2019, BERT; article, section 4.3), the pooled words say what else is in the
    message (as CBOW does within a window, Mikolov et al. 2013, with the whole message for one). The scores of the
    words are products with their own vectors, so that no second table is needed (Press & Wolf 2017, Using the Output
    Embedding).

    A hidden word's vector is zero, its character n-grams included: as in training with word dropout.

    Args:
        config: sizes and rates.
        vocab_size: number of token ids V.

    Call arguments:
        inputs: the preprocessor's features, with `hidden` and `chosen`; see `mask_words`.

    Returns:
        Logits float32 `[N, branches, V]` for the N chosen words, message by message.

    Attributes:
        backbone: what a model of a task starts from.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> features = TextFrontEnd(["where", "parcel"])(["where is my parcel?"])
        >>> chosen = keras.ops.array([[False, False, False, True, False]])
        >>> model = MaskedLanguageModel(NetworkConfig(), vocab_size=1000)
        >>> keras.ops.shape(model({**features, "hidden": chosen, "chosen": chosen}))
        (1, 2, 1000)
    """

    def __init__(self, config: NetworkConfig | Mapping[str, Any], vocab_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.backbone = Backbone(config, vocab_size, self.dtype_policy)
        self.config = self.backbone.config
        check_encoder(self.config)
        self.pool = MaskedPooling(dtype=self.dtype_policy, name="pool_words")
        names = ["words_head", "context_head"][: 1 if self.backbone.encoder is None else 2]
        depth = self.config.embedding_dim
        self.heads = [keras.layers.Dense(depth, dtype=self.dtype_policy, name=name) for name in names]

    def build(self, input_shape: Any = None) -> None:
        depth = self.config.embedding_dim
        for head, width in zip(self.heads, (2 * depth, depth), strict=False):
            head.build((None, width))
        self.word_bias = self.add_weight((len(self.heads), self.vocab_size), initializer="zeros", name="word_bias")
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        mask, hidden, chosen = inputs["mask"], inputs["hidden"], inputs["chosen"]
        # Without word dropout: the hidden words take its place.
        vectors = self.backbone.embed(inputs, training=False)
        vectors = ops.where(ops.expand_dims(hidden, -1), ops.zeros_like(vectors), vectors)
        words, *tokens = ops.split(vectors, len(self.heads), axis=-1)
        rows, columns = ops.nonzero(chosen)
        # Not the replaced words either: they say nothing of the message.
        seen = [ops.take(self.pool(words, mask=ops.logical_and(mask, ops.logical_not(chosen))), rows, axis=0)]
        if self.backbone.encoder is not None:
            encoded = self.backbone.encoder(*tokens, mask=mask, training=training)
            flat = ops.reshape(encoded, (-1, self.config.embedding_dim))
            seen.append(ops.take(flat, rows * ops.shape(mask)[1] + columns, axis=0))
        # The logits of all words for what each branch has seen, float32 `[N, V]` each.
        tables = ops.split(ops.convert_to_tensor(self.backbone.embed.word_embeddings), len(self.heads), axis=-1)
        biases = ops.unstack(ops.cast(self.word_bias, "float32"), axis=0)
        scores = [
            ops.matmul(ops.cast(head(x), "float32"), ops.transpose(table)) + bias
            for head, x, table, bias in zip(self.heads, seen, tables, biases, strict=True)
        ]
        return ops.stack(scores, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "config": asdict(self.config), "vocab_size": self.vocab_size}
