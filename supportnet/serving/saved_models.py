"""Write SavedModels of core TensorFlow operations, strings in, strings out: models, or a new bank of answers.

Each becomes a version of a served model: a folder with a number, whole or not there (`write_version`). The rows of a
bank can be written as a FAISS file too, for banks that are too large for an exact search in the graph.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from supportnet.backbones.backbone import TaskModel
from supportnet.checks import check_positive, check_rate
from supportnet.data.bank import Bank
from supportnet.errors import UserError
from supportnet.files import read_json, write_json, written_whole
from supportnet.pretrained.licence import changes, write_licence
from supportnet.pretrained.weights import SOURCE_FILE
from supportnet.savedmodel.load import CARD, versions_in
from supportnet.savedmodel.load import SavedModel as SavedModel  # `supportnet.serving` has it from here
from supportnet.savedmodel.reader import served_readers
from supportnet.savedmodel.signatures import CLASSIFY_METHOD, EXAMPLES_SUFFIX, TEXT, write_warmup
from supportnet.tasks.classify import TASK as CLASSIFY
from supportnet.tasks.classify.serve import CONFIDENCE
from supportnet.tasks.classify.serve import ExportedModel as ExportedModel  # `supportnet.serving` has it from here
from supportnet.tasks.registry import NAMES, get_task
from supportnet.tasks.suggest import TASK as SUGGEST
from supportnet.tasks.suggest.serve import ExportedSuggester as ExportedSuggester
from supportnet.tasks.suggest.serve import serve_bank, write_bank_facts
from supportnet.tasks.task import ExportOptions
from supportnet.text.graph import redact_graph
from supportnet.text.vocabulary import Vocabulary, table_from_file
from supportnet.text.word_piece_graph import MISSING_ID


def export(
    models: Any,
    path: str | os.PathLike[str],
    version: int | None = None,
    overwrite: bool = False,
    *,
    bank: Bank | None = None,
    min_score: float = ExportOptions.min_score,
    beam: int = ExportOptions.beam,
    keep: int | None = None,
) -> Path:
    """Write models to `path`/VERSION, as TensorFlow Serving wants them: one SavedModel, one task each.

    Models that read alike, such as those of one training, with equal vocabularies, sizes and weights of
    embedding and encoder, share them: they are stored once, and `serving_default` reads a message once for all.

    Signatures, which take `text`, string `[B]`:
        `serving_default`: the outputs of `classify`, `suggest`, `reply` and `attributes`, of those that there are.
        `embed`: `embedding` float32 `[B, D]`, of the first of these tasks that there is; of a model that suggests, that
            of `embed_message`; of one that replies, the mean of what the decoder sees.
        `redact`: `redacted` string `[B]`, the messages with placeholders for personal data.

    Of an `IntentClassifier`:
        `classify`: `intents` string `[B, K]`, best first, and `intent_scores` float32 `[B, K]`, their calibrated
            probabilities; K is the number of intents. `in_scope` bool `[B]`, and `in_scope_score` float32 `[B]`, which
            it follows from; `route` bool `[B]`, whether the message can be routed without a human at the promised
            precision, and `route_score` float32 `[B]`. Further ones, float32 `[B]`, say what these follow from:
            `coverage`, the share of the message's character n-grams that training saw with the best intent; `margin`,
            the linear classifier's decision function for it; `known_words`, how many words are in the vocabulary; and,
            with a pretrained encoder, `similarity`, the cosine to that intent's training messages.
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

    Of an `AttributeClassifier` with A attributes:
        `attributes`: `attribute_names` string `[B, A]`, the same for each message; `attribute_values` string `[B, A]`,
            the likeliest value of each, and `attribute_scores` float32 `[B, A]`, its calibrated probability.

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
        >>> models = [load("runs/intents", "classify"), load("runs/answers", "suggest")]
        >>> export(models, "saved_models/support", bank=bank)
        PosixPath('saved_models/support/1')
    """
    check_positive("beam", beam)
    check_rate("min_score", min_score)
    by_task, options = _by_task(models), ExportOptions(bank, min_score, beam)
    # Before anything is written: a bank is there just where it is needed.
    takes_bank = any(get_task(task).takes_bank for task in by_task)
    if takes_bank and bank is None:
        raise UserError("A model that suggests answers must get a bank of them (--bank).")
    if bank is not None and not takes_bank:
        raise UserError("bank (--bank) is for a model that suggests answers. There is none.")

    def save(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            readers = served_readers(by_task, _tables(Path(temporary)))
            parts = {task: get_task(task).serve(model, readers[task], options) for task, model in by_task.items()}
            ServedModel(parts).save(folder)
        for task, model in by_task.items():
            get_task(task).write_facts(folder, model, parts[task], options)
        for model in by_task.values():
            if model.config.pretrained is not None:
                _write_licence(folder, model)
        write_json(folder / CARD, {task: get_task(task).card(model) for task, model in by_task.items()})

    return write_version(path, save, version, overwrite, keep)


def index(
    model: Any,
    bank: Bank,
    path: str | os.PathLike[str],
    version: int | None = None,
    overwrite: bool = False,
    *,
    min_score: float = ExportOptions.min_score,
    keep: int | None = None,
) -> Path:
    """Read a bank's answers, and write the model with them inside to `path`/VERSION, as TensorFlow Serving wants it.

    Nothing is trained. What else an exported model does, it goes on doing.

    Args:
        model: a trained model, or an `ExportedSuggester`, whose bank is replaced.
        bank: the answers.
        path, version, overwrite, min_score, keep: as for `export`, which lists the signatures.

    Returns:
        The folder of the version.

    Raises:
        UserError: the bank is empty, or as for `export`.

    Example (needs an export):
        >>> index(ExportedSuggester("saved_models/support"), load_bank("new_answers.csv"), "saved_models/support")
        PosixPath('saved_models/support/2')
    """
    if not isinstance(model, ExportedSuggester):
        return export(model, path, version, overwrite, bank=bank, min_score=min_score, keep=keep)
    check_rate("min_score", min_score)

    def save(folder: Path) -> None:
        suggestions = serve_bank(model.encoder, bank, min_score)
        parts = {name: model.part(name) for name in NAMES if model.part(name) is not None}
        ServedModel({**parts, SUGGEST.name: suggestions}).save(folder)
        shutil.copytree(model.path / "assets.extra", folder / "assets.extra")
        write_bank_facts(folder, bank, suggestions)

    return write_version(path, save, version, overwrite, keep)


def calibrate(
    model: ExportedModel,
    confidence: Any,
    path: str | os.PathLike[str],
    version: int | None = None,
    overwrite: bool = False,
    *,
    keep: int | None = None,
) -> Path:
    """Write an exported classifier with another confidence to `path`/VERSION. Nothing is trained.

    What else the exported model does, it goes on doing.

    Args:
        model: an exported model; it has the confidence from then on.
        confidence: see `supportnet.tasks.classify.calibrate.recalibrate`.
        path, version, overwrite, keep: as for `export`.

    Returns:
        The folder of the version.

    Raises:
        UserError: the export is of a version that can't be calibrated, or as for `export`.

    Example (needs an export):
        >>> model = ExportedModel("saved_models/support")
        >>> calibrate(model, recalibrate(model, supportnet.load("recent.csv")["all"]), "saved_models/support")
        PosixPath('saved_models/support/2')
    """

    def save(folder: Path) -> None:
        parts = {name: model.part(name) for name in NAMES if model.part(name) is not None}
        ServedModel({**parts, CLASSIFY.name: model.calibrated(confidence)}).save(folder)
        shutil.copytree(model.path / "assets.extra", folder / "assets.extra")
        card = read_json(folder / CARD)
        card[CLASSIFY.name][CLASSIFY.fitted] = asdict(confidence)
        write_json(folder / CARD, card)
        confidence.save(folder / CONFIDENCE)

    return write_version(path, save, version, overwrite, keep)


def write_version(
    path: str | os.PathLike[str],
    save: Callable[[Path], None],
    version: int | None = None,
    overwrite: bool = False,
    keep: int | None = None,
) -> Path:
    """Write a version of a model.

    It is written under a temporary name and renamed when it is whole and has answered its own warm-up records, so that
    a server that polls the folder never loads half of one, and a full disk leaves nothing behind.

    Args:
        path: the served model's folder, for example `saved_models/support`.
        save: writes the SavedModel into the folder it is given.
        version: number of the version, at least 1; one above the highest there if not given.
        overwrite: replace a version that is there.
        keep: then remove the oldest versions, so that as many are left, this one among them.

    Returns:
        The folder of the version.

    Raises:
        UserError: the version is there, `version` or `keep` isn't a positive number, or the file system refuses.

    Example (needs a trained model):
        >>> write_version("saved_models/support", lambda folder: tf.saved_model.save(module, str(folder)))
        PosixPath('saved_models/support/1')
    """
    folder = Path(path)
    for name, number in (("version", version), ("keep", keep)):
        if number is not None:
            check_positive(name, number)
    try:
        target = folder / str(version or max(versions_in(folder), default=0) + 1)
        if target.exists() and not overwrite:
            raise UserError(f"{target} is there already: choose another version, or overwrite it (--overwrite).")
        with written_whole(target) as temporary:
            save(temporary)
            write_warmup(temporary)
        if keep is not None:
            _remove_oldest(target, keep)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"The export to {folder} failed: {_reason(error)}.") from None
    return target


def _remove_oldest(new: Path, keep: int) -> None:
    """Remove versions beside the new one, the oldest first; what a server still answers from, it has in memory."""
    others = {number: folder for number, folder in versions_in(new.parent).items() if folder != new}
    for number in sorted(others, reverse=True)[keep - 1 :]:
        # Not in its place: a server that looks meanwhile must not find half of it.
        with tempfile.TemporaryDirectory(prefix=".removed-", dir=new.parent) as holder:
            others[number].rename(Path(holder) / others[number].name)


def _reason(error: Any) -> str:
    """Say what the system said, without the names of operations that TensorFlow puts around it."""
    message = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return re.sub(r"\{\{.*?\}\} *| *\[Op:.*", "", message)


def _by_task(models: Any) -> dict[str, Any]:
    """Return the models by task, one each; what `supportnet.train` returns may hold several."""
    given: list[Any] = list(models) if isinstance(models, list | tuple) else [models]
    listed = [own for model in given for own in getattr(model, "models", {"": model}).values()]
    by_task = {model.task: model for model in listed}
    if not 0 < len(listed) == len(by_task):
        received = f"{len(listed)} of the task {', '.join(by_task)}" if listed else "none"
        raise UserError(f"An export must hold one model of each task, or of some of them. Received: {received}")
    return by_task


def _write_licence(folder: Path, model: TaskModel) -> None:
    """Write the licence of a pretrained encoder, where its weights are from, and whether they were changed."""
    stated = dict(model.config.pretrained or {})
    tuned = (model.origin.get("validation") or {}).get("tuned_blocks", 0)
    changed = changes(tuned, stated["encoder"].get("word_table", "int8"))
    texts = {**model.licence, SOURCE_FILE: f"{model.licence.get(SOURCE_FILE, '')}{changed}\n"}
    write_licence(folder / "assets.extra", stated["source"]["name"], texts)


def _tables(folder: Path) -> Callable[[Vocabulary], Any]:
    """Vocabulary -> its table, one for equal ones; `folder` is for their files, which become assets."""

    @cache
    def table_of(vocabulary: Vocabulary) -> Any:
        own = Path(tempfile.mkdtemp(dir=folder)) / "vocabulary.txt"
        vocabulary.save(own)
        if vocabulary.pieces is None:
            return table_from_file(own)
        vocabulary.pieces.save(own.with_name("word_pieces.txt"))
        return table_from_file(own), table_from_file(own.with_name("word_pieces.txt"), MISSING_ID)

    return table_of


class ServedModel(tf.Module):
    """What is saved: one part for each task, as an attribute of the task's name.

    Args:
        parts: task -> a module with the functions of its signatures, made of a trained model, or one that TensorFlow
            loaded from another export.

    Example (needs a trained model):
        >>> reader = ServedReader(model, table_from_file("vocabulary.txt"))
        >>> ServedModel({"classify": ServedClassifier(model, reader)}).save(Path("saved_models/tiny/1"))
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        super().__init__()
        # In the same order, however they were given: the first one's `embed` is the model's.
        self._tasks = [task for task in NAMES if task in parts]
        for task in self._tasks:
            setattr(self, task, parts[task])

    def save(self, folder: Path) -> None:
        """Write the SavedModel."""
        signatures = self._signatures()
        tf.saved_model.save(self, str(folder), signatures=signatures)
        examples = [name for name in signatures if name.endswith(EXAMPLES_SUFFIX)]
        if examples:
            # TensorFlow writes every signature as one of the Predict API.
            updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(folder))
            for name in examples:
                updater.replace_method_name(name, CLASSIFY_METHOD)
            updater.save()

    def _signatures(self) -> dict[str, Any]:
        functions: dict[str, Any] = {"redact": tf.function(_redact, input_signature=[TEXT])}
        for task in reversed(self._tasks):
            for name, inputs in get_task(task).signatures().items():
                functions[name] = tf.function(self._function(task, name), input_signature=inputs)
        return {"serving_default": tf.function(self._answer, input_signature=[TEXT]), **functions}

    def _function(self, task: str, name: str) -> Callable[..., Any]:
        function = getattr(getattr(self, task), name)
        return lambda *inputs: function(*inputs)

    def _answer(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """What all tasks say, each message read once by each reader; no two of them have an output of the same name."""
        parts = [getattr(self, task) for task in self._tasks]
        readers = {id(part.reader): part.reader for part in parts}
        read = {key: reader.read(text) for key, reader in readers.items()}
        return {name: value for part in parts for name, value in part.answer(text, read[id(part.reader)]).items()}


def _redact(text: tf.Tensor) -> dict[str, tf.Tensor]:
    """The messages without personal data, for whoever shows or keeps them."""
    return {"redacted": redact_graph(text)}


def write_faiss(model: ExportedSuggester, path: str | os.PathLike[str]) -> None:
    """Write what an exported model searches to a FAISS file, and the answers' ids beside it.

    Searched with what the signature `embed_message` returns, the file's distances are the answers' logits.

    Args:
        model: what `supportnet index` wrote.
        path: the file to write, an `IndexFlatIP`, which FAISS turns into any other index; `path`.ids.json holds the id
            of each of its rows.

    Raises:
        UserError: faiss-cpu isn't installed.

    Example (needs an export):
        >>> write_faiss(ExportedSuggester("saved_models/answers"), "answers.faiss")
        >>> queries = model.run("embed_message", ["where is it?"])["embedding"]
        >>> scores, rows = faiss.read_index("answers.faiss").search(queries, 3)
    """
    faiss = import_faiss()
    rows = np.ascontiguousarray(model.bank.columns.numpy().T)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    write_json(f"{os.fspath(path)}.ids.json", [answer_id.decode() for answer_id in model.bank.ids.numpy()])
    with written_whole(Path(path)) as temporary:
        faiss.write_index(index, str(temporary))


def import_faiss() -> Any:
    """Import FAISS, which only this file needs; a `UserError` where it isn't installed."""
    try:
        import faiss
    except ImportError:
        raise UserError("A FAISS file (--faiss) needs faiss-cpu: pip install 'supportnet[faiss]'.") from None
    return faiss
