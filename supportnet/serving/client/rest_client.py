"""Requests over REST, with urllib3 and without TensorFlow."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote

import urllib3
from urllib3.util import Retry

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


class RestClient:
    """REST requests to one version of a model; see `Client` for the arguments."""

    def __init__(
        self, url: str, model: str, version: int | None, label: str | None, timeout: float, retries: int, backoff: float
    ) -> None:
        chosen = f"/versions/{version}" if version is not None else f"/labels/{quote(label, safe='')}" if label else ""
        self._url = f"{url.rstrip('/')}/v1/models/{quote(model, safe='')}{chosen}"
        # A request that failed in another way isn't sent twice.
        again = Retry(
            total=None,
            connect=0,
            read=0,
            redirect=0,
            other=0,
            status=retries,
            status_forcelist=TRY_AGAIN,
            allowed_methods=None,
            backoff_factor=backoff,
            raise_on_status=False,
        )
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
