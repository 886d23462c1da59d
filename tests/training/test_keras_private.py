"""Private members of Keras that the package uses: that they are there, and do what is expected of them.

Keras may move them in any release. This fails then, and says which place of the package has to change.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

import supportnet

PACKAGE = Path(supportnet.__file__).parent
OPTIMIZER = "training/optimizer.py"
#: Rooms whose classes derive from those of Keras.
ROOMS = ("training", "layers", "backbones")


def built(kind: type[keras.optimizers.AdamW] = keras.optimizers.AdamW, **options: Any) -> tuple[Any, list[Any]]:
    """An optimizer and the two variables that it is built for."""
    variables = [keras.Variable([1.0, 2.0], name="kernel"), keras.Variable([3.0], name="bias")]
    optimizer = kind(**{"learning_rate": 0.1, "weight_decay": 0.0, **options})
    optimizer.build(variables)
    return optimizer, variables


def check_values(variables: list[Any], expected: list[list[float]]) -> None:
    for variable, numbers in zip(variables, expected, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), numbers, rtol=1e-5)


def step(optimizer: Any, variables: list[Any], gradient: float = 2.0) -> None:
    optimizer.apply([keras.ops.full(variable.shape, gradient) for variable in variables], variables)


def trainable_variables() -> None:
    optimizer, variables = built()
    assert all(one is two for one, two in zip(optimizer._trainable_variables, variables, strict=True))


def moving_average() -> None:
    optimizer, variables = built(use_ema=True, ema_momentum=0.5)
    step(optimizer, variables)
    step(optimizer, variables)
    # The first step's values, then halfway to the second's; in the order of the variables.
    check_values(optimizer._model_variables_moving_average, [[0.85, 1.85], [2.85]])


def momentums() -> None:
    optimizer, variables = built(beta_1=0.9)
    step(optimizer, variables)
    check_values(optimizer._momentums, [[0.2, 0.2], [0.2]])


def velocities() -> None:
    optimizer, variables = built(beta_2=0.75)
    step(optimizer, variables)
    check_values(optimizer._velocities, [[1.0, 1.0], [1.0]])


def variable_index() -> None:
    optimizer, variables = built()
    assert [optimizer._get_variable_index(variable) for variable in variables] == [0, 1]


def clip_gradients() -> None:
    class Nothing(keras.optimizers.AdamW):
        def _clip_gradients(self, grads: Any) -> Any:
            return [0 * gradient for gradient in grads]

    optimizer, variables = built(Nothing)
    step(optimizer, variables)
    check_values(variables, [[1.0, 2.0], [3.0]])
    clipped = built(clipnorm=1.0)[0]._clip_gradients([keras.ops.array([3.0, 4.0])])
    np.testing.assert_allclose(clipped[0], [0.6, 0.8], rtol=1e-5)


def all_reduce_sum_gradients() -> None:
    class Nothing(keras.optimizers.AdamW):
        def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
            return [(0 * gradient, variable) for gradient, variable in grads_and_vars]

    optimizer, variables = built(Nothing)
    step(optimizer, variables)
    check_values(variables, [[1.0, 2.0], [3.0]])


def use_weight_decay() -> None:
    class Matrices(keras.optimizers.AdamW):
        def _use_weight_decay(self, variable: Any) -> bool:
            return "kernel" not in variable.name and super()._use_weight_decay(variable)

    optimizer, variables = built(Matrices, weight_decay=0.5)
    step(optimizer, variables, gradient=0.0)
    # A step multiplies what decays by 1 - 0.1 * 0.5.
    check_values(variables, [[1.0, 2.0], [2.85]])
    excluding, variables = built(weight_decay=0.5)
    excluding.exclude_from_weight_decay(var_names=["bias"])
    assert [excluding._use_weight_decay(variable) for variable in variables] == [True, False]


class Member(NamedTuple):
    """A private member of Keras, the module that uses it, and what checks what it does."""

    name: str
    module: str
    check: Callable[[], None]


MEMBERS = [
    Member("_trainable_variables", OPTIMIZER, trainable_variables),
    Member("_model_variables_moving_average", OPTIMIZER, moving_average),
    Member("_momentums", OPTIMIZER, momentums),
    Member("_velocities", OPTIMIZER, velocities),
    Member("_get_variable_index", OPTIMIZER, variable_index),
    Member("_clip_gradients", OPTIMIZER, clip_gradients),
    Member("_all_reduce_sum_gradients", OPTIMIZER, all_reduce_sum_gradients),
    Member("_use_weight_decay", OPTIMIZER, use_weight_decay),
]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_it_is_there_and_does_what_is_expected(member: Member) -> None:
    assert hasattr(built(use_ema=True)[0], member.name), f"{member.module} uses it"
    member.check()


def test_every_one_that_is_used_is_in_the_table() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    known = {name for of in (model, model.layers[0], built(use_ema=True)[0]) for name in dir(of)}
    known = {name for name in known if name.startswith("_") and not name.startswith("__")}
    used = set()
    for path in (path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "name", None)
            if name in known:
                used.add((name, path.relative_to(PACKAGE).as_posix()))
    assert used == {(member.name, member.module) for member in MEMBERS}
