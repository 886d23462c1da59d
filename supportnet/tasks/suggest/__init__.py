"""Suggest answers of a bank to a message, by a dual encoder."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from supportnet.errors import UserError
from supportnet.startup import start_tensorflow
from supportnet.tables import one_line, table_lines
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.task import Hook, Task


class Suggest(Task):
    """The task `suggest`; see `Task`."""

    name = "suggest"
    learns = "the known answers that suit a message"
    config = SuggestConfig
    # Suits pairs better than the default; chosen on STAR's validation data.
    network_defaults: ClassVar[Mapping[str, Any]] = {"head_dropout_rate": 0.1}
    # Of the maps behind a pretrained encoder; chosen on training pairs of airlines on Twitter (500, 2,000 and 6,000).
    architecture_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pretrained": {"epochs": 4, "learning_rate": 1e-3}
    }
    head_options = frozenset({"head_dropout_rate", "num_pairs", "num_filters", "vector_dim"})
    alone_options = ("hard_negatives",)
    names = "labels"
    fitted = "relevance"
    learns_from = "replies"
    reads_conversations = True
    takes_bank = True
    export_options = frozenset({"min_score"})
    evaluate_options = frozenset({"bank", "queries"})
    main_output = "suggestions"
    ranked_outputs = frozenset({"suggestions", "suggestion_ids", "suggestion_scores"})
    variant = "suggest_filtered"
    variant_inputs: ClassVar[Mapping[str, Any]] = {"tag": None}
    next_command = "supportnet index {run} --bank FILE --out saved_models/NAME"
    quick: ClassVar[Mapping[str, Any]] = {"epochs": 8, "architecture": "none"}
    quick_comparison: ClassVar[Mapping[str, Any]] = {"epochs": 12, "batch_size": 32}

    model_class: ClassVar[Any] = Hook("model:Suggester")
    fitted_config: ClassVar[Any] = Hook("calibrate:Relevance")
    evaluate: ClassVar[Any] = Hook("evaluate:evaluate_suggester")
    served: ClassVar[Any] = Hook("serve:ServedSuggestions")

    def fit(self, model: Any, split: Any, config: Any, loop: Any) -> Any:
        if model.config.pretrained is not None:
            from supportnet.tasks.suggest.fit_pretrained import fit_pretrained

            return fit_pretrained(model, split, config, loop)
        from supportnet.tasks.suggest.fit import fit

        return fit(model, split, config, loop)

    def metrics(self, model: Any, history: Any) -> dict[str, Any]:
        metrics = super().metrics(model, history)
        if model.config.pretrained is not None:
            # The row before the first epoch is that of the encoder as it came.
            metrics["best_epoch"] = history.best_epoch
        return metrics

    def evaluation(
        self, model: str, data: str | None, split: str, reading: Mapping[str, Any], **options: Any
    ) -> dict[str, Any]:
        bank, queries = options.get("bank"), options.get("queries")
        if (data is None) == (queries is None) or (queries is not None and bank is None):
            raise UserError("Give either --data, or --bank with --queries.")
        from supportnet.data import bank_of_replies, load_bank, load_judgements

        encoding = reading["encoding"]
        answers = None if bank is None else load_bank(bank, encoding=encoding)
        if answers is not None and queries is not None:
            judgements = load_judgements(queries, encoding=encoding)
            start_tensorflow()
            from supportnet.tasks.suggest.evaluate import evaluate_judged

            return evaluate_judged(self.load(model), judgements, answers)
        dataset = self.load_data(data, **reading)
        whole = "all" in dataset.splits
        answers = answers or bank_of_replies(str(dataset.name), dataset["all" if whole else "train"])
        start_tensorflow()
        return dict(self.evaluate(self.load(model), dataset["all" if whole else split], answers))

    def describe_validated(self, metrics: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
        kept = f"epoch {metrics['best_epoch']}" if metrics["best_epoch"] else "the encoder as it came"
        yield f"{metrics['accuracy']:.1%} of the validation replies rank first among those of 256 messages ({kept})"

    def describe_evaluation(self, figures: Mapping[str, Any]) -> Iterator[str]:
        intervals = {name: ends for name, ends in figures["intervals"].items() if ends is not None}
        yield from table_lines(
            [{"": name, "value": figures[name], "95% from": ends[0], "to": ends[1]} for name, ends in intervals.items()]
        )
        yield f"{figures['num_examples']} messages, {figures['bank_size']} answers in the bank"

    def describe_answer(self, row: Mapping[str, Any]) -> Iterator[str]:
        if not row["has_suggestion"]:
            yield "  nothing to suggest: no answer is likely enough"
        listed = zip(row["suggestion_ids"], row["suggestion_scores"], row["suggestions"], strict=True)
        # What is empty isn't an answer: there are fewer than were asked for.
        rows = [{"": "", "id": i, "score": score, "answer": one_line(text)} for i, score, text in listed if i]
        if rows:
            yield from table_lines(rows)

    def headline(self, figures: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        return (
            f"the true reply is first of 100 for {figures['recall_at_1']:.0%}, among the first five for "
            f"{figures['recall_at_5']:.0%}",
            ("recall_at_1", "recall_at_5"),
        )

    def brief(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"suggestion": row["suggestions"][0]}


TASK = Suggest()
