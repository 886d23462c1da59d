"""Predict attributes of a message, further labels beside its intent, such as its priority or channel."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.tables import table_lines
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.task import Hook, Task


class PredictAttributes(Task):
    """The task `attributes`; see `Task`."""

    name = "attributes"
    learns = "further labels of a message, such as its priority"
    config = AttributesConfig
    head_options = frozenset({"head_dropout_rate", "num_pairs", "num_filters"})
    # The head alone learns behind a frozen encoder. Chosen on training messages of BANKING77, 1,500 and 500.
    architecture_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pretrained": {"learning_rate": 3e-2, "head_dropout_rate": 0.1}
    }
    names = "values"
    fitted = "temperatures"
    learns_from = "attributes"
    main_output = "attribute_values"
    quick: ClassVar[Mapping[str, Any]] = {"epochs": 4, "architecture": "none"}

    model_class: ClassVar[Any] = Hook("model:AttributeClassifier")
    fit: ClassVar[Any] = Hook("fit:fit")
    fitted_config: ClassVar[Any] = Hook("calibrate:Temperatures")
    served: ClassVar[Any] = Hook("serve:ServedAttributes")

    def read_names(self, path: Path) -> dict[str, list[str]]:
        values = read_json(path)
        if isinstance(values, dict) and all([values, *(isinstance(own, list) and own for own in values.values())]):
            return values
        raise UserError(f"{path} is damaged: it must hold the values of each attribute.")

    def describe_validated(self, metrics: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
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
