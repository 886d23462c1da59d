"""Which words are hidden, and what is asked for."""

from typing import Any

import numpy as np
import pytest

from supportnet.text.preprocessor import TextFrontEnd
from supportnet.training.pretrain import mask_words

WORDS = [f"word{letter}" for letter in "abcdefghijklmnopqrst"]


def features(texts: list[str]) -> dict[str, Any]:
    return TextFrontEnd(WORDS, num_buckets=100)(texts)


def masked(texts: list[str], seed: int = 0, share: float = 0.2) -> tuple[dict[str, np.ndarray], np.ndarray]:
    changed, targets = mask_words(features(texts), share, [seed, 0])
    return {name: value.numpy() for name, value in changed.items()}, targets.numpy()


@pytest.mark.parametrize(("length", "chosen"), [(1, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_a_share_of_each_message_is_chosen_rounded_up(length: int, chosen: int) -> None:
    # Beside a longer message, so that there is padding.
    found, targets = masked([" ".join(WORDS[:length]), " ".join(WORDS)])
    assert found["chosen"].sum(axis=1).tolist() == [chosen, 4]
    assert len(targets) == chosen + 4


def test_padding_is_never_chosen_and_an_empty_message_asks_nothing() -> None:
    found, _ = masked(["", WORDS[0], " ".join(WORDS)], share=0.9)
    assert not (found["chosen"] & ~found["mask"]).any()
    assert not found["chosen"][0].any()


def test_the_targets_are_what_stood_there() -> None:
    texts = [" ".join(WORDS[start : start + 7]) for start in range(10)]
    found, targets = masked(texts, share=0.5)
    np.testing.assert_array_equal(targets, features(texts)["token_ids"].numpy()[found["chosen"]])


def test_the_seed_decides() -> None:
    texts = [" ".join(WORDS)] * 8
    first, again, other = masked(texts, 1)[0], masked(texts, 1)[0], masked(texts, 2)[0]
    for name in ("chosen", "hidden", "token_ids"):
        np.testing.assert_array_equal(first[name], again[name])
    assert (first["chosen"] != other["chosen"]).any()


def test_of_the_chosen_eight_in_ten_are_hidden_and_one_is_another_word() -> None:
    texts = [" ".join(np.random.default_rng(i).permutation(WORDS)) for i in range(300)]
    before, (after, _) = features(texts)["token_ids"].numpy(), masked(texts)
    chosen = after["chosen"].sum()
    changed = before != after["token_ids"]
    assert after["hidden"].sum() / chosen == pytest.approx(0.8, abs=0.04)
    # One time in twenty the other word is the same one.
    assert changed.sum() / chosen == pytest.approx(0.1 * 19 / 20, abs=0.03)
    assert not (after["hidden"] & ~after["chosen"]).any()
    assert not (changed & (after["hidden"] | ~after["chosen"])).any()


def test_a_replaced_word_is_another_one_of_the_batch_with_its_ngrams() -> None:
    texts = [" ".join(WORDS[:10]), " ".join(WORDS[5:15]), WORDS[3]] * 40
    before, (after, _) = features(texts), masked(texts, share=0.5)
    index_by_id = dict(zip(before["token_ids"].numpy().ravel(), before["word_index"].numpy().ravel(), strict=True))
    assert (before["token_ids"].numpy() != after["token_ids"]).any()
    real = after["mask"]
    assert all(index_by_id[t] == i for t, i in zip(after["token_ids"][real], after["word_index"][real], strict=True))
    for name in ("mask", "subword_ids", "subword_segments"):
        np.testing.assert_array_equal(before[name].numpy(), after[name])
