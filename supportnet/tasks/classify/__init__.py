"""Classify messages by intent, with calibrated probabilities, out-of-scope detection and routing."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from supportnet.data.ticket import Ticket
from supportnet.errors import UserError
from supportnet.files import make_folder
from supportnet.startup import start_tensorflow
from supportnet.tables import one_line, table_lines
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.task import Hook, Task
from supportnet.training.run_folder import is_run


class Classify(Task):
    """The task `classify`; see `Task`."""

    name = "classify"
    learns = "the intent of a message"
    config = ClassifyConfig
    head_options = frozenset({"head_dropout_rate", "num_pairs", "num_filters"})
    alone_options = ("unlabelled", "rounds", "round_epochs", "frozen_epochs", "mixed_precision")
    # With 3, all three tasks did better on STAR's validation data than with 1, in one run.
    loss_weight = 3.0
    names = "intents"
    least_names = 1
    fitted = "confidence"
    learns_from = "intents"
    exports_are_evaluated = True
    evaluate_options = frozenset({"plots", "against", "baseline", "no_baseline"})
    baseline_names: ClassVar[Mapping[str, str]] = {"svm": "TF-IDF + linear SVM", "majority": "most frequent intent"}
    main_output = "intents"
    ranked_outputs = frozenset({"intents", "intent_scores"})
    next_command = "supportnet evaluate {run} --data {data}"
    # The sample is easy to learn: a few epochs reach what many would.
    quick: ClassVar[Mapping[str, Any]] = {"epochs": 8}
    quick_comparison: ClassVar[Mapping[str, Any]] = {"epochs": 4}

    model_class: ClassVar[Any] = Hook("model:IntentClassifier")
    fit: ClassVar[Any] = Hook("fit:fit")
    fitted_config: ClassVar[Any] = Hook("calibrate:Confidence")
    evaluate: ClassVar[Any] = Hook("evaluate:evaluate_model")
    baselines: ClassVar[Any] = Hook("baselines:validation_baselines")
    served: ClassVar[Any] = Hook("serve:ServedClassifier")

    def exported(self, path: str) -> Any:
        from supportnet.tasks.classify.serve import ExportedModel

        return ExportedModel(path)

    def evaluation(
        self, model: str, data: str | None, split: str, reading: Mapping[str, Any], **options: Any
    ) -> dict[str, Any]:
        against, plots = options.get("against"), options.get("plots")
        tickets = self.evaluated(data, split, reading)
        if plots is not None:
            # Before minutes are spent on what can't be drawn then.
            make_folder(plots)
        start_tensorflow()
        loaded = self.load(model)
        learned: Any = None
        if options.get("baseline") is not None:
            learned = self.load_data(options["baseline"], **reading)
        elif not options.get("no_baseline") and is_run(model):
            learned = self._training_messages(model)
        figures = {**self.evaluate(loaded, tickets, plots, learned), "plots": plots}
        if against is not None:
            from supportnet.tasks.classify.against import compare_models

            figures["against"] = {"model": against, **compare_models(loaded, self.load(against), tickets)}
        return figures

    def _training_messages(self, run: str) -> Sequence[Ticket] | None:
        """Return those of a run; None, with a warning, where it doesn't find them again."""
        from supportnet.tasks.train import training_split

        try:
            return training_split(run, self.name).tickets
        except UserError as error:
            reason = str(error).rstrip(".")
            warnings.warn(
                f"There are no baselines: {reason}. Name the training messages with --baseline FILE, or say "
                "--no-baseline.",
                stacklevel=2,
            )
            return None

    def describe_validated(self, metrics: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
        yield f"validation accuracy {metrics['accuracy']:.4f} (epoch {metrics['best_epoch']})"
        yield from self.describe_baselines(metrics.get("baselines", {}))
        yield f"temperature {fitted['temperature']:.2f}, fitted on {fitted['num_in_scope']} messages in scope"
        if fitted["route_threshold"] is None:
            yield "no message will be routed: no threshold keeps the promise"
            return
        yield (
            f"promise: {fitted['promised_precision']:.1%} of the routed messages are right, "
            f"if {fitted['out_of_scope_share']:.1%} of all are out of scope; "
            f"expected to be routed: {fitted['expected_coverage']:.1%}"
        )

    def describe_evaluation(self, figures: Mapping[str, Any]) -> Iterator[str]:
        low, high = figures["accuracy_interval"]
        yield f"{'accuracy':<26}{figures['accuracy']:.4f} (95% interval {low:.3f} to {high:.3f})"
        yield from self.describe_baselines(figures["baselines"] or {})
        for name in ("macro_f1", "top5_accuracy"):
            yield f"{name:<26}{figures[name]:.4f}"
        yield f"{'milliseconds_per_message':<26}{figures['milliseconds_per_message']:.2f}"
        yield f"{'num_examples':<26}{figures['num_examples']} (and {figures['num_out_of_scope']} out of scope)"
        if figures["seen_in_training"] is not None:
            yield "{:<26}{count} ({share:.1%} of all)".format("seen_in_training", **figures["seen_in_training"])
        if figures["out_of_scope_recall"] is not None:
            yield f"{'out_of_scope_recall':<26}{figures['out_of_scope_recall']:.4f}"
        yield from _confidence_lines(figures)
        for title, rows in (
            ("the weakest intents", figures["per_intent"]),
            ("the most confused", figures["confusions"]),
            ("the most confident errors", figures["errors"]),
        ):
            if rows:
                yield f"\n{title}"
                yield from table_lines([{name: one_line(value) for name, value in row.items()} for row in rows[:10]])
        if figures["plots"]:
            yield f"\nwrote reliability.png and risk_coverage.png to {figures['plots']}"
        if "against" in figures:
            yield from _comparison_lines(figures["against"])

    def describe_answer(self, row: Mapping[str, Any]) -> Iterator[str]:
        scope, route = "in scope" if row["in_scope"] else "out of scope", "route" if row["route"] else "don't route"
        yield f"  {scope} ({row['in_scope_score']:.3f}), {route} ({row['route_score']:.3f})"
        listed = zip(row["intents"], row["intent_scores"], strict=True)
        yield from table_lines([{"": "", "intent": intent, "score": score} for intent, score in listed])

    def headline(self, figures: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        routed, right = figures["coverage_at_precision"] or 0.0, figures["precision_at_threshold"]
        precise = "" if right is None else f", {right:.0%} of them right"
        return (
            f"accuracy {figures['accuracy']:.3f} on {figures['num_examples']} messages; it would route {routed:.0%} of "
            f"all messages without a human{precise}",
            ("accuracy", "macro_f1", "num_examples", "coverage_at_precision", "precision_at_threshold"),
        )

    def brief(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"intent": row["intents"][0], "score": row["intent_scores"][0]}


def _confidence_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    perfect, uncalibrated = figures["ece_perfect"], figures["ece_uncalibrated"]
    yield f"{'ece':<26}{figures['ece']:.4f} (uncalibrated {uncalibrated:.4f}, perfect calibration {perfect:.4f})"
    if figures["oos_auroc"] is not None:
        yield f"{'oos_auroc':<26}{figures['oos_auroc']:.4f} (false positives at 95%: {figures['oos_fpr95']:.4f})"
    if figures["promised_precision"] is None:
        yield "nothing is routed: the model was trained without validation data"
        return
    promised, precision = figures["promised_precision"], figures["precision_at_threshold"]
    right = "none"
    if precision is not None:
        low, high = figures["precision_interval"]
        right = f"{precision:.1%} of them right, 95% interval {low:.1%} to {high:.1%}"
    yield (
        f"{'coverage_at_precision':<26}{figures['coverage_at_precision']:.4f} ({right}, {promised:.1%} promised; "
        f"{figures['out_of_scope_share']:.1%} out of scope; best possible {figures['oracle_coverage']:.4f})"
    )


def _comparison_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    yield f"\nagainst {figures['model']}"
    for key in ("accuracy", "accuracy_against"):
        yield f"{key:<26}{figures[key]:.4f}"
    yield f"{'p_value':<26}{figures['p_value']:.3g}\n"
    yield from table_lines(
        [
            {"": "right", "other right": figures["both_right"], "other wrong": figures["num_fixed"]},
            {"": "wrong", "other right": figures["num_broken"], "other wrong": figures["both_wrong"]},
        ]
    )
    for key in ("fixed", "broken"):
        if figures[key]:
            yield f"\n{key}"
            rows = figures[key][:10]
            yield from table_lines([{column: one_line(value) for column, value in row.items()} for row in rows])


TASK = Classify()
