"""`Client` of a served model: over REST, with urllib3 and without TensorFlow, or over gRPC (`grpc_client`)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote

import urllib3
from urllib3.util import Retry

from supportnet.checks import check_positive, checked_texts
from supportnet.errors import UserError
from supportnet.tasks.classify import TASK as CLASSIFY
from supportnet.tasks.classify.answers import Classification
from supportnet.tasks.registry import get_task
from supportnet.tasks.reply import TASK as REPLY
from supportnet.tasks.reply.answers import Reply
from supportnet.tasks.suggest import TASK as SUGGEST
from supportnet.tasks.suggest.answers import Suggestion

#: Statuses of a busy server, after which a request may be sent again.
TRY_AGAIN = (429, 503)


class RequestError(RuntimeError):
    """A request failed.

    Args:
        status: HTTP status, for both protocols: 400 for a wrong request, 404 for an unknown model, 429 or 503 for a
            busy or unreachable server, 504 for a timeout.
        message: error message of the server.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


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
        check_positive("batch_size", batch_size)
        if version is not None and label is not None:
            raise UserError(f"Give either version or label. Received: version={version}, label={label!r}")
        self._requests = _kind(url)(url, model, version, label, timeout, retries, backoff)
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
        from supportnet.serving.grpc_client import GrpcClient
    except ModuleNotFoundError as error:
        raise UserError(f"gRPC needs {error.name}: pip install 'supportnet[serve]'.") from None
    return GrpcClient


def _encodable(text: str) -> str:
    """Replace lone surrogates, which JSON can't carry, by U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


class RestClient:
    """REST requests to one version of a model; see `Client` for the arguments."""

    def __init__(
        self, url: str, model: str, version: int | None, label: str | None, timeout: float, retries: int, backoff: float
    ) -> None:
        chosen = f"/versions/{version}" if version is not None else f"/labels/{quote(label, safe='')}" if label else ""
        self._url = f"{url.rstrip('/')}/v1/models/{quote(model, safe='')}{chosen}"
        # A request that failed in another way isn't sent twice.
        never: dict[str, Any] = {"connect": 0, "read": 0, "redirect": 0, "other": 0, "allowed_methods": None}
        never["raise_on_status"] = False
        again = Retry(None, status=retries, status_forcelist=TRY_AGAIN, backoff_factor=backoff, **never)
        self._pool = urllib3.PoolManager(maxsize=32, retries=again, timeout=timeout)
        self._output = cache(self._only_output)

    def predict(self, signature: str, inputs: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Run a signature and return its outputs by name, a value or a list for each row."""
        body = json.dumps({"signature_name": signature, "inputs": dict(inputs)})
        outputs = self._ask("POST", ":predict", body)["outputs"]
        # A single output comes without its name.
        return outputs if isinstance(outputs, dict) else {self._output(signature): outputs}

    def states(self) -> dict[int, str]:
        """Return the state of each version."""
        statuses = self._ask("GET", "")["model_version_status"]
        return {int(status["version"]): status["state"] for status in statuses}

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _only_output(self, signature: str) -> str:
        signatures = self._ask("GET", "/metadata")["metadata"]["signature_def"]["signature_def"]
        return str(next(iter(signatures[signature]["outputs"])))

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        try:
            reply = self._pool.request(method, self._url + path, body=body)
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", None) or error
            late = isinstance(reason, urllib3.exceptions.ReadTimeoutError)
            raise RequestError(504 if late else 503, str(reason)) from None
        try:
            data = json.loads(reply.data)
        except ValueError:
            raise RequestError(reply.status, f"{self._url} didn't answer in JSON: {reply.data[:100]!r}") from None
        if reply.status != 200:
            raise RequestError(reply.status, data["error"] if "error" in data else str(data))
        return data
