"""Messages of four intents that a tiny network learns in seconds."""

import random

from supportnet.data.ticket import Ticket

WORDS = {
    "cancel": ["cancel", "order", "stop", "undo", "drop"],
    "login": ["password", "login", "account", "reset", "locked"],
    "refund": ["refund", "money", "back", "return", "pay"],
    "track": ["where", "parcel", "track", "arrive", "shipping"],
}
INTENTS = list(WORDS)


def messages(num_each: int, seed: int) -> list[Ticket]:
    """`num_each` messages of every intent, in words that tell it and words that don't."""
    choose = random.Random(seed).choices
    return [
        Ticket(" ".join(choose(words, k=3) + choose(["please", "my", "the", "hi"], k=2)), intent)
        for intent, words in WORDS.items()
        for _ in range(num_each)
    ]
