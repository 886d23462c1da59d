"""`Client` of a served model: REST without TensorFlow, or gRPC."""

from collections.abc import Iterable
from typing import Any

from supportnet.checks import check_positive, checked_texts
from supportnet.errors import UserError
from supportnet.serving.client.rest_client import RestClient
from supportnet.tasks import get_task
from supportnet.tasks.classify import TASK as CLASSIFY
from supportnet.tasks.classify.answers import Classification
from supportnet.tasks.reply import TASK as REPLY
from supportnet.tasks.reply.answers import Reply
from supportnet.tasks.suggest import TASK as SUGGEST
from supportnet.tasks.suggest.answers import Suggestion


class Client:
    """Client of a model behind TensorFlow Serving or `supportnet serve`.

    REST needs neither TensorFlow nor the extra `serve`. gRPC needs both: TensorFlow Serving's messages contain
    TensorFlow's and can't be imported without it. A client is thread-safe.

    Args:
        url: `http://host:8501` or `https://...` for REST; `grpc://host:8500`, or `grpcs://...` over TLS, for gRPC.
        model: name of the model.
        version: version to ask; the newest by default.
        label: label of the version to ask, such as `stable`.
        timeout: time limit of a request in seconds.
        retries: number of retries after 503 or 429 (UNAVAILABLE or RESOURCE_EXHAUSTED). gRPC sends a request 5 times at
            most, and also retries when it didn't reach the server.
        backoff: seconds before the second retry, doubled each time.
        batch_size: maximum number of messages of a request; more are split into several requests.

    Raises:
        UserError: if an argument is invalid.

    Example:
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
        check_positive("batch_size", batch_size)
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

    def ask(self, task: str, texts: Iterable[str], top_k: int = 5, **options: Any) -> list[Any]:
        """Return the answers of a task to messages, one record each; see `supportnet.tasks` for the tasks.

        Args:
            task: its name.
            texts: messages.
            top_k: how many of ranked answers to list, at most.
            **options: further inputs of a variant of its signature, a value for all messages, such as `tag`.
        """
        texts, kind = checked_texts(texts), get_task(task)
        check_positive("top_k", top_k)
        outputs = self.predict(kind.variant if options else kind.name, texts, **options)
        rows = ({name: values[row] for name, values in outputs.items()} for row in range(len(texts)))
        return [kind.record(text, row, top_k) for text, row in zip(texts, rows, strict=True)]

    def classify(self, texts: Iterable[str], top_k: int = 5) -> list[Classification]:
        """Classify messages; see `IntentClassifier.classify`."""
        return self.ask(CLASSIFY.name, texts, top_k)

    def suggest(self, texts: Iterable[str], top_k: int = 3, tag: str | None = None) -> list[list[Suggestion]]:
        """Suggest answers to each message, best first; none where no answer is likely enough (`has_suggestion`).

        Args:
            texts: messages.
            top_k: most answers to each.
            tag: only answers with this tag, or of this language.
        """
        return self.ask(SUGGEST.name, texts, top_k, **({} if tag is None else {"tag": tag}))

    def reply(self, texts: Iterable[str]) -> list[Reply]:
        """Write a reply to each message; see `Replier.reply`."""
        return self.ask(REPLY.name, texts)

    def predict(self, signature: str, texts: Iterable[str], **options: Any) -> dict[str, list[Any]]:
        """Run a signature that takes messages.

        Args:
            signature: name of the signature, such as `embed`.
            texts: N messages.
            **options: further inputs by name, one value for all messages.

        Returns:
            The outputs by name, N values or lists each.

        Raises:
            RequestError: if the server doesn't answer, or answers with an error.
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


def _kind(url: str) -> Any:
    scheme = url.partition("://")[0]
    if scheme in ("http", "https"):
        return RestClient
    if scheme not in ("grpc", "grpcs"):
        raise UserError(f"url must begin with http://, https://, grpc:// or grpcs://. Received: url={url!r}")
    try:
        from supportnet.serving.client.grpc_client import GrpcClient
    except ModuleNotFoundError as error:
        raise UserError(f"gRPC needs {error.name}: pip install 'supportnet[serve]'.") from None
    return GrpcClient


def _encodable(text: str) -> str:
    """Replace lone surrogates, which JSON can't carry, by U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
