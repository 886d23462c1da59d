"""Fit the two maps behind a frozen pretrained encoder, one of messages and one of replies.

What an encoder makes alike are texts that say the same. A reply says something else than its message: the maps, which
start as the identity, learn which replies follow which messages. The encoder's vectors are computed once. Few passes
are best: the maps have more weights than a few thousand pairs can decide, and soon know them by heart.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from supportnet.tasks.fit import Vectors, encode
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.data import Pairs, Split
from supportnet.tasks.suggest.fit import hard_negatives, objective
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.network import SIDES
from supportnet.training.loop import History, Loop


def fit_pretrained(model: Suggester, split: Split, config: SuggestConfig, loop: Loop) -> History:
    """Fit `model.network` in place; it ends with the weights of the best epoch, or as it was if none is better.

    Args:
        model: a fresh one, with the weights of its encoder.
        split: the pairs.
        config: how to train.
        loop: files and callbacks.

    Returns:
        The history; the first row is that of the untouched encoder, which is empty without validation.

    Raises:
        UserError: the checkpoint is damaged or of another model, or training diverges.
    """
    # Kept until the model is calibrated, which reads most of them again.
    model.sentences = read_once(model, split, loop.progress_bar)
    split = with_sentences(split, model.sentences)
    with hard_negatives(model, split, config) as negatives:
        maps = objective(model, split, config, negatives)
        loop.compile(maps, config)
        untouched = {f"val_{name}": value for name, value in maps.validate().items()}
        weights = maps.model.get_weights()
        trained = loop.fit(maps, config)
    epochs, best = [untouched, *trained.epochs], trained.best_epoch + 1
    if untouched and _score(untouched) >= _score(epochs[best]):
        maps.model.set_weights(weights)
        best = 0
    return History(epochs, best)


def _score(metrics: Mapping[str, float]) -> tuple[float, float]:
    """What decides which epoch is the best."""
    return metrics["val_accuracy"], -metrics["val_loss"]


def read_once(model: Suggester, split: Split, progress_bar: bool = True) -> dict[str, Vectors]:
    """Return text -> the encoder's vector, float32 `[D]`, of all texts of a split.

    Example (needs a trained model):
        >>> read_once(model, split)["Where is my parcel?"].shape
        (384,)
    """
    known = [pairs for pairs in (split.pairs, split.held_out) if pairs is not None]
    texts = list(dict.fromkeys(text for pairs in known for side in SIDES for text in pairs.of_side(side)))
    return dict(zip(texts, encode(model, texts, progress_bar, "reading messages and replies"), strict=True))


def with_sentences(split: Split, sentences: Mapping[str, Vectors]) -> Split:
    """Return a split whose pairs hold the encoder's vectors of their texts, in the order of these.

    Example (needs a trained model):
        >>> with_sentences(split, read_once(model, split)).pairs.sentences["reply"].shape
        (48, 384)
    """

    def known(pairs: Pairs) -> Pairs:
        vectors = {side: np.stack([sentences[text] for text in pairs.of_side(side)]) for side in SIDES}
        return replace(pairs, sentences=vectors)

    return replace(split, pairs=known(split.pairs), held_out=None if split.held_out is None else known(split.held_out))
