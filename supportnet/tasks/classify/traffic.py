"""What a model sees of messages, in numbers alone: of those of its training, in the run folder, and of recent ones."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from keras import ops

from supportnet.backbones.texts import run_in_batches
from supportnet.data.ticket import Ticket
from supportnet.errors import UserError
from supportnet.files import write_json
from supportnet.tasks.classify.answers import Answers, Ints
from supportnet.tasks.classify.calibrate import answers_of
from supportnet.tasks.task import read_fields
from supportnet.text.special_tokens import SPECIAL_TOKENS, UNKNOWN_ID

if TYPE_CHECKING:
    from supportnet.tasks.classify.data import Split
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.tasks.classify.serve import ExportedModel
    from supportnet.training.loop import History

#: The summary's file in a run folder.
TRAFFIC = "traffic.json"
#: Bins of the histogram of confidence.
NUM_BINS = 20
#: What a summary may be of: messages held out of training, those of training, or later ones.
SOURCES = ("validation", "training", "messages")


@dataclass(frozen=True)
class Traffic:
    """A summary of messages: counts, and no word of them.

    Attributes:
        source: one of `SOURCES`.
        num_messages: how many messages.
        num_in_scope: those that look like ones that an intent covers.
        num_routed: those that can be routed without a human.
        num_words: words of the messages, as far as the model reads them; placeholders of personal data are none.
        num_known_words: those in the vocabulary.
        word_design_effect: see `design_effect`.
        confidence_mean: mean of the largest probability.
        confidence_std: its standard deviation.
        confidence_counts: messages by largest probability, in `NUM_BINS` bins between 0 and 1.
        predicted: every intent of the model -> messages of which it is the best.
        labels: intent -> training messages that are labelled with it; empty if it isn't about a training.

    Raises:
        UserError: counts that aren't, or don't add up.
    """

    source: str
    num_messages: int
    num_in_scope: int
    num_routed: int
    num_words: int
    num_known_words: int
    word_design_effect: float
    confidence_mean: float
    confidence_std: float
    confidence_counts: Sequence[int]
    predicted: Mapping[str, int]
    labels: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        some = (self.num_in_scope, self.num_routed, *self.confidence_counts, *self.predicted.values())
        counts = (self.num_messages, self.num_words, self.num_known_words, *some, *self.labels.values())
        if not all(isinstance(count, int) and count >= 0 for count in counts):
            raise UserError("counts must be whole numbers of 0 or more")
        if not np.isfinite([self.word_design_effect, self.confidence_mean, self.confidence_std]).all():
            raise UserError("numbers must be finite")
        if self.word_design_effect < 1 or self.confidence_std < 0:
            raise UserError("word_design_effect must be 1 or more, and confidence_std 0 or more")
        totals = {sum(self.confidence_counts), sum(self.predicted.values())}
        if totals != {self.num_messages} or len(self.confidence_counts) != NUM_BINS or self.source not in SOURCES:
            raise UserError("counts must add up to num_messages")
        if max(some) > self.num_messages or self.num_known_words > self.num_words:
            raise UserError("a part must not be more than all")

    @classmethod
    def of(
        cls,
        model: "IntentClassifier | ExportedModel",
        texts: Sequence[str],
        answers: Answers | None = None,
        source: str = "messages",
        labelled: Sequence[Ticket] = (),
    ) -> Self:
        """Summarize messages.

        Args:
            model: reads the messages.
            texts: the messages, at least one.
            answers: what is said of them; by default what `model` says.
            source: one of `SOURCES`.
            labelled: training messages whose labels are counted.

        Example (needs a trained model):
            >>> Traffic.of(model, ["where is my parcel?"]).num_messages
            1
        """
        answers = model.answers(texts) if answers is None else answers
        known, words = word_counts(model, texts)
        confidence = answers.probabilities.max(axis=1).astype("float64")
        # A probability may be rounded to a little more than 1.
        counts, _ = np.histogram(confidence.clip(0, 1), NUM_BINS, (0, 1))
        predicted = np.bincount(answers.predicted, minlength=len(answers.intents))
        labels = Counter(str(ticket.intent) for ticket in labelled)
        return cls(
            source=source,
            num_messages=len(texts),
            num_in_scope=int(answers.in_scope.sum()),
            num_routed=int(answers.route.sum()),
            num_words=int(words.sum()),
            num_known_words=int(known.sum()),
            word_design_effect=design_effect(known, words),
            confidence_mean=float(confidence.mean()),
            confidence_std=float(confidence.std(ddof=min(1, len(texts) - 1))),
            confidence_counts=counts.tolist(),
            predicted=dict(zip(answers.intents, predicted.tolist(), strict=True)),
            labels=dict(sorted(labels.items())),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or damaged; it is named.

        Example (needs a run folder):
            >>> Traffic.load("runs/tickets/traffic.json").num_messages
        """
        if not Path(path).exists():
            raise UserError(
                f"{path} is missing: the run was made before there was one, or saved from Python. The same training "
                "with --resume adds it; or name messages to compare with (--reference)."
            )
        return read_fields(path, cls)


def write_traffic(folder: Path, model: "IntentClassifier", split: "Split", history: "History") -> None:
    """Write a summary into a run folder: of the messages that validated, or without any of the training messages."""
    answers, source, tickets = None, "validation", split.validation
    found = history.cross_validation
    if found is not None:
        tickets = split.at(found.rows)
        answers = answers_of(found.outputs, model.confidence, model.intents)
    elif not tickets:
        source, tickets = "training", split.tickets
    traffic = Traffic.of(model, [ticket.text for ticket in tickets], answers, source, split.tickets)
    traffic.save(folder / TRAFFIC)


def word_counts(model: "IntentClassifier | ExportedModel", texts: Sequence[str]) -> tuple[Ints, Ints]:
    """Return how many words of each message the vocabulary knows, and how many there are, both int64 `[N]`."""

    def count(batch: Any) -> dict[str, Any]:
        ids = model.token_ids(batch)
        known = ops.count_nonzero(ids >= len(SPECIAL_TOKENS), axis=1)
        return {"known": known, "words": known + ops.count_nonzero(ids == UNKNOWN_ID, axis=1)}

    counted = run_in_batches(count, texts, ("known", "words"), batch_size=256)
    return counted["known"].astype("int64"), counted["words"].astype("int64")


def design_effect(known: Ints, words: Ints) -> float:
    """Return how many words say as much about the share of known ones as a single word of a message of its own.

    Words of a message aren't drawn one by one: one in another language, say, has unknown ones only. The effect is the
    variance of the share, with messages as clusters, over that of words that are drawn one by one.

    Args:
        known: known words of each of N messages.
        words: all words of each.

    Returns:
        1 or more; 1 where nothing can be said, because all words are known, or none is.

    Source: Kish 1965, Survey Sampling, with the linearized variance of a ratio.

    Example:
        >>> design_effect(np.array([4, 0, 4, 0]), np.array([4, 4, 4, 4])) > 4
        True
    """
    share = known.sum() / max(1, words.sum())
    if len(words) < 2 or not 0 < share < 1:
        return 1.0
    clustered = len(words) / (len(words) - 1) * float(np.square(known - share * words).sum())
    return max(1.0, clustered / float(share * (1 - share) * words.sum()))
