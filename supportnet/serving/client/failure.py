"""What a client raises."""


class RequestError(RuntimeError):
    """A request that wasn't answered.

    Args:
        status: what HTTP says of it, whatever the protocol: 400 a wrong request, 404 no such model, 429 or 503 too much
            to do or not reached, 504 no answer in time.
        message: what the server said.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
