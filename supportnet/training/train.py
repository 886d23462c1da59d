"""From tickets to a trained model in a run folder."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import keras

from supportnet.data import load
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json, remove_incomplete, write_json
from supportnet.models.config import NetworkConfig
from supportnet.models.intent_classifier import IntentClassifier
from supportnet.models.presets import get_preset
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.calibrate import calibrate
from supportnet.training.config import TrainingConfig
from supportnet.training.fit import Fit, fit_classifier
from supportnet.training.run import CONFIG, WEIGHTS, model_card, save_model
from supportnet.training.splits import training_splits


@dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Attributes:
        model: the model, with the weights of the best epoch, its temperature and its thresholds.
        metrics: `accuracy` and `loss` on validation (None without it), and `best_epoch`, counted from 1.
        history: one dictionary of metrics an epoch.
    """

    model: IntentClassifier
    metrics: dict[str, Any]
    history: list[dict[str, float]]


def train(
    data: str | os.PathLike[str] | TicketDataset,
    out: str | os.PathLike[str] | None = None,
    *,
    preset: str | None = None,
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
        resume: go on with the run in `out`, which was interrupted. It ends as if it had not been: same data,
            same options, same machine, same result. A finished run is returned as it is.
        progress_bar: show one on standard error.
        data_options: arguments of `supportnet.load`, where `data` is a name or a path.
        **options: fields of `NetworkConfig` and `TrainingConfig`, for example `epochs=10` or
            `architecture="transformer"`.

    Returns:
        The model, with the weights of the best epoch on validation, its confidence fitted there (see
        `supportnet.training.calibrate`), and how training went. Without validation data the last epoch is kept and
        nothing is fitted, with a warning.

    Raises:
        UserError: an unknown option, preset or value, data that can't be trained on, a run folder that is already there
            or, with `resume`, one of other data or options, a damaged checkpoint, or training that diverges.

    The random generators of Python, NumPy and Keras are seeded, for the whole process.

    Example:
        >>> trained = train("tickets.csv", out="runs/tickets", data_options={"text_column": "body"}, epochs=10)
        >>> trained.metrics["accuracy"]
    """
    network, training = split_options(options, preset)
    dataset = data if isinstance(data, TicketDataset) else load(data, **(data_options or {}))
    train_tickets, validation = training_splits(dataset, training)
    folder = None if out is None else Path(out)
    facts = data_facts(dataset, train_tickets, validation)
    if folder is not None:
        config = {"task": "classify", "network": asdict(network), "training": asdict(training), "data": facts}
        _prepare_folder(folder, config, resume)

    keras.utils.set_random_seed(training.seed)
    model = _new_model(network, training, train_tickets)
    known = [ticket for ticket in validation if ticket.intent in model.intents]
    fit = fit_classifier(model, train_tickets, known, training, folder, progress_bar)
    if validation:
        answers = model.answers([ticket.text for ticket in validation])
        model.confidence = calibrate(answers, validation, training.precision, training.out_of_scope_share)
    metrics = _validation_metrics(fit)
    if folder is not None:
        save_model(folder, model)
        write_json(folder / "history.json", fit.history)
        write_json(folder / "metrics.json", metrics)
        write_json(folder / "model_card.json", model_card(model, facts, metrics))
    return Trained(model, metrics, fit.history)


def split_options(options: Mapping[str, Any], preset: str | None = None) -> tuple[NetworkConfig, TrainingConfig]:
    """Divide keyword options between the two configurations; an unknown one is a `UserError` that lists them.

    What `options` leave open is the preset's, and what that leaves open the configurations' default.
    """
    network_names = {field.name for field in fields(NetworkConfig)}
    training_names = {field.name for field in fields(TrainingConfig)}
    unknown = sorted(set(options) - network_names - training_names)
    if unknown:
        known = ", ".join(sorted(network_names | training_names))
        raise UserError(f"There is no option named {unknown[0]!r}. The options are: {known}.")
    if preset is not None:
        options = {**get_preset(preset), **options}
    return (
        NetworkConfig(**{name: value for name, value in options.items() if name in network_names}),
        TrainingConfig(**{name: value for name, value in options.items() if name in training_names}),
    )


def data_facts(dataset: TicketDataset, train_tickets: Sequence[Ticket], validation: Sequence[Ticket]) -> dict[str, Any]:
    """What the run's files say of the data, with a fingerprint that tells whether a resumed run has the same."""
    digest = hashlib.sha256()
    for ticket in (*train_tickets, *validation):
        digest.update(f"{ticket.text}\0{ticket.intent}\0".encode("utf-8", "surrogatepass"))
    return {
        "name": str(dataset.name),
        "source": dataset.source,
        "licence": dataset.licence,
        "train_messages": len(train_tickets),
        "validation_messages": len(validation),
        "fingerprint": digest.hexdigest(),
    }


def _new_model(network: NetworkConfig, training: TrainingConfig, train_tickets: Sequence[Ticket]) -> IntentClassifier:
    vocabulary = Vocabulary.build(
        [ticket.text for ticket in train_tickets],
        mode=network.text_mode,
        max_length=network.max_length,
        min_count=training.min_count,
    )
    return IntentClassifier(network, vocabulary, sorted({str(ticket.intent) for ticket in train_tickets}))


def _prepare_folder(folder: Path, config: dict[str, Any], resume: bool) -> None:
    """Make the run folder, or check that the one there is of this very run."""
    path = folder / CONFIG
    if resume:
        remove_incomplete(folder)
    if not path.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is there and is not a run folder (no {CONFIG}): choose another --out.")
        write_json(path, config)
        return
    if not resume:
        state = "a finished run" if (folder / WEIGHTS).exists() else "a run that was interrupted"
        raise UserError(f"{folder} already holds {state}: go on with --resume, or choose another --out.")
    _check_same_run(path, config)


def _check_same_run(path: Path, config: dict[str, Any]) -> None:
    """Check that the run was made with these options and this data, wherever the data lies now."""
    known = read_json(path)
    try:
        for part in ("network", "training"):
            for name, value in config[part].items():
                if known[part][name] != value:
                    raise UserError(
                        f"{path.parent} was made with {name}={known[part][name]!r}: go on with the same. "
                        f"Received: {name}={value!r}"
                    )
        if known["data"]["fingerprint"] != config["data"]["fingerprint"]:
            raise UserError(f"{path.parent} was made from other data ({known['data']['name']}): go on with the same.")
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged or of another version of supportnet ({error!r}).") from None


def _validation_metrics(fit: Fit) -> dict[str, Any]:
    best = fit.history[fit.best_epoch]
    return {"accuracy": best.get("val_accuracy"), "loss": best.get("val_loss"), "best_epoch": fit.best_epoch + 1}
