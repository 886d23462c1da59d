"""The shop's help centre: articles by category, for suggestions."""

from dataclasses import dataclass
from functools import cache

from supportnet.data.sample.grammar import CATEGORIES, read_resource


@dataclass(frozen=True)
class HelpArticle:
    """One article of the help centre.

    Attributes:
        id: unique and readable, such as `track-your-parcel`.
        title: what the article answers.
        text: two to five sentences.
        tags: its category and the intents that it helps with.
        language: ISO 639-1 code.
    """

    id: str
    title: str
    text: str
    tags: tuple[str, ...]
    language: str = "en"


@cache
def _articles() -> tuple[HelpArticle, ...]:
    return tuple(
        HelpArticle(id=name, title=entry["title"], text=entry["text"].strip(), tags=(category, *entry["tags"]))
        for category in CATEGORIES
        for name, entry in read_resource(f"help/{category}.toml").items()
    )


def help_articles() -> list[HelpArticle]:
    """Return the help articles that belong to the sample, at least two for each of its intents.

    Example:
        >>> help_articles()[0].id
        'cancel-an-order'
    """
    return list(_articles())
