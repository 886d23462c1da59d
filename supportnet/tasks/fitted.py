"""Numbers that are fitted on validation data, in a file of their own."""

import math
import os
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from supportnet.errors import UserError
from supportnet.files import read_json, write_json


@dataclass(frozen=True)
class Fitted:
    """A dataclass of finite numbers, some of which may be None; written as JSON.

    Raises:
        UserError: a number that isn't finite.
    """

    def __post_init__(self) -> None:
        for name, value in ((field.name, getattr(self, field.name)) for field in fields(self)):
            if value is not None and not math.isfinite(value):
                raise UserError(f"{name} must be a finite number. Received: {name}={value}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or damaged; it is named.
        """
        numbers: Any = read_json(path)
        try:
            return cls(**numbers)
        except (TypeError, UserError) as error:
            raise UserError(f"{path} is damaged or of another version of supportnet ({error}).") from None
