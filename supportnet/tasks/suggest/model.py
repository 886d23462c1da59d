"""A trained suggestion model: a preprocessor and a dual encoder, used on plain strings, and the search for answers.

The search is exact: the best answers of a bank by one product of matrices, in Python and in an export alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.backbone import Backbone, TaskModel, compose, feature_inputs
from supportnet.backbones.texts import run_in_batches
from supportnet.checks import check_positive, checked_texts
from supportnet.config import NetworkConfig
from supportnet.data.bank import Answer, Bank
from supportnet.data.duplicates import different_answers
from supportnet.tasks.suggest.answers import Suggestion
from supportnet.tasks.suggest.calibrate import Relevance
from supportnet.tasks.suggest.network import SIDES, build_network
from supportnet.text.vocabulary import Vocabulary

#: Vectors that a head reads at once.
_HEAD_BATCH = 4096


def best_answers(
    queries: tf.Tensor,
    answers: tf.Tensor,
    asked: tf.Tensor,
    null_logit: float,
    k: int,
    allowed: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Find the answers with the highest logits, and their probabilities among all that are allowed.

    For one message and 100,000 answers, every operation on all logits shows: there are three.

    Args:
        queries: float32 `[B, E]`.
        answers: float32 `[E, N]`, N at least 1; the products with the queries are the answers' logits. A column each:
            TensorFlow multiplies one query with rows at half the speed.
        asked: bool `[B]`; a message with False gets no answer.
        null_logit: logit of "none of them"; see `Relevance`.
        k: how many answers K to return.
        allowed: bool `[B, N]`, which answers a message may get; all, if not given.

    Returns:
        Their rows int32 `[B, K]`, best first, and their probabilities float32 `[B, K]`. Where fewer than K are allowed,
        rows of -1 with a probability of 0 follow.

    Example:
        >>> rows, scores = best_answers(tf.eye(2), tf.eye(2), tf.constant([True, False]), null_logit=0.0, k=1)
        >>> rows.numpy().tolist(), [round(score, 2) for score in scores.numpy()[:, 0].tolist()]
        ([[0], [-1]], [0.58, 0.0])
    """
    logits = tf.matmul(queries, answers)
    if allowed is not None:
        logits = tf.where(allowed, logits, logits.dtype.min)
    found = tf.minimum(k, tf.shape(answers)[1])
    best, rows = tf.math.top_k(logits, k=found)
    highest = tf.maximum(best[:, :1], null_logit)
    total = tf.reduce_sum(tf.exp(logits - highest), axis=1, keepdims=True) + tf.exp(null_logit - highest)
    is_answer = tf.logical_and(best > logits.dtype.min, tf.expand_dims(asked, 1))
    rows, scores = tf.where(is_answer, rows, -1), tf.where(is_answer, tf.exp(best - highest) / total, 0.0)
    missing = [[0, 0], [0, k - found]]
    rows, scores = tf.pad(rows, missing, constant_values=-1), tf.pad(scores, missing)
    return tf.ensure_shape(rows, (None, k)), tf.ensure_shape(scores, (None, k))


def with_tag(tag: Any, tags: Any, tagged: Any, starts: Any, count: Any) -> tf.Tensor:
    """Tell which answers have a tag.

    Args:
        tag: string `[B]`.
        tags: string `[T]`, distinct.
        tagged: int32 `[M]`, rows of the answers with the first tag, then those with the second, and so on.
        starts: int32 `[T + 1]`, where each tag's rows start in `tagged`, and M.
        count: number of answers N.

    Returns:
        bool `[B, N]`; all False for a tag that no answer has.

    Example:
        >>> with_tag(["b", "c"], ["a", "b"], [0, 1, 2], [0, 1, 3], count=3).numpy().tolist()
        [[False, True, True], [False, False, False]]
    """
    found = tf.where(tf.equal(tf.expand_dims(tag, 1), tf.expand_dims(tags, 0)))
    rows, known = tf.cast(found[:, 0], tf.int32), tf.cast(found[:, 1], tf.int32)
    begin, end = tf.gather(starts, known), tf.gather(starts, known + 1)
    places = tf.ragged.range(begin, end)
    answers = tf.gather(tagged, places.values)
    indices = tf.stack([tf.gather(rows, tf.cast(places.value_rowids(), tf.int32)), answers], axis=1)
    shape = tf.stack([tf.shape(tag)[0], count])
    return tf.scatter_nd(indices, tf.ones_like(answers), shape) > 0


@dataclass(frozen=True)
class Index:
    """Answers that can be searched.

    Attributes:
        answers: N of them.
        columns: float32 `[E, N]`; the products with a message's query are the answers' logits.
    """

    answers: Sequence[Answer]
    columns: npt.NDArray[np.float32]


class Suggester(TaskModel):
    """Messages in, the best answers of a bank out.

    Args:
        config: what the network was built from.
        vocabulary: words with an id of their own.
        labels: names of the labels of replies that were a second objective; none if not given.
        relevance: what turns scores into probabilities; of a model that nothing was fitted for, if not given.
        backbone: that of another task's model, to share its weights; a new one by default.

    Attributes:
        config, vocabulary, labels, relevance, backbone: the arguments. `relevance` can be replaced.
        origin: the data it was trained on (`data`) and its validation metrics (`validation`); empty if untrained.
        preprocessor: strings `[B]` -> features.
        network: the Keras model; see `build_network`.
        sentences: text -> the vector of a pretrained encoder, float32 `[D]`, of what a training has read, while it
            lasts; empty before and after.

    Example (needs a download):
        >>> model = supportnet.train("star", task="suggest", data_options={"data_dir": "downloads"})
        >>> index = model.index(supportnet.load_bank("answers.csv"))
        >>> model.suggest(["where is my parcel?"], index, top_k=3)[0][0].text
        'Your parcel left our warehouse today.'
    """

    task = "suggest"

    def __init__(
        self,
        config: NetworkConfig,
        vocabulary: Vocabulary,
        labels: Sequence[str] = (),
        relevance: Relevance | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        super().__init__(config, vocabulary, backbone)
        self.labels = list(labels)
        self.relevance = relevance or Relevance()
        self.network = build_network(config, self.backbone, len(self.labels))
        self.sentences: dict[str, npt.NDArray[np.float32]] = {}
        self._read = {side: _reader(self, side) for side in SIDES}

    @property
    def heads(self) -> dict[str, keras.Model]:
        """side -> its head: the backbone's vectors -> `vectors`, and `labels`."""
        return {side: self.network.get_layer(f"{side}_head") for side in SIDES}

    @property
    def scales(self) -> npt.NDArray[np.float32]:
        """How much each column of the vectors counts in the mean of the branches' scores, `[D]`; see `ScaledCosine`."""
        scale = keras.ops.convert_to_numpy(self.network.get_layer("scores").scale)
        return np.repeat(scale / len(scale), self.config.vector_dim).astype("float32")

    def vectors(self, texts: Iterable[str], side: str, batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return one vector a text as one side of the network reads it.

        Args:
            texts: N messages or replies.
            side: `message` or `reply`.
            batch_size: texts a batch.

        Returns:
            float32 `[N, D + K]`: the branches' vectors one after the other, each of length 1, and the probabilities of
            the K labels beside them.
        """
        texts = checked_texts(texts)
        if texts and all(text in self.sentences for text in texts):
            return self._of_sentences(np.stack([self.sentences[text] for text in texts]), side)
        return self._run(texts, side, batch_size)["vectors"]

    def _of_sentences(self, sentences: npt.NDArray[np.float32], side: str) -> npt.NDArray[np.float32]:
        """Return what `vectors` returns, of a pretrained encoder's vectors of the texts, float32 `[N, D]`."""
        head = self.heads[side]
        read = keras.Model(head.input["sentence"], head.output)
        batches = np.split(sentences, range(_HEAD_BATCH, len(sentences), _HEAD_BATCH))
        found = [joined_outputs(read(keras.ops.convert_to_tensor(batch), training=False)) for batch in batches]
        return np.concatenate([keras.ops.convert_to_numpy(vectors) for vectors in found])

    def _run(self, texts: Iterable[str], side: str, batch_size: int = 64) -> dict[str, npt.NDArray[Any]]:
        return run_in_batches(self._read[side], texts, ["vectors", "has_words"], batch_size)

    def queries(self, messages: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return what to multiply the columns of an index with, `[B, E]`, for vectors of messages `[B, D + K]`."""
        prior = np.full((len(messages), 1), self.relevance.prior, "float32")
        return np.concatenate([messages * self.weights, prior], axis=1)

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """How much each column of `vectors` counts, `[D + K]`."""
        cosines = self.scales * np.float32(self.relevance.inverse_temperature)
        return np.concatenate([cosines, np.full(len(self.labels), self.relevance.agreement, "float32")])

    def index(self, bank: Bank) -> Index:
        """Read the answers of a bank, near-duplicates once (see `supportnet.data.duplicates`).

        Raises:
            UserError: the bank is empty.
        """
        answers = different_answers(bank)
        return Index(answers, columns_of(answers, self.vectors([answer.searched for answer in answers], "reply")))

    def suggest(self, texts: Iterable[str], index: Index, top_k: int = 3) -> list[list[Suggestion]]:
        """Return the best answers for each message, best first.

        Args:
            texts: the messages; one without a word gets no answer.
            index: what to choose from.
            top_k: how many answers, at most.

        Raises:
            UserError: `texts` isn't a list of strings, or `top_k` is below 1.
        """
        texts = checked_texts(texts)
        check_positive("top_k", top_k)
        read = self._run(texts, "message")
        queries = self.queries(read["vectors"])
        rows, scores = best_answers(queries, index.columns, read["has_words"], self.relevance.null_logit, top_k)
        return [
            [
                Suggestion(index.answers[row].id, index.answers[row].text, score)
                for row, score in zip(own_rows, own_scores, strict=True)
                if row >= 0
            ]
            for own_rows, own_scores in zip(rows.numpy().tolist(), scores.numpy().tolist(), strict=True)
        ]


def columns_of(answers: Sequence[Answer], vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Put the logarithm of each answer's uses below its vector: the columns of an index."""
    uses = np.log(np.array([answer.uses for answer in answers], "float32"))
    return np.concatenate([vectors.T, uses[None]], axis=0)


def joined_outputs(outputs: Mapping[str, Any]) -> Any:
    """Return what `Suggester.vectors` returns, from the outputs of a side's head."""
    vectors = outputs["vectors"]
    joined = keras.ops.reshape(vectors, (-1, vectors.shape[1] * vectors.shape[2]))
    if "labels" not in outputs:
        return joined
    return keras.ops.concatenate([joined, keras.ops.softmax(keras.ops.mean(outputs["labels"], axis=1))], axis=-1)


def _reader(model: Suggester, side: str) -> Callable[[Any], dict[str, Any]]:
    network = compose(model.backbone, model.heads[side], feature_inputs(model.backbone.config), f"{side}_reader")

    def read(texts: Any) -> dict[str, Any]:
        features = model.preprocessor(texts)
        outputs = network(features, training=False)
        return {"vectors": joined_outputs(outputs), "has_words": keras.ops.any(features["mask"], axis=1)}

    return tf.function(read, input_signature=[tf.TensorSpec([None], tf.string)])
