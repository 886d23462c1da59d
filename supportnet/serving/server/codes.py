"""Errors as TensorFlow Serving reports them: a canonical code and a message."""

from enum import IntEnum


class Code(IntEnum):
    """The canonical codes that TensorFlow and gRPC share.

    Attributes:
        http_status: its status in REST: `ToHTTPStatusCode` in TensorFlow Serving's http_server.cc.
    """

    OK = 0, 200
    CANCELLED = 1, 499
    UNKNOWN = 2, 500
    INVALID_ARGUMENT = 3, 400
    DEADLINE_EXCEEDED = 4, 504
    NOT_FOUND = 5, 404
    ALREADY_EXISTS = 6, 409
    PERMISSION_DENIED = 7, 403
    RESOURCE_EXHAUSTED = 8, 429
    FAILED_PRECONDITION = 9, 400
    ABORTED = 10, 409
    OUT_OF_RANGE = 11, 400
    UNIMPLEMENTED = 12, 501
    INTERNAL = 13, 500
    UNAVAILABLE = 14, 503
    DATA_LOSS = 15, 500
    UNAUTHENTICATED = 16, 401

    http_status: int

    def __new__(cls, value: int, http_status: int = 500) -> "Code":
        code = int.__new__(cls, value)
        code._value_, code.http_status = value, http_status
        return code


class ServingError(Exception):
    """A request or the load of a version failed.

    Args:
        code: canonical code.
        message: text for the client.

    Attributes:
        http_status: HTTP status of the code.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code, self.message, self.http_status = code, message, code.http_status


def invalid(message: str) -> ServingError:
    """Return an INVALID_ARGUMENT error: the request is wrong whatever the server's state."""
    return ServingError(Code.INVALID_ARGUMENT, message)
