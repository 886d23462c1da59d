"""Predict attributes of a message, further labels beside its intent, such as its priority or channel."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from supportnet.errors import UserError
from supportnet.tables import table_lines
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.fitted import Temperatures
from supportnet.tasks.task import Task


class PredictAttributes(Task):
    """The task `attributes`; see `Task`."""

    name = "attributes"
    learns = "further labels of a message, such as its priority"
    config = AttributesConfig
    head_options = frozenset({"head_dropout_rate", "num_pairs", "num_filters"})
    names = "values"
    fitted = "temperatures"
    fitted_config = Temperatures
    main_output = "attribute_values"
    next_command = "supportnet export {run} saved_models/NAME"
    quick: ClassVar[Mapping[str, Any]] = {"epochs": 4, "architecture": "none"}

    def check_data(self, dataset: Any) -> None:
        for split in ("train", "test"):
            if not any(ticket.labels for ticket in dataset[split]):
                raise UserError(
                    f"{dataset.name} has no attributes in its split {split}: the task {self.name} needs them."
                )

    def describe(self, metrics: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
        if metrics["accuracy"] is None:
            yield f"not validated (epoch {metrics['best_epoch']})"
            return
        yield f"validation accuracy {metrics['accuracy']:.4f} (epoch {metrics['best_epoch']})"
        for name, temperature in fitted["by_attribute"].items():
            yield f"{name}: temperature {temperature:.2f}"

    def describe_evaluation(self, figures: Mapping[str, Any]) -> Iterator[str]:
        yield from table_lines([{"attribute": name, **own} for name, own in figures["attributes"].items()])
        yield f"{figures['num_examples']} messages, mean accuracy {figures['accuracy']:.4f}"

    def describe_answer(self, row: Mapping[str, Any]) -> Iterator[str]:
        for name, value, score in zip(
            row["attribute_names"], row["attribute_values"], row["attribute_scores"], strict=True
        ):
            yield f"  {name}: {value} ({score:.3f})"

    def headline(self, figures: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        listed = ", ".join(
            f"{name} {own['accuracy']:.3f} (its most frequent value {own['majority']:.3f})"
            for name, own in figures["attributes"].items()
        )
        return f"accuracy of {listed}", ("attributes",)

    def brief(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return dict(zip(row["attribute_names"], row["attribute_values"], strict=True))


TASK = PredictAttributes()
