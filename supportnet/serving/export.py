"""Export: trained models as one SavedModel of core TensorFlow operations, strings in, strings out."""

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from supportnet.data.bank import Bank
from supportnet.errors import UserError
from supportnet.files import write_json
from supportnet.layers.checks import check_positive, check_rate
from supportnet.models.card import model_card
from supportnet.models.exported_model import CARD, CONFIDENCE
from supportnet.serving.served_classifier import ServedClassifier
from supportnet.serving.served_model import ServedModel
from supportnet.serving.served_reader import ServedReader, served_readers
from supportnet.serving.served_replies import ServedReplies
from supportnet.serving.served_suggestions import MIN_SCORE, ServedEncoder, serve_bank, write_bank_facts
from supportnet.serving.versions import write_version
from supportnet.text.vocabulary import Vocabulary, table_from_file

#: What an export says of when a person takes over, and of its intents.
HANDOFF, LABELS = "assets.extra/handoff.json", "assets.extra/labels.txt"


def export(
    models: Any,
    path: str | os.PathLike[str],
    version: int | None = None,
    overwrite: bool = False,
    *,
    bank: Bank | None = None,
    min_score: float = MIN_SCORE,
    beam: int = 1,
    keep: int | None = None,
) -> Path:
    """Write models to `path`/VERSION, as TensorFlow Serving wants them: one SavedModel, one task each.

    Models that read alike, such as those of `supportnet.train_tasks`, with equal vocabularies, sizes and weights of
    embedding and encoder, share them: they are stored once, and `serving_default` reads a message once for all.

    Signatures, which take `text`, string `[B]`:
        `serving_default`: the outputs of `classify`, `suggest` and `reply`, of those that there are.
        `embed`: `embedding` float32 `[B, D]`, of the first of these tasks that there is; of a model that suggests, that
            of `embed_message`; of one that replies, the mean of what the decoder sees.
        `redact`: `redacted` string `[B]`, the messages with placeholders for personal data.

    Of an `IntentClassifier`:
        `classify`: `intents` string `[B, K]`, best first, and `intent_scores` float32 `[B, K]`, their calibrated
            probabilities; K is the number of intents. `in_scope` bool `[B]`, and `in_scope_score` float32 `[B]`, which
            it follows from; `route` bool `[B]`, whether the message can be routed without a human at the promised
            precision, and `route_score` float32 `[B]`; `coverage` float32 `[B]`, the share of the message's character
            n-grams that training saw with the best intent.
        `classify_examples`: for the Classify API; takes `inputs` string `[B]`, serialized `tf.train.Example` with the
            message in the feature `text`; `classes` string `[B, K]` and `scores` float32 `[B, K]`.

    Of a `Suggester`, with K = 10 and near-duplicates among the answers as one (see `supportnet.data.duplicates`):
        `suggest`: `suggestion_ids` and `suggestions` string `[B, K]`, best first, and `suggestion_scores` float32
            `[B, K]`, the probability of each that it is right, as validation data had it; `has_suggestion` bool `[B]`,
            whether the first score is at least `min_score`. Where there are fewer than K answers, empty strings with
            the score 0 follow; a message without words gets no answer.
        `suggest_filtered`: the same among the answers with a tag, or of a language, that `tag`, string `[B]`, names.
        `embed_message`, `embed_answer`: `embedding` float32 `[B, E]`, of a message and of an answer used once: their
            product is the answer's logit.

    Of a `Replier`:
        `reply`: `reply` string `[B]`; `reply_score` float32 `[B]`, the mean logarithm of its pieces' probabilities;
            `reply_tokens` int32 `[B]`, how many pieces it has; `handoff` bool `[B]`, whether a human shall see to it:
            also where a slot of the reply is open. A message without words gets an empty reply, and is handed over.
        `reply_sample`: the same, drawn at random; takes `temperature` and `top_p`, float32 `[B]`, and `seed`, int32
            `[B]`, as well.

    In `assets.extra` stand the thresholds (`confidence.json`, `handoff.json`), what is said of the bank
    (`suggestions.json`), the intents one a line (`labels.txt`), and what each model is (`model_card.json`).

    Args:
        models: a trained model, or several of different tasks.
        path: the served model's folder, for example `saved_models/support`.
        version: number of the version, at least 1; one above the highest there if not given.
        overwrite: replace a version that is there.
        bank: the answers of a `Suggester`.
        min_score: the least score of a first suggestion, in [0, 1).
        beam: how many beginnings of a reply are followed at a time; 1 writes the likeliest piece each time.
        keep: remove the oldest versions, so that as many are left, the new one among them.

    Returns:
        The folder of the version.

    Raises:
        UserError: two models have the same task, a `Suggester` comes without its bank or a bank without one, the bank
            is empty, `beam` or `keep` is below 1; the version is there, isn't a positive number, or the file system
            refuses.

    Example (needs two run folders):
        >>> bank = supportnet.load_bank("answers.csv")
        >>> export([load_run("runs/intents"), load_suggester("runs/answers")], "saved_models/support", bank=bank)
        PosixPath('saved_models/support/1')
    """
    check_positive("beam", beam)
    check_rate("min_score", min_score)
    by_task = _by_task(models)
    _check_bank(by_task, bank)

    def save(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            readers = served_readers(by_task, _tables(Path(temporary)))
            parts = {task: _part(model, readers[task], bank, min_score, beam) for task, model in by_task.items()}
            ServedModel(parts).save(folder)
        _write_facts(folder, by_task)
        if bank is not None:
            write_bank_facts(folder, bank, parts["suggest"])

    return write_version(path, save, version, overwrite, keep)


def _by_task(models: Any) -> dict[str, Any]:
    """One model a task."""
    listed: list[Any] = list(models) if isinstance(models, list | tuple) else [models]
    # A `SupportModel` holds what classifies.
    by_task = {model.task: model for model in (getattr(model, "classifier", model) for model in listed)}
    if not 0 < len(listed) == len(by_task):
        received = f"{len(listed)} of the task {', '.join(by_task)}" if listed else "none"
        raise UserError(f"An export must hold one model of each task, or of some of them. Received: {received}")
    return by_task


def _check_bank(by_task: dict[str, Any], bank: Bank | None) -> None:
    if "suggest" in by_task and bank is None:
        raise UserError("A model that suggests answers must get a bank of them (--bank).")
    if "suggest" not in by_task and bank is not None:
        raise UserError("bank (--bank) is for a model that suggests answers. There is none.")


def _tables(folder: Path) -> Callable[[Vocabulary], Any]:
    """Vocabulary -> its table, one for equal ones; `folder` is for their files, which become assets."""

    @cache
    def table_of(vocabulary: Vocabulary) -> Any:
        own = Path(tempfile.mkdtemp(dir=folder)) / "vocabulary.txt"
        vocabulary.save(own)
        return table_from_file(own)

    return table_of


def _part(model: Any, reader: ServedReader, bank: Any, min_score: float, beam: int) -> Any:
    """The part of an export that a model is."""
    if model.task == "classify":
        return ServedClassifier(model, reader)
    if model.task == "reply":
        return ServedReplies(model, reader, beam)
    return serve_bank(ServedEncoder(model, reader), bank, min_score)


def _write_facts(folder: Path, by_task: dict[str, Any]) -> None:
    """Write what no server reads, and people do."""
    if "classify" in by_task:
        by_task["classify"].confidence.save(folder / CONFIDENCE)
        (folder / LABELS).write_text("".join(f"{intent}\n" for intent in by_task["classify"].intents), "utf-8")
    if "reply" in by_task:
        by_task["reply"].handoff.save(folder / HANDOFF)
    write_json(folder / CARD, {task: model_card(model) for task, model in by_task.items()})
