"""Write a reply to a message, piece by piece, and hand doubtful ones to a person."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from supportnet.architectures import ARCHITECTURES
from supportnet.tables import one_line, table_lines
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.task import Hook, Task


class WriteReplies(Task):
    """The task `reply`; see `Task`."""

    name = "reply"
    learns = "how to write a reply"
    config = ReplyConfig
    # Suit writing better than the defaults; chosen on STAR's validation data.
    network_defaults: ClassVar[Mapping[str, Any]] = {"num_layers": 2, "hidden_dim": 256}
    architecture_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        name: {"pretraining_epochs": 2} for name, architecture in ARCHITECTURES.items() if architecture.decoder_only
    }
    head_options = frozenset({"num_pieces", "max_reply_length"})
    alone_options = ("pretraining_epochs",)
    names = "pieces"
    fitted = "handoff"
    learns_from = "replies"
    reads_conversations = True
    export_options = frozenset({"beam"})
    evaluate_options = frozenset({"beam"})
    main_output = "reply"
    variant = "reply_sample"
    variant_inputs: ClassVar[Mapping[str, Any]] = {"temperature": 1.0, "top_p": 1.0, "seed": 0}
    unvalidated = ": every reply is handed to a person"
    # Of several replies that would do, the sample has one for each message: a written one can't often be alike.
    quick: ClassVar[Mapping[str, Any]] = {
        **{"epochs": 5, "architecture": "transformer", "preset": "tiny", "batch_tokens": 1024},
        **{"learning_rate": 0.006, "quality": 0.35},
    }
    quick_comparison: ClassVar[Mapping[str, Any]] = {
        **{"epochs": 6, "learning_rate": 4e-3, "batch_tokens": 1024},
        **{"max_reply_length": 48, "num_layers": 1},
    }

    model_class: ClassVar[Any] = Hook("model:Replier")
    build: ClassVar[Any] = Hook("model:build")
    fit: ClassVar[Any] = Hook("fit:fit")
    fitted_config: ClassVar[Any] = Hook("calibrate:Handoff")
    evaluate: ClassVar[Any] = Hook("evaluate:evaluate_replier")
    served: ClassVar[Any] = Hook("serve:ServedReplies")

    def write(self, folder: Path, model: Any) -> None:
        model.pieces.save(self.names_file(folder))

    def read_names(self, path: Path) -> Any:
        from supportnet.text.byte_pairs import BytePairVocabulary

        return BytePairVocabulary.load(path)

    def metrics(self, model: Any, history: Any) -> dict[str, Any]:
        metrics = {**super().metrics(model, history), "perplexity": _perplexity(history)}
        if model.pretraining is not None:
            metrics["pretraining_perplexity"] = _perplexity(model.pretraining)
        return metrics

    def describe_validated(self, metrics: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
        if "pretraining_perplexity" in metrics:
            yield f"pre-trained to a perplexity of {metrics['pretraining_perplexity']:.2f} of the validation messages"
        yield (
            f"perplexity {metrics['perplexity']:.2f}, {metrics['accuracy']:.1%} of the validation replies' pieces "
            f"right (epoch {metrics['best_epoch']})"
        )
        if fitted["threshold"] is None:
            yield "every reply is handed to a person: no threshold keeps the promise"
            return
        yield (
            f"promise: replies that are sent have a mean quality (ROUGE-L) of {fitted['target']:.2f}; "
            f"expected to be handed to a person: {fitted['rate']:.1%}"
        )

    def describe_evaluation(self, figures: Mapping[str, Any]) -> Iterator[str]:
        for name in (
            *("perplexity", "bleu", "rouge_l", "exact_match", "distinct_1", "distinct_2", "slot_accuracy"),
            *("handoff_rate", "sent_quality", "tokens_per_second"),
        ):
            if figures[name] is not None:
                ends = figures["intervals"].get(name)
                interval = f" (95% from {ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
                yield f"{name:<20}{figures[name]:.3f}{interval}"
        yield f"{figures['num_examples']} messages; {figures['bleu_signature']}\n"
        yield from table_lines(
            [{name: one_line(value, 40) for name, value in row.items()} for row in figures["examples"]]
        )

    def describe_answer(self, row: Mapping[str, Any]) -> Iterator[str]:
        handed = ", hand it to a person" if row["handoff"] else ""
        yield f"  {row['reply'] or 'no reply'}"
        yield f"  (score {row['reply_score']:.3f}{handed})"

    def headline(self, figures: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        return (
            f"written replies: BLEU {figures['bleu']:.1f}, {figures['handoff_rate']:.0%} would be handed to a person",
            ("bleu", "rouge_l", "handoff_rate"),
        )

    def brief(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"reply": row["reply"], "handoff": row["handoff"]}


def _perplexity(history: Any) -> float | None:
    """Return that of the best epoch on validation."""
    log_loss = history.epochs[history.best_epoch].get("val_log_loss")
    return None if log_loss is None else math.exp(log_loss)


TASK = WriteReplies()
