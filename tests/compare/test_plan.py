"""What a plan may say, and what is said of one that can't be."""

from pathlib import Path

import pytest

from supportnet.compare.plan import QUICK, Plan, load_plan, plan_of
from supportnet.errors import UserError
from supportnet.tasks import NAMES

FILE = """
data = ["banking77", {name = "tickets.csv", text_column = "body"}]
tasks = ["classify", "reply"]
architectures = ["none", "transformer"]
seeds = 4
match = "time"
[options]
epochs = 3
[options.reply]
epochs = 5
[options.reply.transformer]
num_layers = 2
[options.transformer]
epochs = 4
"""


def test_a_plan_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(FILE)
    plan = load_plan(path, match="none")
    assert plan.data == [{"name_or_path": "banking77"}, {"name_or_path": "tickets.csv", "text_column": "body"}]
    assert plan.seeds == (0, 1, 2, 3)
    assert plan.match == "none"
    assert plan.options_of("classify", "none") == {"epochs": 3}
    assert plan.options_of("classify", "transformer") == {"epochs": 4}
    assert plan.options_of("reply", "transformer") == {"epochs": 5, "num_layers": 2}


def test_the_quick_plan() -> None:
    plan = plan_of(QUICK)
    assert (len(plan.tasks), len(plan.architectures), len(plan.seeds)) == (3, 2, 3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"tasks": ["translate"]}, f"tasks must be of {', '.join(NAMES)}. Received: 'translate'"),
        ({"metric": "beauty"}, "has a key 'metric' that there isn't"),
        ({"architectures": ["transformer", "transformer"]}, "architectures must name each once"),
        ({"match": "colour"}, "match must be of parameters, time, none"),
        ({"seeds": []}, "at least one data set, task, architecture and seed"),
        ({"seeds": [-1]}, "seeds must be whole numbers, 0 or more"),
        ({"messages": 0}, "messages must be at least 1"),
        ({"data": [3]}, "data must be names or paths"),
        ({"tasks": 3}, "tasks must be a list"),
    ],
)
def test_plans_that_cannot_be(values: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        plan_of(values)


def test_a_file_that_is_no_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text("data = [")
    with pytest.raises(UserError, match=r"plan\.toml can't be read"):
        load_plan(tmp_path / "plan.toml")
    with pytest.raises(UserError, match=r"lost\.toml can't be read"):
        load_plan(tmp_path / "lost.toml")


def test_few_seeds_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="One seed only: no interval"):
        Plan(seeds=(3,)).warn_of_few_seeds()
    with pytest.warns(UserWarning, match="Fewer than three seeds"):
        Plan(seeds=(3, 4)).warn_of_few_seeds()
