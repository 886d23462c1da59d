"""What a user would pick instead to suggest replies: TF-IDF and BM25 to rank, an SVM to label, a plain search.

On STAR. A ticket's text is the context, its reply the document, its intent the label of the reply.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.metrics.ranking import ranks
from supportnet.tasks.suggest.comparison import Bm25

Floats = npt.NDArray[np.floating]
Rows = npt.NDArray[np.int64]


def peers(dataset: TicketDataset, split: str, candidates: Rows) -> list[dict[str, Any]]:
    """Rank the replies of `split` by TF-IDF and by BM25.

    Args:
        dataset: STAR; TF-IDF counts the words of its training split.
        split: the split that is ranked.
        candidates: rows of the candidates of each reply, itself first; see `draw_candidates`.

    Returns:
        One row a peer: its name, `recall_at_1`, `recall_at_5`, `recall_at_10` and `mrr`.
    """
    contexts = [ticket.text for ticket in dataset[split]]
    replies = [str(ticket.reply) for ticket in dataset[split]]
    read = [text for ticket in dataset["train"] for text in (ticket.text, str(ticket.reply))]
    scores = {
        "TF-IDF": tfidf_scores(read, contexts, replies, candidates),
        "BM25": bm25_scores(contexts, replies, candidates),
    }
    return [{"name": name, **ranking_figures(found)} for name, found in scores.items()]


def ranking_figures(scores: Floats) -> dict[str, float]:
    """Measure scores `[N, C]` whose first column is the right reply."""
    found = ranks(scores, np.zeros(len(scores), dtype="int64"))
    recalls = {f"recall_at_{k}": float(np.mean(found <= k)) for k in (1, 5, 10)}
    return {**recalls, "mrr": float(np.mean(1 / found))}


def tfidf_scores(read: Sequence[str], contexts: Sequence[str], replies: Sequence[str], candidates: Rows) -> Floats:
    """Return the cosine of each context and its candidates, `[N, C]`; `read` are the texts that give the words' idf."""
    vectorizer = TfidfVectorizer(sublinear_tf=True).fit(read)
    queries, documents = vectorizer.transform(contexts), vectorizer.transform(replies)
    cosines = [(documents[rows] @ query.T).toarray()[:, 0] for query, rows in zip(queries, candidates, strict=True)]
    return np.stack(cosines)


def bm25_scores(contexts: Sequence[str], replies: Sequence[str], candidates: Rows) -> Floats:
    """Return the BM25 scores of each context's candidates, `[N, C]`; the replies are the documents."""
    return np.take_along_axis(Bm25(replies).scores(contexts), candidates, axis=1)


def label_peers(dataset: TicketDataset, split: str = "test") -> list[dict[str, Any]]:
    """Say the label of the reply from the context, learned from the labelled pairs of the training split.

    Returns:
        One row a peer: its name, and its accuracy on the labelled pairs of `split`.
    """
    train, scored = labelled(dataset["train"]), labelled(dataset[split])
    models = {
        "nearest message, TF-IDF": make_pipeline(
            TfidfVectorizer(sublinear_tf=True), KNeighborsClassifier(1, metric="cosine")
        ),
        "TF-IDF + linear SVM": make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC(C=0.5, random_state=0)
        ),
    }
    return [{"name": name, "accuracy": model.fit(*train).score(*scored)} for name, model in models.items()]


def labelled(tickets: Sequence[Ticket]) -> tuple[list[str], list[str]]:
    """Return the contexts and the labels of the pairs that have one."""
    pairs = [(ticket.text, ticket.intent) for ticket in tickets if ticket.intent is not None]
    return [text for text, _ in pairs], [intent for _, intent in pairs]


def numpy_top_k(vectors: Floats, query: Floats, k: int) -> tuple[Rows, Floats]:
    """Search by brute force: the rows of the `k` largest dot products, the best first, and these products.

    Args:
        vectors: float32 `[N, D]`.
        query: float32 `[D]`.
        k: at most N.
    """
    scores = vectors @ query
    best = np.argpartition(scores, -k)[-k:]
    best = best[np.argsort(-scores[best])]
    return best, scores[best]
