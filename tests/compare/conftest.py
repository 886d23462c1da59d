"""What tests of a comparison share: its runs, done in this process."""

import shutil
from dataclasses import replace

import pytest
from small_comparison import TINY, Small, write_messages

from supportnet.compare import measure
from supportnet.compare.plan import Run
from supportnet.files import write_json


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Both architectures and the baseline of the task classify, seed 0 each; don't change it."""
    from supportnet.compare.measure import measured
    from supportnet.compare.messages import fingerprint_of, prepare
    from supportnet.data import load

    folder = tmp_path_factory.mktemp("comparison")
    source = {"name_or_path": str(write_messages(folder / "messages.csv")), "reply_column": "reply"}
    fingerprint = fingerprint_of(prepare(load(**source)))
    transformer = Run(source, fingerprint, "classify", "transformer", options=TINY)
    recurrent, baseline = (
        replace(transformer, model="bilstm_attention"),
        replace(transformer, model="baseline", options={}),
    )
    study = replace(recurrent, study="gradients")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "MOST_CALLS", 20)
        for run in (study, transformer, baseline):
            write_json(folder / "runs" / f"{run.key}.json", measured(run))
    # The study's training is the comparison's.
    shutil.copy(folder / "runs" / f"{study.key}.json", folder / "runs" / f"{recurrent.key}.json")
    return Small(folder, source, [recurrent, transformer, baseline], study, replace(transformer, seed=1))
