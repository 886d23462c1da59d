"""Train one model on a few labels an intent, or pre-train an encoder, and measure it; see `embeddings.py`."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import vstack
from sklearn.svm import LinearSVC

import supportnet
from supportnet.data import load_unlabelled
from supportnet.data.splits import train_validation_split
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.training.pretrain import pretrain
from supportnet.training.svm import tfidf

#: Share of a user's own file that is kept for the test, if it has no such split.
TEST_SHARE = 0.2
#: Passes over others' messages: six times as many, a quarter of the passes.
MORE_EPOCHS = 5
#: How often the self-trained SVM learns from what it says of the unlabelled messages, and how much a label weighs.
SVM_ROUNDS, SVM_LABEL_WEIGHT = 2, 3.0


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Do one run.

    Args:
        spec: `data` and `load` (arguments of `supportnet.load`); `start`, a key of `embeddings.STARTS`, or `encoder` or
            `encoder_more` to pre-train one; `labels` an intent, None for all; `seed`; `options` of `pretrain` or
            `train`; `encoder`, its folder; `more`, others' sources to begin pre-training with.

    Returns:
        The figures by name.
    """
    started = time.perf_counter()
    figures = pretrained(spec) if spec["start"].startswith("encoder") else classified(spec)
    return {**figures, "seconds_one_core": time.perf_counter() - started}


def pretrained(spec: dict[str, Any]) -> dict[str, Any]:
    """Pre-train an encoder on all training messages without their labels; before, on those of `more` among them."""
    own, _, _ = splits(spec)
    options = {"resume": True, "progress_bar": False, "seed": spec["seed"], **spec["options"]}
    init = None
    if spec["more"]:
        init = f"{spec['encoder']}-others"
        # Of conversations, what the customer said last.
        sets = load_unlabelled(spec["more"], context_turns=1, **spec["load"])
        others = [ticket for dataset in sets for ticket in dataset["train"]]
        # The own messages as well: their words must be known.
        everything = TicketDataset(spec["data"], {"train": [*own, *others]})
        pretrain(everything, init, **{**options, "epochs": MORE_EPOCHS})
    result = pretrain(TicketDataset(spec["data"], {"train": own}), spec["encoder"], init=init, **options)
    return {**result.metrics, "messages": len(own)}


def classified(spec: dict[str, Any]) -> dict[str, Any]:
    """Learn from the labels that the seed draws, and from the other messages where the start says so."""
    pool, validation, test = splits(spec)
    labelled, rest = drawn(pool, spec["labels"], spec["seed"])
    if spec["start"].startswith("svm"):
        predicted = svm_predictions(labelled, rest if spec["start"] == "svm_self_trained" else [], test)
    else:
        predicted = network_predictions(spec, labelled, validation, rest, test)
    accuracy = np.mean([intent == ticket.intent for intent, ticket in zip(predicted, test, strict=True)])
    return {"accuracy": float(accuracy), "labelled": len(labelled), "unlabelled": len(rest)}


def splits(spec: dict[str, Any]) -> tuple[list[Ticket], list[Ticket], list[Ticket]]:
    """Training messages, validation messages (none if the data has no such split) and test messages, in scope."""
    dataset = supportnet.load(spec["data"], **spec["load"])
    if "test" in dataset.splits:
        train, test = dataset["train"], dataset["test"]
    else:
        everything = dataset["all" if "all" in dataset.splits else "train"]
        train, test = train_validation_split(list(everything), TEST_SHARE, seed=0)
    validation = dataset["validation"] if "validation" in dataset.splits else []
    train, validation, test = (
        [ticket for ticket in tickets if ticket.intent not in (None, OUT_OF_SCOPE)]
        for tickets in (train, validation, test)
    )
    return train, validation, test


def drawn(pool: Sequence[Ticket], labels: int | None, seed: int) -> tuple[list[Ticket], list[Ticket]]:
    """Draw `labels` messages of every intent, or as many as it has; and all others."""
    if labels is None:
        return list(pool), []
    random = np.random.default_rng(seed)
    intents = np.array([ticket.intent for ticket in pool])
    chosen: list[int] = []
    for intent in np.unique(intents):
        found = np.flatnonzero(intents == intent)
        chosen += random.choice(found, min(labels, len(found)), replace=False).tolist()
    kept = set(chosen)
    return [pool[i] for i in chosen], [ticket for i, ticket in enumerate(pool) if i not in kept]


def network_predictions(
    spec: dict[str, Any],
    labelled: Sequence[Ticket],
    validation: Sequence[Ticket],
    rest: Sequence[Ticket],
    test: Sequence[Ticket],
) -> list[str]:
    """Train a model of this package, and return the best intent of each test message.

    Few labels leave none for validation; with all of them, validation messages are what the data has.
    """
    few = spec["labels"] is not None
    known = {"train": labelled} if few or not validation else {"train": labelled, "validation": validation}
    arguments: dict[str, Any] = {"seed": spec["seed"], **spec["options"]}
    if few:
        # The words of all messages; those without labels are learned from in the rounds only.
        rounds = {} if spec["start"].endswith("rounds") else {"rounds": 0}
        arguments |= {"validation_share": 0.0, "unlabelled": TicketDataset("rest", {"train": rest}), **rounds}
    if spec["start"] in ("word2vec", "fasttext"):
        arguments |= {"embeddings": spec["start"]}
    if spec["start"].startswith("pretrained"):
        arguments |= {"init": spec["encoder"]}
    model = supportnet.train(TicketDataset(spec["data"], known), progress_bar=False, **arguments)
    best = model.probabilities([ticket.text for ticket in test]).argmax(axis=1)
    return [model.intents[i] for i in best]


def svm_predictions(labelled: Sequence[Ticket], rest: Sequence[Ticket], test: Sequence[Ticket]) -> list[str]:
    """Fit TF-IDF with a linear SVM, as in the intent benchmark.

    With unlabelled messages, the TF-IDF is that of all, and the SVM is fitted again, to the labels and to what it said
    of the others: the best of what was tried on validation data, see benchmarks/README.md.
    """
    features = tfidf().fit([ticket.text for ticket in (*labelled, *rest)])
    known, unknown, asked = (
        features.transform([ticket.text for ticket in tickets]) if tickets else None
        for tickets in (labelled, rest, test)
    )
    intents = np.array([ticket.intent for ticket in labelled])
    svm = LinearSVC(C=1, random_state=0).fit(known, intents)
    for _ in range(SVM_ROUNDS if rest else 0):
        believed = svm.predict(unknown)
        weights = np.concatenate([np.full(len(intents), SVM_LABEL_WEIGHT), np.ones(len(believed))])
        svm = LinearSVC(C=1, random_state=0)
        svm.fit(vstack([known, unknown]), np.concatenate([intents, believed]), sample_weight=weights)
    return [str(intent) for intent in svm.predict(asked)]
