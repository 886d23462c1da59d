"""Fit SetFit (Tunstall et al. 2022) to a few messages, and let it classify others: `python setfit_peer.py`.

Reads JSON: `folder` of the encoder, `options` of `setfit.TrainingArguments`, `texts` and `intents` to learn from, and
the messages `judged`. The last line printed is JSON: their `predicted` intents, `seconds` of the training, `versions`.
Run by the interpreter of an environment of its own, which needs setfit, and nothing of this package.
"""

import json
import sys
import time
from importlib.metadata import version

from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    model = SetFitModel.from_pretrained(asked["folder"], device="cpu")
    learned = Dataset.from_dict({"text": asked["texts"], "label": asked["intents"]})
    arguments = TrainingArguments(
        output_dir="checkpoints", save_strategy="no", report_to="none", show_progress_bar=False, **asked["options"]
    )
    started = time.perf_counter()
    Trainer(model=model, args=arguments, train_dataset=learned).train()
    seconds = time.perf_counter() - started
    predicted = [str(intent) for intent in model.predict(asked["judged"], batch_size=64)]
    versions = {name: version(name) for name in ("setfit", "sentence-transformers", "transformers", "torch")}
    print(json.dumps({"predicted": predicted, "seconds": seconds, "versions": versions}))
