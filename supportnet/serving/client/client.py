"""`Client`: messages to a served model, answers back."""

from collections.abc import Iterable, Sequence
from typing import Any

from supportnet.errors import UserError
from supportnet.models.answers import Classification, Reply, Suggestion
from supportnet.models.messages import checked_texts
from supportnet.serving.client.rest import RestRequests


class Client:
    """Asks a model that TensorFlow Serving, or `supportnet serve`, serves.

    REST needs neither TensorFlow nor the extra `serve`. gRPC needs both: TensorFlow Serving's messages are made of
    TensorFlow's, and can't be imported without it. A client may be used by many threads.

    Args:
        url: `http://host:8501` or `https://...` for REST; `grpc://host:8500`, or `grpcs://...` over TLS, for gRPC.
        model: the model's name.
        version: ask this version; the newest if not given.
        label: or the one with this label, such as `stable`.
        timeout: seconds for the answer to a request.
        retries: how often a request that got 503 or 429 (UNAVAILABLE or RESOURCE_EXHAUSTED) is sent again; gRPC sends
            it 5 times at most, and also when it didn't reach the server.
        backoff: seconds before the second of them, doubled each time.
        batch_size: most messages of a request; more are split into several.

    Raises:
        UserError: an argument can't be right.

    Example (needs a server):
        >>> client = Client("http://localhost:8501", "tickets")
        >>> client.classify(["where is my parcel?"])[0].intent
        'track_order'
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        backoff: float = 0.2,
        batch_size: int = 64,
    ) -> None:
        _check_positive("batch_size", batch_size)
        if version is not None and label is not None:
            raise UserError(f"Give either version or label. Received: version={version}, label={label!r}")
        kind = _kind(url)
        self._requests = kind(url, model, version, label, timeout, retries, backoff)
        self._batch_size = batch_size

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._requests.close()

    def classify(self, texts: Iterable[str], top_k: int = 5) -> list[Classification]:
        """Classify messages; see `IntentClassifier.classify`."""
        texts = checked_texts(texts)
        _check_positive("top_k", top_k)
        return [
            _classification(text, row, top_k) for text, row in zip(texts, self._rows("classify", texts), strict=True)
        ]

    def suggest(self, texts: Iterable[str], top_k: int = 3, tag: str | None = None) -> list[list[Suggestion]]:
        """Suggest answers to each message, best first; none where no answer is likely enough (`has_suggestion`).

        Args:
            texts: messages.
            top_k: most answers to each.
            tag: only answers with this tag, or of this language.
        """
        texts = checked_texts(texts)
        _check_positive("top_k", top_k)
        options = {} if tag is None else {"tag": tag}
        return [
            _suggestions(row)[:top_k]
            for row in self._rows("suggest_filtered" if options else "suggest", texts, options)
        ]

    def reply(self, texts: Iterable[str]) -> list[Reply]:
        """Write a reply to each message; see `Replier.reply`."""
        rows = self._rows("reply", checked_texts(texts))
        return [Reply(row["reply"], row["reply_score"], row["handoff"]) for row in rows]

    def predict(self, signature: str, texts: Iterable[str], **options: Any) -> dict[str, list[Any]]:
        """Run any signature that takes messages.

        Args:
            signature: its name, such as `embed`.
            texts: N messages.
            **options: its further inputs by name, a value for all messages.

        Returns:
            The outputs by name, N values or lists each.

        Raises:
            RequestError: the server didn't answer, or with an error.
        """
        texts = [_encodable(text) for text in checked_texts(texts)]
        outputs: dict[str, list[Any]] = {}
        for start in range(0, max(len(texts), 1), self._batch_size):
            batch = texts[start : start + self._batch_size]
            inputs = {name: [value] * len(batch) for name, value in options.items()}
            for name, values in self._requests.predict(signature, {"text": batch, **inputs}).items():
                outputs.setdefault(name, []).extend(values)
        return outputs

    def states(self) -> dict[int, str]:
        """Return the state of each version, such as `{2: "AVAILABLE", 1: "END"}`."""
        return self._requests.states()

    def _rows(self, signature: str, texts: list[str], options: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        outputs = self.predict(signature, texts, **(options or {}))
        return [{name: values[row] for name, values in outputs.items()} for row in range(len(texts))]


def _check_positive(name: str, number: int) -> None:
    # What the layers have for this comes with Keras.
    if number < 1:
        raise UserError(f"{name} must be at least 1. Received: {name}={number}")


def _kind(url: str) -> Any:
    scheme = url.partition("://")[0]
    if scheme in ("http", "https"):
        return RestRequests
    if scheme not in ("grpc", "grpcs"):
        raise UserError(f"url must begin with http://, https://, grpc:// or grpcs://. Received: url={url!r}")
    try:
        from supportnet.serving.client.rpc import GrpcRequests
    except ModuleNotFoundError as error:
        raise UserError(f"gRPC needs {error.name}: pip install 'supportnet[serve]'.") from None
    return GrpcRequests


def _classification(text: str, row: dict[str, Any], top_k: int) -> Classification:
    intents, scores = tuple(row["intents"][:top_k]), tuple(row["intent_scores"][:top_k])
    decisions = row["in_scope"], row["in_scope_score"], row["route"]
    return Classification(text, intents[0], scores[0], intents, scores, *decisions)


def _suggestions(row: dict[str, Any]) -> list[Suggestion]:
    # What has no id fills up a row.
    listed: Sequence[Any] = list(zip(row["suggestion_ids"], row["suggestions"], row["suggestion_scores"], strict=True))
    return [Suggestion(*answer) for answer in listed if answer[0]] if row["has_suggestion"] else []


def _encodable(text: str) -> str:
    """A message with U+FFFD for lone surrogates: JSON can't carry the bytes that they have in Python."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
