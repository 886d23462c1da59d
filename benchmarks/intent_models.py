"""Train one model, this package's or the SVM, and measure it; see `one_run.py`, the process that does so."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib

import supportnet
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.tasks.classify.comparison import Svm
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.data import training_splits
from supportnet.tasks.classify.evaluate import evaluate_model
from supportnet.training.svm import fit_svm

SVM = "svm"
SCORES = ("accuracy", "macro_f1")
CALIBRATION = ("ece", "ece_uncalibrated", "ece_perfect")
#: Only where the test split holds out-of-scope messages: without any, no promise is made for them.
ROUTING = ("oos_auroc", "oos_fpr95", "coverage_at_precision", "precision_at_threshold", "oracle_coverage")


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Do one run.

    Args:
        spec: `data`, `data_dir`, `model` (`svm` or an architecture), `seed`, `options` (those of `supportnet.train`),
            `keep` (where to leave the model for timing, or None) and `alone` (only train, to time it).

    Returns:
        The figures by name.
    """
    dataset = supportnet.load(spec["data"], data_dir=spec["data_dir"])
    keep = None if spec["keep"] is None else Path(spec["keep"])
    if spec["model"] == SVM:
        return svm_figures(dataset, spec["options"], keep)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = supportnet.train(
            dataset,
            Path(folder) / "run",
            architecture=spec["model"],
            seed=spec["seed"],
            progress_bar=False,
            **spec["options"],
        )
    seconds = time.perf_counter() - started
    if spec["alone"]:
        return {"training_seconds": seconds}
    if keep is not None:
        model.export(keep, version=1, overwrite=True)
    return {**network_figures(model, dataset), "training_seconds_one_core": seconds}


def network_figures(model: supportnet.SupportModel, dataset: TicketDataset) -> dict[str, Any]:
    """Score a trained model: the one pass over the test split."""
    figures = model.evaluate(dataset["test"])
    assert model.metrics is not None
    assert model.history is not None
    return {
        "validation_accuracy": model.metrics["accuracy"],
        **chosen(figures, SCORES),
        **confidence(figures),
        "epochs": len(model.history),
    }


def svm_figures(dataset: TicketDataset, options: dict[str, Any], keep: Path | None) -> dict[str, Any]:
    """Score the SVM.

    Its accuracy is that of one fitted on the whole training split: it has nothing to choose. Its confidence has to
    be fitted on messages that it hasn't seen; where the data has no validation split, that takes a second SVM.
    """
    config = ClassifyConfig(**options)
    everything = [ticket for ticket in dataset["train"] if ticket.intent != OUT_OF_SCOPE]
    started = time.perf_counter()
    svm = fitted(everything)
    seconds = time.perf_counter() - started
    if keep is not None:
        keep.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump(svm.pipeline, keep)
    train, validation = training_splits(dataset, config)
    held_out = svm if "validation" in dataset.splits else fitted(train)
    held_out.calibrate(validation, config)
    figures = evaluate_model(held_out, dataset["test"])
    scores = figures if held_out is svm else evaluate_model(svm, dataset["test"])
    return {
        "validation_accuracy": evaluate_model(held_out, validation)["accuracy"],
        **chosen(scores, SCORES),
        **confidence(figures),
        "training_seconds_one_core": seconds,
    }


def fitted(tickets: Sequence[Ticket]) -> Svm:
    """Fit the SVM; its confidence isn't."""
    return Svm(fit_svm([ticket.text for ticket in tickets], [str(ticket.intent) for ticket in tickets]))


def confidence(figures: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only out-of-scope messages can tell, where there are none."""
    return chosen(figures, (*CALIBRATION, *ROUTING) if figures["num_out_of_scope"] else CALIBRATION)


def chosen(figures: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return these figures only."""
    return {name: figures[name] for name in names}
