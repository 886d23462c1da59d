"""Models of all tasks, with random weights: how they are scored, and that their export answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_comparison import TINY, Small

from supportnet.compare.inspection import attention_maps, readable_messages
from supportnet.compare.measure import messages_of
from supportnet.data.ticket import TicketDataset
from supportnet.savedmodel.load import SavedModel
from supportnet.serving import export
from supportnet.tasks import get_task
from supportnet.tasks.reply.calibrate import Handoff
from supportnet.tasks.reply.model import Replier
from supportnet.tasks.suggest.model import Suggester
from supportnet.text.byte_pairs import BytePairVocabulary
from supportnet.text.vocabulary import Vocabulary

pytestmark = pytest.mark.slow

SIZES = {name: TINY[name] for name in ("embedding_dim", "hidden_dim", "num_heads", "num_buckets", "num_pairs")}


@pytest.fixture(scope="module")
def dataset(small: Small) -> TicketDataset:
    return messages_of(small.runs[1])


def vocabulary(dataset: TicketDataset) -> Vocabulary:
    return Vocabulary.build([ticket.text for ticket in dataset["train"]], min_count=1)


def check(task: str, model: Any, dataset: TicketDataset) -> None:
    """Its figures are those of the table, and the means of what it gives message by message."""
    scored = get_task(task).compared.score(model, dataset)
    assert set(get_task(task).compared.figures) <= set(scored.figures)
    for name, values in scored.values.items():
        assert len(values) == len(scored.groups) == len(dataset["test"])
        assert scored.figures[name] == pytest.approx(np.nanmean(values))
    assert len(scored.details["said"]) == len(dataset["test"])


@pytest.mark.parametrize("architecture", ["transformer", "gpt"])
def test_a_model_that_writes_replies(dataset: TicketDataset, architecture: str, tmp_path: Path) -> None:
    config, _ = get_task("reply").configs(
        {**SIZES, "architecture": architecture, "num_layers": 1, "max_reply_length": 6}
    )
    pieces = BytePairVocabulary.train([str(ticket.reply) for ticket in dataset["train"]], 300, 1, [])
    model = Replier(config, vocabulary(dataset), pieces, Handoff(threshold=-100.0))
    check("reply", model, dataset)
    assert bool(attention_maps(model, readable_messages(dataset, "unicode"))) == (architecture == "transformer")
    served = SavedModel(export(model, tmp_path / "model"))
    assert len(served.run("reply", ["where is it"])["reply"]) == 1


def test_a_model_that_suggests(dataset: TicketDataset, tmp_path: Path) -> None:
    task = get_task("suggest")
    config, _ = task.configs({**SIZES, "architecture": "none", "vector_dim": 8})
    model = Suggester(config, vocabulary(dataset))
    check("suggest", model, dataset)
    served = SavedModel(export(model, tmp_path / "model", bank=task.compared.bank(dataset)))
    assert served.run("suggest", ["where is it"])["suggestions"].shape == (1, 10)
