"""Make the matrix of an embedding layer from word vectors, and measure the coverage of a vocabulary."""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from supportnet.embeddings.formats import has_ngrams
from supportnet.errors import UserError
from supportnet.text.special_tokens import PAD, PAD_ID, SPECIAL_TOKENS

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

#: The rules that give a word its vector, in order of precedence.
EXACT, CASE, SUBWORD, NOISE = RULES = ("exact", "case", "subword", "noise")
#: Scale of the noise, relative to the standard deviation of the vectors: words differ, but hardly affect a mean.
_NOISE_SHARE: Final = 0.1
#: Standard deviation that is assumed if no word has a vector.
_USUAL_STD: Final = 0.1
_MOST_MISSING = 10
_FIRST = 5


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of a vocabulary by word vectors, without the special tokens.

    Attributes:
        num_types: number of words in the vocabulary.
        num_types_covered: number of them that have a vector, in any case. Vectors composed of subwords don't count:
            fastText has one for every string.
        token_share: covered share of all occurrences of the vocabulary's words; None without counts.
        num_by_rule: rule (`exact`, `case`, `subword`, `noise`) -> number of words that got their vector by it.
        missing: up to ten words that aren't covered, the most frequent first.
    """

    num_types: int
    num_types_covered: int
    token_share: float | None
    num_by_rule: Mapping[str, int]
    missing: tuple[str, ...]

    @property
    def type_share(self) -> float:
        """Covered share of the words; 0 if there are no words."""
        return self.num_types_covered / self.num_types if self.num_types else 0.0

    def __str__(self) -> str:
        by_rule = ", ".join(f"{self.num_by_rule[rule]} {rule}" for rule in RULES)
        tokens = "" if self.token_share is None else f", {self.token_share:.1%} of their occurrences"
        missing = f"\nNot covered: {', '.join(self.missing)}" if self.missing else ""
        words = f"{self.num_types_covered} of {self.num_types} words ({self.type_share:.1%})"
        return f"Word vectors cover {words}{tokens} ({by_rule}).{missing}"


def embedding_matrix(
    vocabulary: Iterable[str],
    vectors: "KeyedVectors",
    seed: int = 0,
    counts: Mapping[str, int] | None = None,
    require_coverage: float | None = None,
) -> tuple[npt.NDArray[np.float32], Coverage]:
    """Return the matrix of an embedding layer: a vector for each token of a vocabulary.

    A word gets the first of these that exists:

    1. `exact`: the vector of the word itself;
    2. `case`: that of the word in lower case, capitalized, in upper case, or in the case that comes first in the file
       (`PayPal` for `paypal`);
    3. `subword`: the mean of the vectors of its n-grams, if the vectors are fastText's with n-grams;
    4. `noise`: seeded normal noise with a tenth of the standard deviation of all numbers from rules 1 and 2 (0.01 if
       there are none).

    Padding is zeros. The other special tokens get noise, even if the vectors contain them.

    Args:
        vocabulary: a `Vocabulary`, or its tokens in the order of their ids; V in all.
        vectors: N words with vectors `[N, D]`.
        seed: seed of the noise.
        counts: word -> frequency, for `Coverage.token_share` and the order of `Coverage.missing`.
        require_coverage: share of the words, 0 to 1, that the vectors must cover.

    Returns:
        The matrix, float32 `[V, D]`, and the coverage.

    Raises:
        UserError: if the vocabulary doesn't begin with padding, or the coverage is below `require_coverage`.

    Warns:
        UserWarning: if no word is covered.

    Example (needs a download):
        >>> matrix, coverage = embedding_matrix(vocabulary, load_word_embeddings("glove.6B.100d.txt"))
        >>> print(coverage)
        Word vectors cover 1874 of 1950 words (96.1%) (1860 exact, 14 case, 0 subword, 76 noise).
    """
    tokens = list(vocabulary)
    if tokens[: PAD_ID + 1] != [PAD]:
        raise UserError(f"vocabulary must begin with {PAD}, as a Vocabulary does. Received: {tokens[:1]}")
    if require_coverage is not None and not 0 <= require_coverage <= 1:
        raise UserError(f"require_coverage must be 0 to 1. Received: require_coverage={require_coverage}")
    words = [token for token in tokens if token not in SPECIAL_TOKENS]
    keys = _keys(words, vectors)
    matrix, rules = _filled(tokens, vectors, keys, seed)
    coverage = _coverage(words, rules, counts)
    if words and not keys:
        first = ", ".join(vectors.index_to_key[:_FIRST]) or "(none)"
        warnings.warn(
            f"THE WORD VECTORS COVER NONE of the vocabulary's {len(words)} words. Are they of another language? "
            f"The vectors' first words: {first}. The vocabulary's: {', '.join(words[:_FIRST])}.",
            stacklevel=2,
        )
    if require_coverage is not None and coverage.type_share < require_coverage:
        raise UserError(
            f"require_coverage must be at most {coverage.type_share:.4f}: the word vectors cover "
            f"{coverage.num_types_covered} of {coverage.num_types} words, but not {', '.join(coverage.missing)}. "
            f"Received: require_coverage={require_coverage}"
        )
    return matrix, coverage


def check_embedding_dim(embedding_dim: int, vectors: "KeyedVectors") -> None:
    """Raise UserError unless a configured `embedding_dim` is D, the length of the word vectors.

    Raises:
        UserError: if it isn't.

    Example (needs a download):
        >>> check_embedding_dim(128, load_word_embeddings("wiki-news-300d-1M.vec", limit=1))
        UserError: embedding_dim must be the dimension of the word vectors (300). Received: embedding_dim=128
    """
    if embedding_dim != vectors.vector_size:
        received = f"Received: {embedding_dim=}"
        raise UserError(f"embedding_dim must be the dimension of the word vectors ({vectors.vector_size}). {received}")


def _keys(words: Sequence[str], vectors: "KeyedVectors") -> dict[str, str]:
    """Return word -> key of its vector, for the words that have one."""
    forms = {word: (word, word.lower(), word.capitalize(), word.upper()) for word in words}
    # The last one assigned counts: hence the reversed orders, here and below.
    keys = {word: form for word in words for form in reversed(forms[word]) if form in vectors.key_to_index}
    if missing := {word.lower() for word in words if word not in keys}:
        first = {key.lower(): key for key in reversed(vectors.index_to_key) if key.lower() in missing}
        keys |= {word: first[word.lower()] for word in words if word not in keys and word.lower() in first}
    return keys


def _filled(
    tokens: Sequence[str], vectors: "KeyedVectors", keys: Mapping[str, str], seed: int
) -> tuple[npt.NDArray[np.float32], dict[str, str]]:
    """Return the matrix `[V, D]`, and word -> rule."""
    matrix = np.zeros((len(tokens), vectors.vector_size), np.float32)
    rules: dict[str, str] = {}
    known, noisy = [], []
    composes = has_ngrams(vectors)
    for token_id, token in enumerate(tokens):
        if token in keys:
            rules[token] = EXACT if keys[token] == token else CASE
            known.append(token_id)
        # gensim returns zeros for a word that is too short for n-grams.
        elif composes and token not in SPECIAL_TOKENS and (composed := vectors.get_vector(token)).any():
            rules[token] = SUBWORD
            matrix[token_id] = composed
        elif token_id != PAD_ID:
            rules[token] = NOISE
            noisy.append(token_id)
    matrix[known] = vectors.vectors[[vectors.key_to_index[keys[tokens[token_id]]] for token_id in known]]
    std = float(matrix[known].std()) if known else 0.0
    noise = np.random.default_rng(seed).normal(size=(len(noisy), vectors.vector_size))
    matrix[noisy] = noise * _NOISE_SHARE * (std or _USUAL_STD)
    return matrix, rules


def _coverage(words: Sequence[str], rules: Mapping[str, str], counts: Mapping[str, int] | None) -> Coverage:
    by_rule = Counter(rules[word] for word in words)
    missing = [word for word in words if rules[word] not in (EXACT, CASE)]
    share = None
    if counts is not None:
        # Stable: equally frequent words stay in the vocabulary's order.
        missing.sort(key=lambda word: -counts.get(word, 0))
        total, uncovered = (sum(counts.get(word, 0) for word in some) for some in (words, missing))
        share = (total - uncovered) / total if total else None
    num_by_rule = {rule: by_rule[rule] for rule in RULES}
    return Coverage(len(words), len(words) - len(missing), share, num_by_rule, tuple(missing[:_MOST_MISSING]))
