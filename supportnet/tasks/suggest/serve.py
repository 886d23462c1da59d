"""The part of an export that suggests answers: encoder and bank; and an export loaded back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.texts import run_in_batches
from supportnet.data.bank import Answer, Bank
from supportnet.data.duplicates import different_answers
from supportnet.files import write_json
from supportnet.savedmodel.load import SavedModel
from supportnet.savedmodel.reader import ServedReader, read_spec
from supportnet.savedmodel.signatures import TAG, TEXT
from supportnet.tasks.model import ServedPart, Signatures
from supportnet.tasks.suggest.model import Suggester, best_answers, columns_of, joined_outputs, with_tag
from supportnet.tasks.suggest.network import SIDES
from supportnet.tasks.task import ExportOptions
from supportnet.text.tokenizer import to_bytes

#: How many answers the signatures return; callers take as many of the first as they show.
TOP_K = 10
#: What an export says of its bank, in its folder.
BANK = "assets.extra/suggestions.json"
#: Answers a batch while a bank is read.
BATCH_SIZE = 256


class ServedEncoder(tf.Module):
    """The part of an export that a new bank leaves as it is: the heads of both sides of the network.

    Args:
        model: a trained model.
        reader: reads messages and answers for it.

    Attributes:
        reader: the argument.
        queries: what `reader` read in messages -> what the answers' columns are multiplied with, and whether there is
            anything to answer.
    """

    def __init__(self, model: Suggester, reader: ServedReader) -> None:
        super().__init__()
        # tf.Module saves its attributes. Both heads have layers in common.
        self.reader = reader
        head_weights = {id(weight): weight.value for side in SIDES for weight in model.heads[side].weights}
        self.head_weights = list(head_weights.values())
        self.weights = tf.Variable(model.weights, name="weights")
        self.prior = tf.Variable(model.relevance.prior, name="prior")
        self.null_logit = tf.Variable(model.relevance.null_logit, name="null_logit")
        # Kept in a closure so that it is not saved.
        heads = model.heads
        self._vectors = lambda side, read: joined_outputs(heads[side](read, training=False))
        self.queries = tf.function(self._queries, input_signature=[read_spec(reader)])

    def _queries(self, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        vectors = self._vectors("message", read)
        prior = tf.fill([tf.shape(vectors)[0], 1], self.prior)
        queries = tf.concat([vectors * self.weights, prior], axis=1)
        return {"queries": queries, "has_words": tf.reduce_any(read["mask"], axis=1)}

    @tf.function(input_signature=[TEXT])
    def reply(self, text: tf.Tensor) -> tf.Tensor:
        """The vectors of answers; below them in a column stands how often each is used."""
        return self._vectors("reply", self.reader.read(text))


class ServedBank(tf.Module):
    """The answers and their columns, as variables: no limit of a graph's size counts for them.

    Args:
        answers: N of them.
        columns: float32 `[E, N]`.
    """

    def __init__(self, answers: Sequence[Answer], columns: npt.NDArray[np.float32]) -> None:
        super().__init__()
        tags, tagged, starts = _by_tag(answers)
        self.ids = _constant([_utf8(answer.id) for answer in answers], "ids")
        self.texts = _constant([_utf8(answer.text) for answer in answers], "texts")
        self.columns = _constant(columns, "columns")
        self.tags = _constant(np.array([_utf8(tag) for tag in tags], dtype=object), "tags", tf.string)
        self.tagged = _constant(np.array(tagged, dtype="int32"), "tagged")
        self.starts = _constant(np.array(starts, dtype="int32"), "starts")


class ServedSuggestions(ServedPart):
    """The part of an export that suggests: encoder and bank, and the functions behind the signatures.

    Args:
        encoder: a `ServedEncoder`, or one that TensorFlow loaded.
        bank: the answers.
        min_score: the least score of a first suggestion.

    Attributes:
        signatures, reader, answer: see `ServedPart`; the reader is that of the encoder.
    """

    signatures: ClassVar[Signatures] = {
        **{"suggest": [TEXT], "suggest_filtered": [TEXT, TAG]},
        **{name: [TEXT] for name in ("embed", "embed_message", "embed_answer")},
    }

    def __init__(self, encoder: Any, bank: ServedBank, min_score: float) -> None:
        super().__init__(encoder.reader)
        self.encoder, self.bank, self.min_score = encoder, bank, min_score

    @classmethod
    def of(cls, model: Suggester, reader: ServedReader, options: ExportOptions) -> "ServedSuggestions":
        assert options.bank is not None
        return serve_bank(ServedEncoder(model, reader), options.bank, options.min_score)

    def write_facts(self, folder: Path, model: Suggester, options: ExportOptions) -> None:
        assert options.bank is not None
        write_bank_facts(folder, options.bank, self)

    def _answer(self, text: tf.Tensor, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return self._best(read)

    @tf.function(input_signature=[TEXT])
    def suggest(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The best of all answers."""
        return self._best(self.reader.read(text))

    @tf.function(input_signature=[TEXT, TAG])
    def suggest_filtered(self, text: tf.Tensor, tag: tf.Tensor) -> dict[str, tf.Tensor]:
        """The best of the answers with a tag."""
        bank = self.bank
        allowed = with_tag(tag, bank.tags, bank.tagged, bank.starts, tf.shape(bank.columns)[1])
        return self._best(self.reader.read(text), allowed)

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The vector of a message, in a model that does nothing else."""
        return self.embed_message(text)

    @tf.function(input_signature=[TEXT])
    def embed_message(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the columns of the answers are multiplied with."""
        return {"embedding": self.encoder.queries(self.reader.read(text))["queries"]}

    @tf.function(input_signature=[TEXT])
    def embed_answer(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The column of an answer; the logarithm of one use is 0."""
        return {"embedding": tf.pad(self.encoder.reply(text), [[0, 0], [0, 1]])}

    def _best(self, read: dict[str, tf.Tensor], allowed: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        message, bank = self.encoder.queries(read), self.bank
        rows, scores = best_answers(
            message["queries"], bank.columns, message["has_words"], self.encoder.null_logit, TOP_K, allowed
        )
        chosen = tf.maximum(rows, 0)
        return {
            "suggestion_ids": tf.where(rows >= 0, tf.gather(bank.ids, chosen), ""),
            "suggestions": tf.where(rows >= 0, tf.gather(bank.texts, chosen), ""),
            "suggestion_scores": scores,
            "has_suggestion": tf.logical_and(rows[:, 0] >= 0, scores[:, 0] >= self.min_score),
        }


def serve_bank(encoder: Any, bank: Bank, min_score: float) -> ServedSuggestions:
    """Read a bank's answers, near-duplicates once.

    Args:
        encoder, min_score: see `ServedSuggestions`.
        bank: the answers; a `UserError` if there are none.
    """
    answers = different_answers(bank)
    texts = [answer.searched for answer in answers]
    read = run_in_batches(lambda batch: {"vectors": encoder.reply(batch)}, texts, ["vectors"], BATCH_SIZE)
    return ServedSuggestions(encoder, ServedBank(answers, columns_of(answers, read["vectors"])), min_score)


def write_bank_facts(folder: Path, bank: Bank, served: ServedSuggestions) -> None:
    """Write what the bank of an export is into the folder of the export."""
    kept = served.bank.ids.shape[0]
    facts = {"bank": bank.name, "licence": bank.licence, "entries": len(bank.answers), "answers": kept}
    write_json(folder / BANK, {**facts, "top_k": TOP_K, "min_score": served.min_score})


def _by_tag(answers: Sequence[Answer]) -> tuple[list[str], list[int], list[int]]:
    """The distinct tags (an answer's language is one), the rows of each one after the other, and where they start."""
    rows_by_tag: dict[str, list[int]] = {}
    for row, answer in enumerate(answers):
        for tag in dict.fromkeys((*answer.tags, *filter(None, [answer.language]))):
            rows_by_tag.setdefault(tag, []).append(row)
    tagged = [row for rows in rows_by_tag.values() for row in rows]
    starts = np.cumsum([0, *map(len, rows_by_tag.values())])
    return list(rows_by_tag), tagged, starts.tolist()


def _utf8(text: str) -> bytes:
    """Encode a text, with U+FFFD for lone surrogates, which JSON can hold and UTF-8 can't."""
    return to_bytes(text).decode("utf-8", "replace").encode()


def _constant(value: Any, name: str, dtype: Any = None) -> tf.Variable:
    return tf.Variable(tf.constant(value, dtype=dtype), trainable=False, name=name)


class ExportedSuggester(SavedModel):
    """A SavedModel that suggests answers.

    Attributes:
        encoder: what a new bank leaves as it is; see `supportnet.tasks.suggest.serve.ServedEncoder`.
        bank: the answers; see `supportnet.tasks.suggest.serve.ServedBank`.

    Example (needs an export):
        >>> model = ExportedSuggester("saved_models/answers")
        >>> index(model, supportnet.load_bank("new_answers.csv"), "saved_models/answers")
        PosixPath('saved_models/answers/2')
    """

    def _check(self) -> None:
        part = self.part("suggest")
        self.encoder, self.bank = part.encoder, part.bank
        self.run("suggest", [""])
