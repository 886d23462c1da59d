"""Export of a suggestion model with a bank inside: message in, the best answers out."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.data.bank import Bank
from supportnet.data.duplicates import different_answers
from supportnet.files import write_json
from supportnet.layers.checks import check_rate
from supportnet.models.exported_model import ExportedSuggester
from supportnet.models.suggester import Suggester, columns_of
from supportnet.models.texts import run_in_batches
from supportnet.serving.served_suggestions import TOP_K, ServedBank, ServedEncoder, ServedSuggestions
from supportnet.serving.versions import write_version

#: The least score of a first suggestion that is worth showing: one in ten is right.
MIN_SCORE = 0.1
#: Answers a batch while a bank is read.
BATCH_SIZE = 256


def index(
    model: Suggester | ExportedSuggester,
    bank: Bank,
    path: str | os.PathLike[str],
    version: int | None = None,
    overwrite: bool = False,
    min_score: float = MIN_SCORE,
) -> Path:
    """Read a bank's answers, and write the model with them inside to `path`/VERSION, as TensorFlow Serving wants it.

    Nothing is trained, and near-duplicates among the answers are one (see `supportnet.data.duplicates`).

    Signatures, which take `text`, string `[B]`, and return, with K = 10:
        `suggest` (also `serving_default`): `suggestion_ids` and `suggestions` string `[B, K]`, best first, and
            `suggestion_scores` float32 `[B, K]`, the probability of each that it is right, as validation data had it;
            `has_suggestion` bool `[B]`, whether the first score is at least `min_score`. Where there are fewer than K
            answers, empty strings with the score 0 follow; a message without words gets no answer.
        `suggest_filtered`: the same among the answers with a tag, or of a language, that `tag`, string `[B]`, names.
        `embed`, `embed_answer`: `embedding` float32 `[B, E]`, of a message and of an answer used once: their product
            is the answer's logit.

    Args:
        model: a trained model, or one that this function wrote, whose bank is replaced.
        bank: the answers.
        path, version, overwrite: as for `supportnet.serving.export.export`.
        min_score: the least score of a first suggestion, in [0, 1).

    Returns:
        The folder of the version.

    Raises:
        UserError: the bank is empty, or as for `export`.

    Example:
        >>> index(load_suggester("runs/answers"), supportnet.load_bank("answers.csv"), "saved_models/answers")
        PosixPath('saved_models/answers/1')
    """
    check_rate("min_score", min_score)
    answers = different_answers(bank)

    def save(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            encoder = _encoder(model, Path(temporary) / "vocabulary.txt")
            columns = columns_of(answers, _vectors(encoder, [answer.searched for answer in answers]))
            module = ServedSuggestions(encoder, ServedBank(answers, columns), min_score)
            signatures = {name: getattr(module, name) for name in SIGNATURES}
            tf.saved_model.save(module, str(folder), signatures={"serving_default": module.suggest, **signatures})
        facts = {"bank": bank.name, "licence": bank.licence, "entries": len(bank.answers), "answers": len(answers)}
        write_json(folder / "assets.extra" / "suggestions.json", {**facts, "top_k": TOP_K, "min_score": min_score})

    return write_version(path, save, version, overwrite)


#: What an export answers, beside `serving_default`.
SIGNATURES = ("suggest", "suggest_filtered", "embed", "embed_answer")


def _encoder(model: Suggester | ExportedSuggester, vocabulary_path: Path) -> Any:
    """The encoder to save: made of a trained model, or taken over from an exported one."""
    if isinstance(model, ExportedSuggester):
        return model.encoder
    model.vocabulary.save(vocabulary_path)
    return ServedEncoder(model, vocabulary_path)


def _vectors(encoder: Any, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    return run_in_batches(lambda batch: {"vectors": encoder.reply(batch)}, texts, ["vectors"], BATCH_SIZE)["vectors"]
