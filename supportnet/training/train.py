"""From tickets to a trained model in a run folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supportnet.data import load
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.embeddings import Coverage
from supportnet.models.config import NetworkConfig
from supportnet.models.intent_classifier import IntentClassifier
from supportnet.models.towers import Towers
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.calibrate import calibrate
from supportnet.training.config import TrainingConfig
from supportnet.training.examples import Examples, labelled_examples
from supportnet.training.fit import intent_lesson
from supportnet.training.folder import fingerprint
from supportnet.training.learner import Course, Learner, train_alone
from supportnet.training.loop import Lesson, best_metrics
from supportnet.training.ngrams import fit_ngrams
from supportnet.training.options import split_options
from supportnet.training.run import save_model
from supportnet.training.self_training import fit_with_unlabelled
from supportnet.training.splits import Sources, texts_of, training_splits, unlabelled_sets
from supportnet.training.start import Start


@dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Attributes:
        model: the model, with the weights of the best epoch, its temperature and its thresholds.
        metrics: `accuracy` and `loss` on validation (None without it), and `best_epoch`, counted from 1.
        history: one dictionary of metrics an epoch, all rounds one after the other.
        coverage: how much of the vocabulary the given word vectors hold; None where none were given.
    """

    model: IntentClassifier
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    coverage: Coverage | None = None


def train(
    data: str | os.PathLike[str] | TicketDataset,
    out: str | os.PathLike[str] | None = None,
    *,
    preset: str | None = None,
    init: str | os.PathLike[str] | None = None,
    embeddings: str | os.PathLike[str] | None = None,
    require_coverage: float | None = None,
    unlabelled: Sources | TicketDataset | None = None,
    resume: bool = False,
    progress_bar: bool = True,
    data_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Trained:
    """Train an intent model.

    Args:
        data: a data set, or the name or path of one (see `supportnet.load`). Without a validation split, one is
            cut off the training split, stratified and seeded; a file without splits is all training data.
            Messages labelled `OUT_OF_SCOPE` are an intent like any other if training has them; those of validation
            count when confidence is fitted, in either case. Messages without an intent are left out, with a warning.
        out: the run folder to write; None keeps nothing. See `supportnet.training.run` for what it holds.
        preset: `tiny`, `small` or `base`: sizes of the network (see `supportnet.models.presets`). An option that
            is given beside it wins.
        init: the folder of an encoder from `supportnet.training.pretrain.pretrain`. Its vocabulary and its sizes are
            the model's, which starts from its weights.
        embeddings: word vectors to start from: a file (see `supportnet.embeddings.load_word_embeddings`), or `word2vec`
            or `fasttext` to train them on the messages, the unlabelled ones included.
        require_coverage: share of the vocabulary that the word vectors must hold, in [0, 1].
        unlabelled: messages to learn from as well, in rounds (see `supportnet.training.self_training`): names or paths
            (see `supportnet.data.load_unlabelled`), or a data set with a split `train` or `all`.
        resume: go on with the run in `out`, which was interrupted. It ends as if it had not been: same data,
            same options, same machine, same result. A finished run is returned as it is.
        progress_bar: show one on standard error.
        data_options: arguments of `supportnet.load`, where `data` is a name or a path; `unlabelled` is read by those of
            them that it can take.
        **options: fields of `NetworkConfig` and `TrainingConfig`, for example `epochs=10` or
            `architecture="transformer"`.

    Returns:
        The model, with the weights of the best epoch on validation, its confidence fitted there (see
        `supportnet.training.calibrate`), and how training went. Without validation data the last epoch is kept and
        nothing is fitted, with a warning.

    Raises:
        UserError: an unknown option, preset or value, data that can't be trained on, a run folder that is already there
            or, with `resume`, one of other data or options, a damaged checkpoint, training that diverges, an encoder
            of other sizes, or word vectors of another dimension.

    The random generators of Python, NumPy and Keras are seeded, for the whole process.

    Example (needs a training run):
        >>> trained = train("tickets.csv", out="runs/tickets", data_options={"text_column": "body"}, epochs=10)
        >>> trained.metrics["accuracy"]
    """
    start = Start.of(init, embeddings, require_coverage)
    network, training = split_options(options, TrainingConfig, start.network_options, preset)
    start.check(network)
    dataset = data if isinstance(data, TicketDataset) else load(data, **(data_options or {}))
    learner = IntentLearner(dataset, training, texts_of(unlabelled_sets(unlabelled, data_options or {})))
    return Trained(*train_alone(learner, network, start, None if out is None else Path(out), resume, progress_bar))


class IntentLearner(Learner):
    """The task classify.

    Args:
        dataset: labelled messages.
        config: how to train.
        unlabelled: messages to learn from as well.

    Raises:
        UserError: there is nothing to train on, or validation has other intents.
    """

    task = "classify"

    def __init__(self, dataset: TicketDataset, config: TrainingConfig, unlabelled: Sequence[str] = ()) -> None:
        self.config: TrainingConfig = config
        self.tickets, self.validation = training_splits(dataset, config)
        self.unlabelled = unlabelled
        self.facts = data_facts(dataset, self.tickets, self.validation, unlabelled)

    @property
    def texts(self) -> list[str]:
        return [*super().texts, *self.unlabelled]

    def model(self, network: NetworkConfig, vocabulary: Vocabulary, towers: Towers | None = None) -> IntentClassifier:
        intents = sorted({str(ticket.intent) for ticket in self.tickets})
        return IntentClassifier(network, vocabulary, intents, towers=towers)

    def lesson(self, model: IntentClassifier) -> Lesson:
        known, held_out = self.examples(model)
        fit_ngrams(model, known, None, held_out, self.config.class_weights, self.config.seed)
        return intent_lesson(model, known, held_out, self.config)

    def fit(self, model: IntentClassifier, folder: Path | None, progress_bar: bool) -> Course:
        known, held_out = self.examples(model)
        fit = fit_with_unlabelled(model, known, self.unlabelled, held_out, self.config, folder, progress_bar)
        return fit.history, fit.best_epoch

    def examples(self, model: IntentClassifier) -> tuple[Examples, Examples]:
        """What is known to train on, and what of it is in scope to validate on."""
        in_scope = [ticket for ticket in self.validation if ticket.intent in model.intents]
        return labelled_examples(self.tickets, model.intents), labelled_examples(in_scope, model.intents)

    def finish(self, model: IntentClassifier, course: Course) -> dict[str, Any]:
        if self.validation:
            answers = model.answers([ticket.text for ticket in self.validation])
            promise = (self.config.precision, self.config.out_of_scope_share)
            model.confidence = calibrate(answers, self.validation, *promise)
        return best_metrics(*course)

    def save(self, folder: Path, model: IntentClassifier) -> None:
        save_model(folder, model)


def data_facts(
    dataset: TicketDataset, train_tickets: Sequence[Ticket], validation: Sequence[Ticket], unlabelled: Sequence[str]
) -> dict[str, Any]:
    """What the run's files say of the data, with a fingerprint that tells whether a resumed run has the same."""
    tickets = (*train_tickets, *validation, *map(Ticket, unlabelled))
    return {
        "name": str(dataset.name),
        "source": dataset.source,
        "licence": dataset.licence,
        "train_messages": len(train_tickets),
        "validation_messages": len(validation),
        "unlabelled_messages": len(unlabelled),
        "fingerprint": fingerprint(part for ticket in tickets for part in (ticket.text, ticket.intent)),
    }
