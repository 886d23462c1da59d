"""Classify messages by intent, with calibrated probabilities, out-of-scope detection and routing."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import make_folder
from supportnet.startup import start_tensorflow
from supportnet.tables import one_line, table_lines
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.task import Hook, Task
from supportnet.training.run_folder import finished_run, is_run

#: What a reference is of -> how it is said after a number of messages.
_ORIGINS: Mapping[str, str] = {
    "validation": "that were held out of its training",
    "training": "that it was trained on, which it knows better than any others",
    "messages": "of the reference",
}

#: P-values from which on a difference may be chance.
SIGNIFICANT = 0.05

#: Defaults for few messages, chosen by cross-validation of training messages; see benchmarks/README.md. An encoder adds
#: nothing there, and costs most of the time.
FEW_ROWS_OPTIONS: Mapping[str, Any] = {
    "architecture": "none",
    "epochs": 40,
    "batch_size": 64,
    "learning_rate": 6e-3,
    "word_dropout": 0.2,
}
#: Those of them that a named encoder does without.
ENCODER_OPTIONS = frozenset({"architecture", "batch_size", "learning_rate"})


class Classify(Task):
    """The task `classify`; see `Task`."""

    name = "classify"
    learns = "the intent of a message"
    config = ClassifyConfig
    head_options = frozenset({"head_dropout_rate", "num_pairs", "num_filters"})
    # Few epochs at a low rate: of what an encoder knows, most shall stay.
    architecture_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pretrained": {"epochs": 4, "learning_rate": 2e-4, "weight_decay": 0.01, "head_dropout_rate": 0.1}
    }
    alone_options = (
        *("validation", "unlabelled", "rounds", "round_epochs", "frozen_epochs", "mixed_precision"),
        "tuned_blocks",
    )
    # With 3, all three tasks did better on STAR's validation data than with 1, in one run.
    loss_weight = 3.0
    names = "intents"
    least_names = 1
    fitted = "confidence"
    learns_from = "intents"
    takes_backbone = True
    exports_are_evaluated = True
    evaluate_options = frozenset({"plots", "against", "baseline", "no_baseline"})
    baseline_names: ClassVar[Mapping[str, str]] = {"svm": "TF-IDF + linear SVM", "majority": "most frequent intent"}
    recalibrates = True
    finds_drift = True
    main_output = "intents"
    ranked_outputs = frozenset({"intents", "intent_scores"})
    next_command = "supportnet evaluate {run} --data {data}"
    # The sample is easy to learn: a few epochs reach what many would.
    quick: ClassVar[Mapping[str, Any]] = {"epochs": 8}
    quick_comparison: ClassVar[Mapping[str, Any]] = {"epochs": 4}

    model_class: ClassVar[Any] = Hook("model:IntentClassifier")
    fitted_config: ClassVar[Any] = Hook("calibrate:Confidence")
    recalibrate: ClassVar[Any] = Hook("calibrate:recalibrate")
    write_traffic: ClassVar[Any] = Hook("traffic:write_traffic")
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

    def drift(
        self, model: str, data: str, reference: str | None, reading: Mapping[str, Any], **options: Any
    ) -> dict[str, Any]:
        from supportnet.data import load_unlabelled

        if reference is None and not is_run(model):
            raise UserError(
                f"There is no run folder at {model}, and an export has no summary of its training: name the run, or "
                "messages to compare with (--reference)."
            )
        folder = None if reference is not None else finished_run(model, self.name)[0]
        plots = options.get("plots")
        if plots is not None:
            make_folder(plots)
        names = [data] if reference is None else [data, reference]
        recent, *earlier = (
            [ticket.text for ticket in dataset["train"]] for dataset in load_unlabelled(names, **reading)
        )
        start_tensorflow()
        from supportnet.tasks.classify.drift import find_drift
        from supportnet.tasks.classify.traffic import TRAFFIC, Traffic

        compared = earlier[0] if folder is None else Traffic.load(folder / TRAFFIC)
        return {**find_drift(self.load(model), recent, compared, **options), "plots": plots}

    def data_defaults(self, dataset: TicketDataset, given: Mapping[str, Any]) -> Mapping[str, Any]:
        from supportnet.tasks.classify.data import FEW_ROWS, count_labelled

        if count_labelled(dataset) > FEW_ROWS:
            return {}
        if given.get("pretrained") is not None:
            return {}
        left_out = ENCODER_OPTIONS if "architecture" in given else frozenset()
        return {name: value for name, value in FEW_ROWS_OPTIONS.items() if name not in left_out}

    def build(self, network: NetworkConfig, vocabulary: Any, split: Any, backbone: Any = None) -> Any:
        from supportnet.training.svm import check_size

        sizes = (len(vocabulary), network.num_pairs, network.num_buckets)
        check_size(len(split.intents), len(split.tickets), *sizes)
        return super().build(network, vocabulary, split, backbone)

    def fit(self, model: Any, split: Any, config: Any, loop: Any) -> Any:
        if model.config.pretrained is not None:
            from supportnet.tasks.classify.fit_pretrained import fit_pretrained

            return fit_pretrained(model, split, config, loop)
        from supportnet.tasks.classify.fit import fit

        return fit(model, split, config, loop)

    def metrics(self, model: Any, history: Any) -> dict[str, Any]:
        found, metrics = history.cross_validation, super().metrics(model, history)
        if model.config.pretrained is not None:
            # The row before the first epoch is that of the encoder as it came.
            metrics["best_epoch"] = history.best_epoch
            metrics["tuned_blocks"] = history.epochs[history.best_epoch]["tuned_blocks"]
        if found is None:
            return {**metrics, "method": "none" if metrics["accuracy"] is None else "split"}
        return {**metrics, "method": "cross-validation", "rows": len(found.rows), "shares": found.shares.tolist()}

    def report(self, model: Any, metrics: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().report(model, metrics), "promise": model.confidence.promise}

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
        how = f"epoch {metrics['best_epoch']}"
        if "tuned_blocks" in metrics:
            how = f"{metrics['tuned_blocks']} blocks tuned, {how}" if metrics["tuned_blocks"] else "frozen encoder"
        if "shares" in metrics:
            how = f"cross-validated on {metrics['rows']:,} messages, {how}"
        yield f"validation accuracy {metrics['accuracy']:.4f} ({how})"
        if metrics.get("shares", [1.0])[0] == 0:
            yield "the network adds nothing to the linear classifier here: left out of the vote"
        yield from self.describe_baselines(metrics.get("baselines", {}))
        yield from self.describe_fitted(fitted)

    def describe_fitted(self, fitted: Mapping[str, Any]) -> Iterator[str]:
        yield f"temperature {fitted['temperature']:.2f}, fitted on {fitted['num_in_scope']} messages in scope"
        yield _promise_line(fitted)

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
            yield from self.describe_against(figures["against"])

    def describe_against(self, figures: Mapping[str, Any]) -> Iterator[str]:
        yield f"\nagainst {figures['model']}: {_verdict(figures)}"
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

    def describe_drift(self, report: Mapping[str, Any]) -> Iterator[str]:
        yield report["verdict"]
        origin = f"{report['num_reference']} {_ORIGINS[report['reference']]}"
        yield f"\n{report['num_messages']} messages, compared with {origin}"
        yield from table_lines(_drift_rows(report["figures"]))
        intents = report["intents"]
        yield (
            f"\nintents: population stability index {intents['psi']:.3f} ({intents['psi_by_chance']:.3f} by chance), "
            f"p-value {intents['p_value']:.2g}"
        )
        shares = intents["shares"]
        for title, rows in (
            ("grew most", [row for row in shares if row["difference"] > 0]),
            ("shrank most", [row for row in reversed(shares) if row["difference"] < 0]),
        ):
            if rows:
                yield f"\nwhat {title}"
                yield from table_lines(_drift_rows(rows[:5]))
        if report["unlike"]:
            yield "\nthe messages least like what the model knows"
            yield from table_lines([{name: one_line(value) for name, value in row.items()} for row in report["unlike"]])
        if report["plots"]:
            yield f"\nwrote drift.png to {report['plots']}"

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


def _promise_line(fitted: Mapping[str, Any]) -> str:
    from supportnet.tasks.classify.calibrate import rows_allow

    asked, promised, allow = fitted["asked_precision"], fitted["promised_precision"], rows_allow(fitted["promise_rows"])
    if promised is None:
        return f"no message will be routed: asked for {100 * asked:g}%; {allow} no promise of 80% or more"
    kind = "certified on held-out messages" if fitted["certified"] else "estimated by cross-validation"
    share = fitted["out_of_scope_share"]
    scope = f"with {share:.1%} of all messages out of scope" if share else "if all messages are in scope"
    asking = "" if promised == asked else f"asked for {100 * asked:g}%; "
    return (
        f"promise: {asking}{allow} {100 * promised:g}% (95% confidence, {kind}): "
        f"routes {fitted['routed_share']:.0%} of in-scope messages, {scope}"
    )


def _verdict(figures: Mapping[str, Any]) -> str:
    if figures["p_value"] >= SIGNIFICANT:
        return f"no difference that chance doesn't explain, in {figures['num_examples']:,} messages"
    return "better" if figures["accuracy"] > figures["accuracy_against"] else "worse"


def _confidence_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    perfect, uncalibrated = figures["ece_perfect"], figures["ece_uncalibrated"]
    yield f"{'ece':<26}{figures['ece']:.4f} (uncalibrated {uncalibrated:.4f}, perfect calibration {perfect:.4f})"
    if figures["oos_auroc"] is not None:
        yield f"{'oos_auroc':<26}{figures['oos_auroc']:.4f} (false positives at 95%: {figures['oos_fpr95']:.4f})"
    promised, precision = figures["promised_precision"], figures["precision_at_threshold"]
    if promised is None:
        yield "nothing is routed: no precision was promised when the model was trained"
        return
    right = "none"
    if precision is not None:
        low, high = figures["precision_interval"]
        right = f"{precision:.1%} of them right, 95% interval {low:.1%} to {high:.1%}"
    yield (
        f"{'coverage_at_precision':<26}{figures['coverage_at_precision']:.4f} ({right}, {promised:.1%} promised; "
        f"{figures['out_of_scope_share']:.1%} out of scope; best possible {figures['oracle_coverage']:.4f})"
    )


def _drift_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            name: ("yes" if value else "no") if name == "changed" else one_line(value, most=40)
            for name, value in row.items()
            if value is not None
        }
        for row in rows
    ]


TASK = Classify()
