"""The shop's help centre: articles by category, for suggestions."""

from supportnet.data.bank import Answer

from .grammar import CATEGORIES, read_resource


def write_articles() -> list[Answer]:
    """Return the help articles that belong to the sample, at least two for each of its intents.

    Their tags are the category and the intents that they help with.

    Example:
        >>> write_articles()[0].id
        'cancel-an-order'
    """
    return [
        Answer(name, entry["text"].strip(), entry["title"], (category, *entry["tags"]), language="en")
        for category in CATEGORIES
        for name, entry in read_resource(f"help/{category}.toml").items()
    ]
